/* kafka_progress.c: reads back how far this instance is. Runs on the sink's thread. Does not
 * produce the record: it goes into the transaction of the events it speaks of. */
#include "storage/kafka_progress.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/uuid7.h"

/* Records from the end that are looked at first; if ours is not among them, sixteen times as many.
 */
#define FIRST_LOOK  INT64_C(4096)
#define LOOK_FACTOR 16

/* One look at the topic's end. */
struct look {
    int64_t start, next; /* offsets: first read, next to come */
    int64_t target;      /* end of the topic when the first answer came; -1: not known yet */
    bool found;          /* a record of ours was seen */
    bool known;          /* and it is of this spool */
    uint64_t position;
};

size_t kafka_progress_write(char value[KAFKA_PROGRESS_BYTES], uint64_t position,
                            const uint8_t *batch_uid, const uint8_t *spool_uid)
{
    char batch[UUID_TEXT_BYTES], spool[UUID_TEXT_BYTES];
    uuid_to_text(batch_uid, batch);
    uuid_to_text(spool_uid, spool);
    int size = snprintf(
        value, KAFKA_PROGRESS_BYTES, "{\"position\":%llu,\"batch_id\":\"%.*s\",\"spool\":\"%.*s\"}",
        (unsigned long long)position, UUID_TEXT_BYTES, batch, UUID_TEXT_BYTES, spool);
    return (size_t)size;
}

static bool read_members(const struct json_document *document, const uint8_t *spool_uid,
                         uint64_t *position)
{
    uint8_t uid[UUID_BYTES];
    const struct json_node *at = json_find(document, 0, "position");
    const struct json_node *spool = json_find(document, 0, "spool");
    if (!at || at->type != JSON_INT || at->integer < 0 || !spool || spool->type != JSON_STRING ||
        uuid_from_text(spool->text, uid) != STATUS_OK || memcmp(uid, spool_uid, UUID_BYTES) != 0)
        return false;
    *position = (uint64_t)at->integer;
    return true;
}

bool kafka_progress_parse(struct slice value, const uint8_t *spool_uid, uint64_t *position)
{
    uint8_t text[1024 + JSON_PADDING] = {0};
    struct json_document document;
    struct json_error error;
    if (value.size == 0 || value.size > sizeof text - JSON_PADDING)
        return false;
    memcpy(text, value.data, value.size);
    struct json_parser *parser = json_parser_create(4, 64);
    bool ours = parser &&
                json_parse(parser, slice_make(text, value.size), &document, &error) == STATUS_OK &&
                read_members(&document, spool_uid, position);
    json_parser_destroy(parser);
    return ours;
}

static int left_ms(int64_t deadline_ns)
{
    int64_t left = (deadline_ns - clock_monotonic_ns()) / NS_PER_MS;
    return left <= 0 ? 0 : left < KAFKA_SLICE_MS ? (int)left : KAFKA_SLICE_MS;
}

static void take_record(const struct kafka_client *client, const rd_kafka_message_t *message,
                        const uint8_t *spool_uid, struct look *look)
{
    look->next = message->offset + 1;
    if (!slice_equal_text(slice_make(message->key, message->key_len), client->name))
        return;
    look->found = true;
    look->known = kafka_progress_parse(slice_make(message->payload, message->len), spool_uid,
                                       &look->position);
}

/* The reader has come to the end of what is committed. */
static void take_end(rd_kafka_t *reader, const char *topic, int64_t offset, struct look *look)
{
    int64_t low, high;
    look->next = offset;
    if (look->target < 0 &&
        rd_kafka_get_watermark_offsets(reader, topic, KAFKA_PROGRESS_PARTITION, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
        look->target = high;
}

static rd_kafka_resp_err_t assign(rd_kafka_t *reader, const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, KAFKA_PROGRESS_PARTITION)->offset = offset;
    rd_kafka_resp_err_t error = rd_kafka_assign(reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

/* From look->start to the end the topic had when it was asked first. */
static rd_kafka_resp_err_t look_through(struct kafka_client *client, rd_kafka_t *reader,
                                        const uint8_t *spool_uid, int64_t deadline_ns,
                                        struct look *look)
{
    const char *topic = client->settings->topic_progress;
    rd_kafka_resp_err_t error = assign(reader, topic, look->start);
    look->next = look->start;
    while (!error && (look->target < 0 || look->next < look->target)) {
        if (clock_monotonic_ns() >= deadline_ns || atomic_load(&client->interrupted))
            return RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, left_ms(deadline_ns));
        if (!message)
            continue;
        if (!message->err)
            take_record(client, message, spool_uid, look);
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            take_end(reader, topic, message->offset, look);
        else
            error = message->err;
        rd_kafka_message_destroy(message);
    }
    return error;
}

static rd_kafka_resp_err_t topic_ends(struct kafka_client *client, rd_kafka_t *reader,
                                      int64_t deadline_ns, int64_t *low, int64_t *high)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (clock_monotonic_ns() < deadline_ns && !atomic_load(&client->interrupted)) {
        error = rd_kafka_query_watermark_offsets(reader, client->settings->topic_progress,
                                                 KAFKA_PROGRESS_PARTITION, low, high,
                                                 left_ms(deadline_ns));
        if (error != RD_KAFKA_RESP_ERR__TIMED_OUT && error != RD_KAFKA_RESP_ERR__TRANSPORT)
            break;
    }
    return error;
}

static enum sink_result read_problem(struct kafka_client *client, const struct look *look,
                                     rd_kafka_resp_err_t error, struct sink_problem *problem)
{
    char doing[400];
    bool held = error == RD_KAFKA_RESP_ERR__TIMED_OUT && look->target > look->next;
    snprintf(doing, sizeof doing,
             held ? "the end of topic %s can't be read yet: a transaction of another instance is "
                    "open, the brokers end it after its transaction.timeout.ms at the latest"
                  : "the position in topic %s can't be read back",
             client->settings->topic_progress);
    return kafka_problem(client, error, NULL, doing, problem);
}

enum sink_result kafka_progress_read(struct kafka_client *client, rd_kafka_t *reader,
                                     const uint8_t *spool_uid, int64_t deadline_ns,
                                     uint64_t *position, bool *known, struct sink_problem *problem)
{
    struct look look = {.target = -1};
    int64_t low = 0, high = 0, count = FIRST_LOOK;
    rd_kafka_poll_set_consumer(reader); /* from here on callbacks come with the messages */
    rd_kafka_resp_err_t error = topic_ends(client, reader, deadline_ns, &low, &high);
    while (!error) {
        look.start = high - low > count ? high - count : low;
        error = look_through(client, reader, spool_uid, deadline_ns, &look);
        if (look.found || look.start <= low)
            break;
        count *= LOOK_FACTOR;
    }
    rd_kafka_assign(reader, NULL);
    if (error)
        return read_problem(client, &look, error, problem);
    *known = look.known;
    if (look.known)
        *position = look.position;
    return SINK_DELIVERED;
}
