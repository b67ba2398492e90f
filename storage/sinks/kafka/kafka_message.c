/* kafka_message.c: headers of messages after the Kafka binding of CloudEvents, binary mode. The
 * lane's sink thread. Writes no value and sends nothing. */
#include "storage/sinks/kafka/kafka_message.h"

static void put(struct kafka_message *message, const char *name, struct slice value)
{
    message->headers[message->header_count].name = name;
    message->headers[message->header_count++].value = value;
}

void kafka_message_head(const struct kafka_origin *origin, struct kafka_message *m)
{
    const struct sink_batch *batch = origin->batch;
    m->header_count = 0;
    uuid_to_text(m->uid, m->id);
    put(m, "ce_specversion", SLICE_LITERAL("1.0"));
    put(m, "ce_id", slice_make(m->id, UUID_TEXT_BYTES));
    put(m, "ce_source", origin->source);
    put(m, "ce_type", slice_from_text(m->type));
    put(m, "ce_time", origin->received);
    put(m, "content-type", SLICE_LITERAL("application/json"));
    put(m, "tenant", batch->tenant);
    put(m, "format", batch->format);
    if (batch->traceparent.size)
        put(m, "traceparent", batch->traceparent);
}

rd_kafka_headers_t *kafka_message_headers(const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(KAFKA_HEADERS_MAX);
    for (unsigned i = 0; headers && i < message->header_count; i++) {
        struct slice value = message->headers[i].value;
        if (rd_kafka_header_add(headers, message->headers[i].name, -1, value.data,
                                (ssize_t)value.size)) {
            rd_kafka_headers_destroy(headers);
            headers = NULL;
        }
    }
    return headers;
}

struct kafka_size kafka_message_size(const struct kafka_message *message)
{
    struct kafka_size size = {.key = message->key.size,
                              .value = message->value.size,
                              .header_count = message->header_count};
    for (unsigned i = 0; i < message->header_count; i++)
        size.headers +=
            kafka_size_header(strlen(message->headers[i].name), message->headers[i].value.size);
    return size;
}
