/* kafka_tail.c: reads the end of a partition backwards in growing pieces. Runs on the reader's
 * thread. Does not know what the messages mean. */
#include "storage/sinks/kafka/kafka_tail.h"

#include "core/clock.h"

/* Messages from the end that are read first; if that is not enough, sixteen times as many. */
#define FIRST_LOOK  INT64_C(4096)
#define LOOK_FACTOR 16

/* One read of the partition's end. */
struct look {
    int64_t next;   /* offset that comes next */
    int64_t target; /* end of the partition when the first answer came; -1: not known yet */
};

static int left_ms(int64_t deadline_ns)
{
    int64_t left = (deadline_ns - clock_monotonic_ns()) / NS_PER_MS;
    return left <= 0 ? 0 : left < KAFKA_SLICE_MS ? (int)left : KAFKA_SLICE_MS;
}

/* The reader has reached the end of the committed messages. */
static void take_end(rd_kafka_t *reader, const struct kafka_tail *tail, int64_t offset,
                     struct look *look)
{
    int64_t low, high;
    look->next = offset;
    if (look->target < 0 &&
        rd_kafka_get_watermark_offsets(reader, tail->topic, tail->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
        look->target = high;
}

static rd_kafka_resp_err_t assign(rd_kafka_t *reader, const struct kafka_tail *tail, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, tail->topic, tail->partition)->offset = offset;
    rd_kafka_resp_err_t error = rd_kafka_assign(reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

/* The last count messages, to the end that the partition had at the first answer. The offsets are
 * not asked for: rd_kafka_query_watermark_offsets of librdkafka 2.0.2 repeats its request for ever,
 * whatever its timeout, if the leader that it knew is gone by then. */
static rd_kafka_resp_err_t look_through(struct kafka_client *client, rd_kafka_t *reader,
                                        const struct kafka_tail *tail, int64_t count,
                                        struct look *look)
{
    rd_kafka_resp_err_t error = assign(reader, tail, RD_KAFKA_OFFSET_TAIL(count));
    look->next = 0;
    while (!error && (look->target < 0 || look->next < look->target)) {
        if (clock_monotonic_ns() >= tail->deadline_ns || atomic_load(&client->interrupted))
            return RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, left_ms(tail->deadline_ns));
        if (!message)
            continue;
        if (!message->err) {
            look->next = message->offset + 1;
            tail->on_message(tail->arg, message);
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            take_end(reader, tail, message->offset, look);
        } else {
            error = message->err;
        }
        rd_kafka_message_destroy(message);
    }
    return error;
}

rd_kafka_resp_err_t kafka_tail_read(struct kafka_client *client, rd_kafka_t *reader,
                                    const struct kafka_tail *tail, bool *held)
{
    struct look look = {.target = -1};
    int64_t count = FIRST_LOOK;
    rd_kafka_poll_set_consumer(reader); /* from here on callbacks come with the messages */
    rd_kafka_resp_err_t error = look_through(client, reader, tail, count, &look);
    while (!error && !tail->is_enough(tail->arg) && look.target > count) {
        count *= LOOK_FACTOR;
        error = look_through(client, reader, tail, count, &look);
    }
    rd_kafka_assign(reader, NULL);
    *held = error == RD_KAFKA_RESP_ERR__TIMED_OUT && look.target > look.next;
    return error;
}
