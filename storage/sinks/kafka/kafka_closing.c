/* kafka_closing.c: destroys librdkafka handles on a separate thread that can be abandoned. The
 * lane's thread and that one share struct closing; the last one frees it. */
#define LOG_COMPONENT "kafka"
#include "storage/sinks/kafka/kafka_closing.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/wait/condition.h"

#define PATIENCE_NS (10 * NS_PER_S)

#define CLOSING_MAGIC 0x4b434c4fU

struct closing {
    unsigned magic; /* CLOSING_MAGIC */
    rd_kafka_t *handle;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gone, left; /* the handle is destroyed; the lane no longer waits */
};

OBJECT_CAST(closing, CLOSING_MAGIC)

static void closing_free(struct closing *closing)
{
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->lock);
    object_end(&closing->magic);
    free(closing);
}

static void destroy(rd_kafka_t *handle)
{
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void *run(void *arg)
{
    struct closing *closing = closing_cast(arg);
    destroy(closing->handle);
    pthread_mutex_lock(&closing->lock);
    closing->gone = true;
    bool left = closing->left;
    pthread_cond_signal(&closing->changed);
    pthread_mutex_unlock(&closing->lock);
    if (left)
        closing_free(closing);
    return NULL;
}

static bool wait_until_gone(struct closing *closing)
{
    int64_t end_ns = condition_end_ns(PATIENCE_NS);
    pthread_mutex_lock(&closing->lock);
    while (!closing->gone && condition_wait(&closing->changed, &closing->lock, end_ns))
        ;
    bool gone = closing->gone;
    closing->left = !gone;
    pthread_mutex_unlock(&closing->lock);
    return gone;
}

static struct closing *closing_new(rd_kafka_t *handle)
{
    struct closing *closing = calloc(1, sizeof *closing);
    if (!closing)
        return NULL;
    closing->handle = handle;
    closing->magic = CLOSING_MAGIC;
    condition_init(&closing->changed);
    pthread_mutex_init(&closing->lock, NULL);
    return closing;
}

static bool start(struct closing *closing)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool good = pthread_create(&thread, &detached, run, closing) == 0;
    pthread_attr_destroy(&detached);
    return good;
}

void kafka_close_handle(rd_kafka_t *handle)
{
    struct closing *closing = closing_new(handle);
    if (!closing || !start(closing)) { /* no memory or no thread: destroy it here */
        if (closing)
            closing_free(closing);
        destroy(handle);
    } else if (wait_until_gone(closing)) {
        closing_free(closing);
    } else {
        metric_add(metric_series(METRIC_vsocd_kafka_clients_left_total, ""), 1);
        log_warn("a Kafka client does not stop (a bug of librdkafka before 2.7); it is abandoned "
                 "and keeps its threads and memory until vsocd exits");
    }
}
