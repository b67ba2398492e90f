/* kafka_mock.c: librdkafka's mock brokers as a program: for the quickstart without Java and for
 * tests. Prints bootstrap.servers=…, then runs until it is told to stop (SIGTERM). Keeps
 * nothing, and knows no admin requests: the topics are those of the default settings, or named. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const default_topics[] = {"vsoc.events.v1:6", "vsoc.quarantine.v1:1",
                                             "vsoc.ids-health.v1:1", "vsoc.findings.v1:1",
                                             "vsoc.progress.v1:1"};

static int topic_make(rd_kafka_mock_cluster_t *cluster, const char *spec)
{
    char name[250];
    const char *colon = strchr(spec, ':');
    int partitions = colon ? (int)strtol(colon + 1, NULL, 10) : 1;
    snprintf(name, sizeof name, "%.*s", (int)(colon ? (size_t)(colon - spec) : strlen(spec)), spec);
    return rd_kafka_mock_topic_create(cluster, name, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : 1;
}

int main(int argc, char **argv)
{
    char why[256];
    sigset_t stop;
    int failed = 0, signal_number;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        puts("usage: kafka-mock [TOPIC:PARTITIONS …]");
        return 0;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* for the library's threads as well */
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    rd_kafka_mock_cluster_t *cluster = handle ? rd_kafka_mock_cluster_new(handle, 1) : NULL;
    if (!cluster) {
        fprintf(stderr, "kafka-mock: no mock cluster: %s\n", handle ? "out of memory" : why);
        return 1;
    }
    for (size_t i = 0; argc == 1 && i < sizeof default_topics / sizeof *default_topics; i++)
        failed |= topic_make(cluster, default_topics[i]);
    for (int i = 1; i < argc; i++)
        failed |= topic_make(cluster, argv[i]);
    if (!failed) {
        printf("bootstrap.servers=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        sigwait(&stop, &signal_number);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return failed;
}
