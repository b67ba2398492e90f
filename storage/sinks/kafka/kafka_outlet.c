/* kafka_outlet.c: builds messages and puts them into the producer's queue. Runs on the sink's
 * thread. Does not wait for their delivery and does not commit. */
#define LOG_COMPONENT "kafka"
#include "storage/sinks/kafka/kafka_outlet.h"
#include "core/reasons/record_code.h"
#include "storage/sinks/kafka/kafka_closing.h"
#include "storage/sinks/kafka/kafka_message.h"
#include "storage/sinks/kafka/kafka_value.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/event/event_json.h"
#include "storage/sinks/kafka/kafka_held.h"
#include "core/disk/fault.h"
#include "storage/sinks/sink_record.h"

/* Callbacks are served after this many messages. */
#define POLL_EVERY 4096
/* Wait for room in the queue before the next look: brokers answer within some milliseconds. */
#define ROOM_MS 1
/* Memory of the value that is kept between loads. */
#define VALUE_KEPT_BYTES ((size_t)64 << 10)

/* An event that was quarantined because of its size. */
struct kafka_diverted {
    size_t batch;
    uint32_t index;
    size_t bytes, limit;
    const char *setting; /* the limit's name */
};

bool kafka_outlet_open(struct kafka_outlet *outlet, struct kafka_client *client,
                       rd_kafka_t *producer, struct sink_problem *problem)
{
    const struct sink_kafka_settings *s = client->settings;
    outlet->client = client;
    outlet->producer = producer;
    outlet->events = rd_kafka_topic_new(producer, s->topic_events, NULL);
    outlet->quarantine = rd_kafka_topic_new(producer, s->topic_quarantine, NULL);
    outlet->health = rd_kafka_topic_new(producer, s->topic_health, NULL);
    outlet->audit = rd_kafka_topic_new(producer, s->topic_audit, NULL);
    outlet->progress = rd_kafka_topic_new(producer, s->topic_progress, NULL);
    outlet->vehicle_known = false;
    snprintf(outlet->source, sizeof outlet->source, "/vsocd/%s", client->name);
    if (!outlet->value.data)
        writer_init(&outlet->value, SIZE_MAX / 2);
    if (outlet->events && outlet->quarantine && outlet->health && outlet->audit && outlet->progress)
        return true;
    snprintf(problem->text, sizeof problem->text, "a topic of sinks.kafka.topics can't be used: %s",
             rd_kafka_err2str(rd_kafka_last_error()));
    kafka_outlet_close(outlet);
    return false;
}

static void topic_close(rd_kafka_topic_t **topic)
{
    if (*topic)
        rd_kafka_topic_destroy(*topic);
    *topic = NULL;
}

void kafka_outlet_close(struct kafka_outlet *outlet)
{
    if (!outlet->producer)
        return;
    topic_close(&outlet->events);
    topic_close(&outlet->quarantine);
    topic_close(&outlet->health);
    topic_close(&outlet->audit);
    topic_close(&outlet->progress);
    kafka_close_handle(outlet->producer);
    outlet->producer = NULL;
}

void kafka_outlet_fini(struct kafka_outlet *outlet)
{
    kafka_outlet_close(outlet);
    writer_fini(&outlet->value);
    free(outlet->diverted);
    outlet->diverted = NULL;
    outlet->diverted_count = outlet->diverted_room = 0;
}

/* Whether the message exceeds the limit of the client or its topic. Then *over has the details. */
static bool is_too_large(const struct kafka_outlet *outlet, const struct kafka_message *message,
                         enum kafka_topic kind, struct kafka_diverted *over)
{
    const struct kafka_limits *limits = &outlet->client->limits;
    struct kafka_size size = kafka_message_size(message);
    over->bytes = kafka_size_in_topic(&size);
    over->limit = kafka_limit_of(limits, kind);
    over->setting = "max.message.bytes of the topic";
    if (over->bytes > over->limit)
        return true;
    over->bytes = kafka_size_in_client(&size);
    over->limit = limits->client;
    over->setting = "message.max.bytes of sinks.kafka.properties";
    return over->bytes > over->limit;
}

/* Waits for room in the producer's queue. False: timeout. */
static bool queue_wait(struct kafka_outlet *outlet)
{
    rd_kafka_poll(outlet->producer, ROOM_MS);
    return clock_monotonic_ns() < outlet->deadline_ns && !atomic_load(&outlet->client->interrupted);
}

static void serve_callbacks(struct kafka_outlet *outlet)
{
    if (++outlet->unpolled < POLL_EVERY)
        return;
    outlet->unpolled = 0;
    rd_kafka_poll(outlet->producer, 0);
}

/* A replay leaves out events that the topic has. */
static bool is_left_out(const struct kafka_outlet *outlet, const struct kafka_message *message)
{
    const struct sink_replay *replay = outlet->replay;
    return replay && sink_held_places(replay->held, message->uid) & message->place;
}

/* librdkafka copies the value, so that its memory is freed as the brokers confirm it, and a
 * transaction may be larger than the queue. *sent: the message is needed (a dry replay only counts
 * it). */
static rd_kafka_resp_err_t message_send(struct kafka_outlet *outlet,
                                        const struct kafka_message *message, bool *sent)
{
    if (is_left_out(outlet, message))
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    *sent = true;
    if (outlet->replay && outlet->replay->dry_run)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t error;
    if (!kafka_message_headers(message, &headers))
        return RD_KAFKA_RESP_ERR__FAIL;
    do {
        error = rd_kafka_producev(
            outlet->producer, RD_KAFKA_V_RKT(message->topic),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY((void *)(uintptr_t)message->key.data, message->key.size),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.data, message->value.size),
            RD_KAFKA_V_TIMESTAMP(outlet->timestamp_ms), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && queue_wait(outlet));
    if (error && headers)
        rd_kafka_headers_destroy(headers);
    serve_callbacks(outlet);
    return error;
}

/* Brokers refuse records with a time in the future, and with them all that follow. Batches received
 * while the clock was ahead are delivered once it is correct; ce_time has the time of receipt. */
static int64_t timestamp_of(const struct kafka_outlet *outlet, const struct sink_batch *batch)
{
    int64_t now_ns = outlet->now_ns;
    return (batch->received_ns < now_ns ? batch->received_ns : now_ns) / NS_PER_MS;
}

static void make_headings(struct kafka_outlet *outlet)
{
    const char *type = kafka_value_type((enum kafka_format)outlet->client->settings->format);
    enum kafka_headers which = (enum kafka_headers)outlet->client->settings->headers;
    struct kafka_origin origin = {.batch = outlet->batch,
                                  .source = slice_from_text(outlet->source),
                                  .received =
                                      slice_make(outlet->received_text, outlet->received_size)};
    kafka_heading_make(&outlet->event_heading, which, &origin, type);
    kafka_heading_make(&outlet->reject_heading, which, &origin, "vsoc.quarantine.v1");
    kafka_heading_make(&outlet->record_heading, which, &origin, "vsoc.audit.v1");
}

static void batch_start(struct kafka_outlet *outlet, const struct sink_batch *batch)
{
    uint8_t room[64];
    struct writer time = {.data = room, .capacity = sizeof room, .limit = sizeof room};
    outlet->batch = batch;
    outlet->timestamp_ms = timestamp_of(outlet, batch);
    uuid_to_text(batch->batch_uid, outlet->batch_text);
    event_json_write_time(&time, batch->received_ns);
    outlet->received_size = time.size - 2; /* without its quotes */
    memcpy(outlet->received_text, room + 1, outlet->received_size);
    make_headings(outlet);
}

/* Hex of the vehicle; most batches are from one vehicle. */
static struct slice vehicle_key(struct kafka_outlet *outlet, const struct event *event)
{
    if (!EVENT_HAS(event, vehicle_pid) || event->vehicle_pid.size != SHA256_BYTES)
        return slice_make(outlet->batch_text, UUID_TEXT_BYTES);
    if (!outlet->vehicle_known ||
        memcmp(outlet->vehicle, event->vehicle_pid.data, SHA256_BYTES) != 0) {
        struct writer hex = {.data = (uint8_t *)outlet->vehicle_text,
                             .capacity = sizeof outlet->vehicle_text,
                             .limit = sizeof outlet->vehicle_text};
        memcpy(outlet->vehicle, event->vehicle_pid.data, SHA256_BYTES);
        writer_hex(&hex, event->vehicle_pid);
        outlet->vehicle_known = true;
    }
    return slice_make(outlet->vehicle_text, sizeof outlet->vehicle_text);
}

/* Empty, for the value of the next message. */
static struct writer *value_start(struct kafka_outlet *outlet)
{
    writer_reset(&outlet->value);
    return &outlet->value;
}

/* False: no memory. */
static bool value_take(struct kafka_outlet *outlet, struct kafka_message *message)
{
    message->value = writer_slice(&outlet->value);
    return outlet->value.status == STATUS_OK;
}

/* Members of a quarantined record that come from its batch. */
static struct slice reject_extra(const struct kafka_outlet *outlet, struct writer *extra)
{
    const struct sink_batch *batch = outlet->batch;
    writer_text(extra, "\"batch_uid\":\"");
    writer_bytes(extra, outlet->batch_text, UUID_TEXT_BYTES);
    writer_text(extra, "\",\"tenant_id\":");
    writer_json_string(extra, batch->tenant);
    writer_text(extra, ",\"time_received\":");
    event_json_write_time(extra, batch->received_ns);
    writer_text(extra, ",\"format\":");
    writer_json_string(extra, batch->format);
    writer_u8(extra, ',');
    return writer_slice(extra);
}

/* A quarantined record as text: a reference. Its bytes may name a vehicle, and nothing records who
 * reads a topic. */
static bool reject_text(struct kafka_outlet *outlet, struct slice members,
                        const struct event_reject *reject, struct kafka_message *message)
{
    struct event_reject reference = *reject;
    reference.raw = SLICE_EMPTY;
    event_json_write_reject(value_start(outlet), members, &reference);
    return value_take(outlet, message);
}

/* A failed transaction accepts no more messages: report the error that made it fail. */
static enum sink_result send_failed(struct kafka_outlet *outlet, rd_kafka_resp_err_t error,
                                    struct sink_problem *problem)
{
    rd_kafka_poll(outlet->producer, 0);
    if (outlet->client->delivery_error)
        error = outlet->client->delivery_error;
    return kafka_problem(outlet->client, error, NULL, "a message could not be handed to the client",
                         problem);
}

static enum sink_result no_memory(struct sink_problem *problem)
{
    snprintf(problem->text, sizeof problem->text, "no memory for the messages of a load");
    return SINK_LATER;
}

static enum sink_result quarantine_too_small(const struct kafka_diverted *over,
                                             struct sink_problem *problem)
{
    snprintf(problem->text, sizeof problem->text,
             "a reference to a quarantined record takes %zu bytes and %s is %zu: raise it to 4096 "
             "or more",
             over->bytes, over->setting, over->limit);
    return SINK_BROKEN;
}

/* Leaves out its detail if it is too large. */
static enum sink_result fit_reject(struct kafka_outlet *outlet, struct kafka_message *message,
                                   const struct event_reject *reject, struct sink_problem *problem)
{
    struct event_reject cut = *reject;
    struct kafka_diverted over;
    struct writer extra;
    enum sink_result result = SINK_DELIVERED;
    writer_init(&extra, 1 << 20);
    struct slice members = reject_extra(outlet, &extra);
    bool good = extra.status == STATUS_OK && reject_text(outlet, members, &cut, message);
    if (good && is_too_large(outlet, message, KAFKA_QUARANTINE, &over)) {
        cut.detail = SLICE_EMPTY;
        good = reject_text(outlet, members, &cut, message);
        if (good && is_too_large(outlet, message, KAFKA_QUARANTINE, &over))
            result = quarantine_too_small(&over, problem);
    }
    writer_fini(&extra);
    return good ? result : no_memory(problem);
}

static enum sink_result send_reject(struct kafka_outlet *outlet, const struct event_reject *reject,
                                    struct sink_problem *problem)
{
    struct kafka_message message = {.topic = outlet->quarantine,
                                    .heading = &outlet->reject_heading,
                                    .place = KAFKA_PLACE_QUARANTINE,
                                    .key = slice_make(outlet->batch_text, UUID_TEXT_BYTES)};
    uint8_t uid[UUID_BYTES];
    bool sent = false;
    uuid7_of_event(outlet->batch->batch_uid, reject->index, uid);
    message.uid = uid;
    enum sink_result result = fit_reject(outlet, &message, reject, problem);
    if (result != SINK_DELIVERED)
        return result;
    rd_kafka_resp_err_t error = message_send(outlet, &message, &sent);
    outlet->put += sent;
    return error ? send_failed(outlet, error, problem) : SINK_DELIVERED;
}

static void diverted_reason(const struct kafka_diverted *d, char text[160])
{
    snprintf(text, 160, "message of %zu bytes with key, headers and overhead is over the %zu of %s",
             d->bytes, d->limit, d->setting);
}

/* An event that is too large goes to quarantine without its bytes; batch, index, raw_offset and
 * raw_size locate them. */
static enum sink_result send_diverted(struct kafka_outlet *outlet, const struct event *event,
                                      const char *reason, struct sink_problem *problem)
{
    struct event_reject reject = {
        .index = (uint32_t)event->batch_index,
        .raw_offset = EVENT_HAS(event, raw_offset) ? (uint64_t)event->raw_offset : 0,
        .raw_size = EVENT_HAS(event, raw_size) ? (uint64_t)event->raw_size : 0,
        .parser = event->parser_name,
        .code = slice_from_text(record_code_text(RECORD_too_large)),
        .detail = slice_from_text(reason)};
    return send_reject(outlet, &reject, problem);
}

/* In the same pass, so that the rest of the load is not delayed. */
static enum sink_result divert(struct kafka_outlet *outlet, const struct event *event,
                               const struct kafka_diverted *over, struct sink_problem *problem)
{
    char reason[160];
    if (outlet->diverted_count == outlet->diverted_room) {
        size_t room = outlet->diverted_room ? outlet->diverted_room * 2 : 64;
        struct kafka_diverted *grown = reallocarray(outlet->diverted, room, sizeof *grown);
        if (!grown)
            return no_memory(problem);
        outlet->diverted = grown;
        outlet->diverted_room = room;
    }
    outlet->diverted[outlet->diverted_count++] = *over;
    diverted_reason(over, reason);
    return send_diverted(outlet, event, reason, problem);
}

void kafka_outlet_tell_diverted(const struct kafka_outlet *outlet, const struct sink_load *load)
{
    char reason[160];
    for (size_t i = 0; i < outlet->diverted_count; i++) {
        const struct kafka_diverted *d = &outlet->diverted[i];
        diverted_reason(d, reason);
        load->reject(load, &(struct sink_rejected){d->batch, d->index, reason});
    }
}

static enum sink_result send_event(struct kafka_outlet *outlet, size_t batch,
                                   const struct event *event, struct sink_problem *problem)
{
    struct kafka_message message = {.topic = outlet->events,
                                    .heading = &outlet->event_heading,
                                    .place = KAFKA_PLACE_EVENTS,
                                    .uid = event->event_uid.data};
    struct kafka_diverted over = {.batch = batch, .index = (uint32_t)event->batch_index};
    bool health = slice_equal(event->event_category, SLICE_LITERAL("ids_health")), sent = false;
    message.key = vehicle_key(outlet, event);
    kafka_value_write(value_start(outlet), (enum kafka_format)outlet->client->settings->format,
                      event, &outlet->memo);
    if (!value_take(outlet, &message))
        return no_memory(problem);
    if (is_too_large(outlet, &message, KAFKA_EVENTS, &over) ||
        (health && is_too_large(outlet, &message, KAFKA_HEALTH, &over)))
        return divert(outlet, event, &over, problem);
    rd_kafka_resp_err_t error = message_send(outlet, &message, &sent);
    if (!error && health) {
        message.topic = outlet->health;
        message.place = KAFKA_PLACE_HEALTH;
        error = message_send(outlet, &message, &sent);
    }
    outlet->put += sent;
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) /* a librdkafka that counts otherwise */
        return divert(outlet, event, &over, problem);
    return error ? send_failed(outlet, error, problem) : SINK_DELIVERED;
}

static enum sink_result send_item(struct kafka_outlet *outlet, const struct sink_load *load,
                                  size_t batch, const struct event_item *item,
                                  struct sink_problem *problem)
{
    if (item->is_reject)
        return send_reject(outlet, &item->reject, problem);
    const struct sink_rejected *rejected =
        sink_load_find_rejected(load, batch, item->event.batch_index);
    if (rejected)
        return send_diverted(outlet, &item->event, rejected->reason ? rejected->reason : "",
                             problem);
    return send_event(outlet, batch, &item->event, problem);
}

/* A record of the audit log, by the spool that it is from, so that one partition has them in order.
 */
static enum sink_result send_record(struct kafka_outlet *outlet, const struct sink_load *load,
                                    const struct sink_batch *batch, struct sink_problem *problem)
{
    struct kafka_message message = {.topic = outlet->audit,
                                    .heading = &outlet->record_heading,
                                    .place = KAFKA_PLACE_AUDIT,
                                    .uid = batch->batch_uid};
    struct kafka_diverted over;
    char spool[UUID_TEXT_BYTES];
    bool sent = false;
    uuid_to_text(load->spool_uid, spool);
    message.key = slice_make(spool, UUID_TEXT_BYTES);
    sink_record_write(value_start(outlet), batch, load->spool_uid);
    if (!value_take(outlet, &message))
        return no_memory(problem);
    if (is_too_large(outlet, &message, KAFKA_AUDIT, &over)) {
        snprintf(
            problem->text, sizeof problem->text,
            "a record of the audit log takes %zu bytes and %s is %zu: raise it to 65536 or more",
            over.bytes, over.setting, over.limit);
        return SINK_BROKEN;
    }
    rd_kafka_resp_err_t error = message_send(outlet, &message, &sent);
    outlet->put += sent;
    return error ? send_failed(outlet, error, problem) : SINK_DELIVERED;
}

static enum sink_result load_lost(const struct kafka_outlet *outlet, struct sink_problem *problem)
{
    bool interrupted = atomic_load(&outlet->client->interrupted);
    snprintf(problem->text, sizeof problem->text, "%s",
             interrupted ? "interrupted" : "events of the load can't be read from the spool now");
    return SINK_LATER;
}

void kafka_outlet_start(struct kafka_outlet *outlet)
{
    outlet->put = 0;
    outlet->diverted_count = 0;
}

void kafka_outlet_rest(struct kafka_outlet *outlet)
{
    if (outlet->value.capacity > VALUE_KEPT_BYTES)
        writer_fini(&outlet->value);
}

enum sink_result kafka_outlet_send(struct kafka_outlet *outlet, const struct sink_load *load,
                                   size_t from, size_t to, int64_t deadline_ns,
                                   struct sink_problem *problem)
{
    enum sink_result result = SINK_DELIVERED;
    struct sink_iterator iterator = {0};
    struct event_item item;
    outlet->deadline_ns = deadline_ns;
    outlet->now_ns = clock_wall_ns();
    for (size_t b = from; b < to && result == SINK_DELIVERED; b++) {
        batch_start(outlet, &load->batches[b]);
        load->begin(load, b, &iterator);
        enum sink_next next = SINK_NEXT_ITEM;
        if (sink_is_record(&load->batches[b]))
            result = send_record(outlet, load, &load->batches[b], problem);
        if (atomic_load(&outlet->client->interrupted))
            next = SINK_NEXT_LOST; /* equivalent: nothing of it is kept */
        while (result == SINK_DELIVERED && next == SINK_NEXT_ITEM)
            if ((next = load->next(&iterator, &item)) == SINK_NEXT_ITEM)
                result = send_item(outlet, load, b, &item, problem);
        if (result == SINK_DELIVERED && next == SINK_NEXT_LOST)
            result = load_lost(outlet, problem);
        fault_point(kafka_message_produced);
    }
    return result;
}

enum sink_result kafka_outlet_send_progress(struct kafka_outlet *outlet,
                                            const struct kafka_progress *progress,
                                            struct sink_problem *problem)
{
    char value[KAFKA_PROGRESS_BYTES];
    if (outlet->replay)
        return SINK_DELIVERED;
    size_t size = kafka_progress_write(value, progress);
    rd_kafka_resp_err_t error;
    do {
        error = rd_kafka_producev(
            outlet->producer, RD_KAFKA_V_RKT(outlet->progress),
            RD_KAFKA_V_PARTITION(KAFKA_PROGRESS_PARTITION),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY((void *)(uintptr_t)outlet->client->name, strlen(outlet->client->name)),
            RD_KAFKA_V_VALUE(value, size), RD_KAFKA_V_END);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && queue_wait(outlet));
    return error ? send_failed(outlet, error, problem) : SINK_DELIVERED;
}
