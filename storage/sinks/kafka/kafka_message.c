/* kafka_message.c: headers of messages after the Kafka binding of CloudEvents, binary mode, or the
 * few that the value does not have. The lane's sink thread. Writes no value and sends nothing. */
#include "storage/sinks/kafka/kafka_message.h"
#include "storage/sinks/sink_record.h"

static void put(struct kafka_heading *h, const char *name, struct slice value)
{
    size_t name_bytes = strlen(name);
    h->headers[h->count].name = name;
    h->headers[h->count].name_bytes = (uint8_t)name_bytes;
    h->headers[h->count++].value = value;
    h->bytes += kafka_size_header(name_bytes, value.size);
}

static void put_event(struct kafka_heading *h, const struct kafka_origin *origin, const char *type)
{
    put(h, "ce_specversion", SLICE_LITERAL("1.0"));
    put(h, "ce_id", slice_make(h->id, UUID_TEXT_BYTES));
    put(h, "ce_source", origin->source);
    put(h, "ce_type", slice_from_text(type));
    put(h, "ce_time", origin->received);
    put(h, "content-type", SLICE_LITERAL("application/json"));
    h->has_id = true;
}

void kafka_heading_make(struct kafka_heading *h, enum kafka_headers which,
                        const struct kafka_origin *origin, const char *type)
{
    const struct sink_batch *batch = origin->batch;
    h->count = 0;
    h->bytes = 0;
    h->has_id = false;
    if (which == KAFKA_HEADERS_NONE)
        return;
    if (which == KAFKA_HEADERS_FULL)
        put_event(h, origin, type);
    if (which == KAFKA_HEADERS_FULL) {
        put(h, "tenant", batch->tenant);
        put(h, "format", batch->format);
    }
    if (batch->traceparent.size)
        put(h, "traceparent", batch->traceparent);
}

bool kafka_message_headers(const struct kafka_message *message, rd_kafka_headers_t **headers)
{
    struct kafka_heading *h = message->heading;
    *headers = NULL;
    if (h->count == 0)
        return true;
    if (h->has_id)
        uuid_to_text(message->uid, h->id);
    *headers = rd_kafka_headers_new(h->count);
    for (unsigned i = 0; *headers && i < h->count; i++) {
        struct slice value = h->headers[i].value;
        if (rd_kafka_header_add(*headers, h->headers[i].name, h->headers[i].name_bytes, value.data,
                                (ssize_t)value.size)) {
            rd_kafka_headers_destroy(*headers);
            *headers = NULL;
        }
    }
    return *headers;
}

/* The UUID behind the text that the value starts with. */
static bool id_behind(struct slice value, const char *start, uint8_t id[UUID_BYTES])
{
    size_t size = strlen(start);
    return value.size > size + UUID_TEXT_BYTES && memcmp(value.data, start, size) == 0 &&
           uuid_from_text(slice_make(value.data + size, UUID_TEXT_BYTES), id) == STATUS_OK;
}

/* Of a quarantined record: its batch and its index. Quotes in texts are escaped, so the index's
 * name is found nowhere else. */
static bool id_of_reject(struct slice value, uint8_t id[UUID_BYTES])
{
    static const char name[] = ",\"index\":";
    uint8_t batch[UUID_BYTES];
    if (!id_behind(value, "{\"batch_uid\":\"", batch))
        return false;
    const uint8_t *at = memmem(value.data, value.size, name, sizeof name - 1);
    const uint8_t *end = value.data + value.size;
    uint64_t index = 0;
    if (!at)
        return false;
    for (at += sizeof name - 1; at < end && *at >= '0' && *at <= '9' && index < UUID7_EVENT_MAX;
         at++)
        index = index * 10 + (*at - '0');
    if (index >= UUID7_EVENT_MAX - 1)
        return false;
    uuid7_of_event(batch, (uint32_t)index, id);
    return true;
}

bool kafka_message_id_in(struct slice value, uint8_t id[UUID_BYTES])
{
    static const char *const starts[] = {"{\"event_uid\":\"", "{\"event\":{\"id\":\"",
                                         "{\"metadata\":{\"uid\":\"", SINK_RECORD_HEAD};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (id_behind(value, starts[i], id))
            return true;
    return id_of_reject(value, id);
}

bool kafka_message_id(const rd_kafka_message_t *message, uint8_t id[UUID_BYTES])
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(headers, "ce_id", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return uuid_from_text(slice_make(value, size), id) == STATUS_OK;
    return message->payload && kafka_message_id_in(slice_make(message->payload, message->len), id);
}

struct kafka_size kafka_message_size(const struct kafka_message *message)
{
    return (struct kafka_size){.key = message->key.size,
                               .value = message->value.size,
                               .headers = message->heading->bytes,
                               .header_count = message->heading->count};
}
