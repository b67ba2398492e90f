/* kafka_mock.c: a mock Kafka cluster in a process of its own, for tests and demos that need no
 * Java. One thread. Keeps at most 5 MiB a partition and forgets everything at its end: librdkafka's
 * rdkafka_mock.h says what it can do.
 *
 * usage: kafka-mock [--brokers N] [TOPIC[:PARTITIONS]…]   prints bootstrap.servers=… and runs until
 * SIGTERM or SIGINT. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

static const char *const default_topics[] = {"vsoc.events.v1:6", "vsoc.quarantine.v1",
                                             "vsoc.ids-health.v1", "vsoc.findings.v1",
                                             "vsoc.progress.v1"};

static int topic_create(rd_kafka_mock_cluster_t *cluster, const char *spec)
{
    char name[256];
    snprintf(name, sizeof name, "%s", spec);
    char *colon = strrchr(name, ':');
    long partitions = 1;
    if (colon) {
        *colon = '\0';
        partitions = strtol(colon + 1, NULL, 10);
    }
    rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(cluster, name, (int)partitions, 1);
    if (error)
        fprintf(stderr, "kafka-mock: topic %s: %s\n", spec, rd_kafka_err2str(error));
    return error ? -1 : 0;
}

/* The remaining arguments are topics; without any, those of the default settings. */
static int topics_create(rd_kafka_mock_cluster_t *cluster, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (topic_create(cluster, argv[i]) != 0)
            return -1;
    for (size_t i = 0; argc == 0 && i < sizeof default_topics / sizeof *default_topics; i++)
        if (topic_create(cluster, default_topics[i]) != 0)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    int brokers = 1, number, at = 1;
    char error[256];
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (argc > 2 && !strcmp(argv[1], "--brokers")) {
        brokers = (int)strtol(argv[2], NULL, 10);
        at = 3;
    }
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof error);
    rd_kafka_mock_cluster_t *cluster = handle ? rd_kafka_mock_cluster_new(handle, brokers) : NULL;
    if (!cluster) {
        fprintf(stderr, "kafka-mock: no cluster could be made: %s\n",
                handle ? "see librdkafka's log" : error);
        return 1;
    }
    int status = topics_create(cluster, argc - at, argv + at) == 0 ? 0 : 1;
    if (status == 0) {
        printf("bootstrap.servers=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        sigwait(&stop, &number);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return status;
}
