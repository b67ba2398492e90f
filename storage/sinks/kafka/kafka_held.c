/* kafka_held.c: reads topics back to determine which events they hold. Runs on the sink's thread.
 * Keeps no message, only marks in the caller's set. */
#include "storage/sinks/kafka/kafka_held.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"

#define ASK_MS      10000
#define PATIENCE    (30 * NS_PER_S)
#define CLOCK_SLACK (3600 * NS_PER_S)

/* One partition and the offset up to which it was read. */
struct share {
    const char *topic;
    int32_t partition;
    unsigned place;
    int64_t target; /* end of the partition when the first answer came; -1: not known yet */
    bool done;
};

struct search {
    struct kafka_client *client;
    rd_kafka_t *reader;
    struct sink_held *held;
    struct share *shares;
    size_t count, open;
};

static bool add_share(struct search *s, const char *topic, int32_t partition, unsigned place)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->shares[i].topic, topic) == 0 && s->shares[i].partition == partition) {
            s->shares[i].place |= place; /* topics may share a name */
            return true;
        }
    struct share *grown = reallocarray(s->shares, s->count + 1, sizeof *grown);
    if (!grown)
        return false;
    s->shares = grown;
    s->shares[s->count++] =
        (struct share){.topic = topic, .partition = partition, .place = place, .target = -1};
    return true;
}

static rd_kafka_resp_err_t add_topic(struct search *s, const char *name, unsigned place)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(s->reader, name, NULL);
    rd_kafka_resp_err_t error =
        topic ? rd_kafka_metadata(s->reader, 0, topic, &metadata, ASK_MS) : rd_kafka_last_error();
    bool good = true;
    if (!error) {
        if (metadata->topic_cnt == 1)
            error = metadata->topics[0].err;
        for (int i = 0; good && metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt;
             i++)
            good = add_share(s, name, metadata->topics[0].partitions[i].id, place);
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return good ? error : RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
}

static rd_kafka_resp_err_t add_topics(struct search *s)
{
    const struct sink_kafka_settings *settings = s->client->settings;
    rd_kafka_resp_err_t error = add_topic(s, settings->topic_events, KAFKA_PLACE_EVENTS);
    if (!error)
        error = add_topic(s, settings->topic_health, KAFKA_PLACE_HEALTH);
    if (!error)
        error = add_topic(s, settings->topic_quarantine, KAFKA_PLACE_QUARANTINE);
    if (!error)
        error = add_topic(s, settings->topic_audit, KAFKA_PLACE_AUDIT);
    return error;
}

/* Messages have the time of receipt of their batch, or a later one: none of the range comes before
 * the first message that is not older. */
static rd_kafka_resp_err_t assign(struct search *s, int64_t oldest_ns)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->count);
    int64_t from_ms = (oldest_ns - CLOCK_SLACK) / NS_PER_MS;
    for (size_t i = 0; i < s->count; i++)
        rd_kafka_topic_partition_list_add(list, s->shares[i].topic, s->shares[i].partition)
            ->offset = from_ms > 0 ? from_ms : 0;
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(s->reader, list, ASK_MS);
    for (int i = 0; i < list->cnt && !error; i++)
        error = list->elems[i].err;
    if (!error)
        error = rd_kafka_assign(s->reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

static struct share *share_of(struct search *s, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (size_t i = 0; i < s->count; i++)
        if (s->shares[i].partition == message->partition && strcmp(s->shares[i].topic, topic) == 0)
            return &s->shares[i];
    return NULL;
}

static void take_message(struct search *s, struct share *share, const rd_kafka_message_t *message)
{
    uint8_t id[UUID_BYTES];
    if (kafka_message_id(message, id))
        sink_held_mark(s->held, id, share->place);
    share->done = share->done || (share->target >= 0 && message->offset + 1 >= share->target);
}

/* The end of the committed messages; open transactions have more after it. */
static void take_end(struct search *s, struct share *share, const rd_kafka_message_t *message)
{
    int64_t low, high;
    if (share->target < 0 &&
        rd_kafka_get_watermark_offsets(s->reader, share->topic, share->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
        share->target = high;
    share->done = share->done || (share->target >= 0 && message->offset >= share->target);
}

static rd_kafka_resp_err_t take(struct search *s, const rd_kafka_message_t *message)
{
    bool end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (message->err && !end)
        return message->err;
    struct share *share = share_of(s, message);
    if (!share)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    bool was_done = share->done;
    if (end)
        take_end(s, share, message);
    else
        take_message(s, share, message);
    s->open -= !was_done && share->done;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t read_all(struct search *s)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t last_ns = clock_monotonic_ns();
    s->open = s->count;
    while (!error && s->open) {
        if (atomic_load(&s->client->interrupted) || clock_monotonic_ns() - last_ns > PATIENCE)
            return RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_message_t *message = rd_kafka_consumer_poll(s->reader, KAFKA_SLICE_MS);
        if (!message)
            continue;
        last_ns = clock_monotonic_ns();
        error = take(s, message);
        rd_kafka_message_destroy(message);
    }
    return error;
}

enum sink_result kafka_held_find(struct kafka_client *client, rd_kafka_t *reader,
                                 struct sink_held *held, int64_t oldest_ns,
                                 struct sink_problem *problem)
{
    struct search s = {.client = client, .reader = reader, .held = held};
    rd_kafka_poll_set_consumer(reader); /* from here on callbacks arrive with the messages */
    rd_kafka_resp_err_t error = add_topics(&s);
    if (!error)
        error = assign(&s, oldest_ns);
    if (!error)
        error = read_all(&s);
    rd_kafka_assign(reader, NULL);
    free(s.shares);
    if (!error)
        return SINK_DELIVERED;
    return kafka_problem(client, error, NULL,
                         "the topics can't be read to find out which events they have", problem);
}
