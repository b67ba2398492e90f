/* kafka_progress.c: reads back the position of this instance. Runs on the sink's thread. Does not
 * produce the record: it belongs to the transaction of the events that it covers. */
#include "storage/sinks/kafka/kafka_progress.h"

#include <stdio.h>

#include "core/json/json.h"
#include "core/writer.h"
#include "storage/sinks/kafka/kafka_tail.h"

/* What is known of this instance while the topic is read. */
#define LOOK_MAGIC 0x4b4c4f4fU

struct look {
    unsigned magic; /* LOOK_MAGIC */
    const struct kafka_client *client;
    bool named;  /* a record under our name was seen */
    bool placed; /* a record of our spool and lane was seen */
    struct kafka_standing standing;
};

OBJECT_CAST(look, LOOK_MAGIC)

static void write_uuid(struct writer *w, const char *name, const uint8_t *uuid)
{
    char text[UUID_TEXT_BYTES];
    uuid_to_text(uuid, text);
    writer_format(w, ",\"%s\":\"%.*s\"", name, UUID_TEXT_BYTES, text);
}

size_t kafka_progress_write(char value[KAFKA_PROGRESS_BYTES], const struct kafka_progress *progress)
{
    struct writer w = {
        .data = (uint8_t *)value, .capacity = KAFKA_PROGRESS_BYTES, .limit = KAFKA_PROGRESS_BYTES};
    const struct kafka_author *author = &progress->author;
    const struct sink_position *there = &progress->there;
    writer_format(&w, "{\"lane\":%u,\"lanes\":%u", author->lane, author->lanes);
    if (there->known) {
        writer_format(&w, ",\"position\":%llu", (unsigned long long)there->position);
        write_uuid(&w, "batch_id", there->batch_uid);
    }
    write_uuid(&w, "spool", author->spool_uid);
    write_uuid(&w, "owner", author->owner);
    writer_u8(&w, '}');
    ensure(w.status == STATUS_OK);
    return w.size;
}

static bool read_uuid(const struct json_document *document, const char *name, uint8_t *uuid)
{
    const struct json_node *node = json_find(document, 0, name);
    return node && node->type == JSON_STRING && uuid_from_text(node->text, uuid) == STATUS_OK;
}

/* False: not a number, or too large. -1: none. */
static bool read_number(const struct json_document *document, const char *name, int64_t limit,
                        int64_t *number)
{
    const struct json_node *node = json_find(document, 0, name);
    *number = node ? node->integer : -1;
    return !node || (node->type == JSON_INT && node->integer >= 0 && node->integer <= limit);
}

static bool read_members(const struct json_document *document, struct kafka_progress *progress)
{
    int64_t position, lane, lanes;
    struct kafka_author *author = &progress->author;
    struct sink_position *there = &progress->there;
    if (!read_uuid(document, "spool", author->spool_uid) ||
        !read_uuid(document, "owner", author->owner) ||
        !read_number(document, "position", INT64_MAX, &position) ||
        !read_number(document, "lane", INT32_MAX, &lane) ||
        !read_number(document, "lanes", INT32_MAX, &lanes) || lane < 0 || lanes < 0)
        return false;
    author->lane = (unsigned)lane;
    author->lanes = (unsigned)lanes;
    there->known = position >= 0;
    there->position = there->known ? (uint64_t)position : 0;
    return !there->known || read_uuid(document, "batch_id", there->batch_uid);
}

bool kafka_progress_parse(struct slice value, struct kafka_progress *progress)
{
    uint8_t text[1024 + JSON_PADDING] = {0};
    struct json_document document;
    struct json_error error;
    if (value.size == 0 || value.size > sizeof text - JSON_PADDING)
        return false;
    memcpy(text, value.data, value.size);
    struct json_parser *parser = json_parser_create(4, 64);
    bool good = parser &&
                json_parse(parser, slice_make(text, value.size), &document, &error) == STATUS_OK &&
                read_members(&document, progress);
    json_parser_destroy(parser);
    return good;
}

static bool same_place(const struct kafka_author *a, const struct kafka_author *b)
{
    return memcmp(a->spool_uid, b->spool_uid, UUID_BYTES) == 0 && a->lane == b->lane &&
           a->lanes == b->lanes;
}

/* The position belongs to the spool: it is valid also under an earlier name of the instance. */
static void take_record(void *arg, const rd_kafka_message_t *message)
{
    struct look *look = look_cast(arg);
    const struct kafka_client *client = look->client;
    struct kafka_progress progress = {0};
    struct kafka_standing *standing = &look->standing;
    bool good = kafka_progress_parse(slice_make(message->payload, message->len), &progress);
    bool ours = slice_equal_text(slice_make(message->key, message->key_len), client->name);
    if (ours) {
        look->named = true;
        standing->taken =
            good && memcmp(progress.author.owner, client->author.owner, UUID_BYTES) != 0;
    }
    if (good && same_place(&progress.author, &client->author)) {
        look->placed = true;
        standing->there = progress.there;
    }
}

static bool has_both(void *arg)
{
    const struct look *look = look_cast(arg);
    return look->named && look->placed;
}

static enum sink_result read_problem(struct kafka_client *client, bool held,
                                     rd_kafka_resp_err_t error, struct sink_problem *problem)
{
    char doing[400];
    snprintf(doing, sizeof doing,
             held ? "the end of topic %s can't be read yet: a transaction of another instance is "
                    "open; the brokers abort it after its transaction.timeout.ms at the latest"
                  : "the position in topic %s can't be read back",
             client->settings->topic_progress);
    return kafka_problem(client, error, NULL, doing, problem);
}

enum sink_result kafka_progress_read(struct kafka_client *client, rd_kafka_t *reader,
                                     int64_t deadline_ns, struct kafka_standing *standing,
                                     struct sink_problem *problem)
{
    struct look look = {.magic = LOOK_MAGIC, .client = client};
    const struct kafka_tail tail = {.topic = client->settings->topic_progress,
                                    .partition = KAFKA_PROGRESS_PARTITION,
                                    .deadline_ns = deadline_ns,
                                    .on_message = take_record,
                                    .is_enough = has_both,
                                    .arg = &look};
    bool held;
    rd_kafka_resp_err_t error = kafka_tail_read(client, reader, &tail, &held);
    if (error)
        return read_problem(client, held, error, problem);
    *standing = look.standing;
    return SINK_DELIVERED;
}
