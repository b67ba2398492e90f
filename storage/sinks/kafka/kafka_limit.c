/* kafka_limit.c: arithmetic of Kafka's record format 2 and of the limits on it. The lane's sink
 * thread. Queries no broker and builds no message. */
#include "storage/sinks/kafka/kafka_limit.h"

#include <string.h>

/* Head of a record batch, format 2: base offset to record count. */
#define BATCH_HEAD_BYTES 61
/* Of a record: attributes (1), timestamp delta and offset delta (0 in a batch of one: a byte each).
 */
#define RECORD_FIXED_BYTES 3
/* librdkafka's RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD: each varint of a record at its maximum size. */
#define CLIENT_OVERHEAD 36

/* Lengths are zigzag varints: seven bits a byte of twice the number. */
static size_t varint_bytes(size_t number)
{
    size_t bytes = 1;
    for (number *= 2; number >= 128; number >>= 7)
        bytes++;
    return bytes;
}

size_t kafka_size_header(size_t name_bytes, size_t value_bytes)
{
    return varint_bytes(name_bytes) + name_bytes + varint_bytes(value_bytes) + value_bytes;
}

size_t kafka_size_in_topic(const struct kafka_size *size)
{
    size_t record = RECORD_FIXED_BYTES + varint_bytes(size->key) + size->key +
                    varint_bytes(size->value) + size->value + varint_bytes(size->header_count) +
                    size->headers;
    return BATCH_HEAD_BYTES + varint_bytes(record) + record;
}

size_t kafka_size_in_client(const struct kafka_size *size)
{
    return CLIENT_OVERHEAD + size->key + size->value + size->headers;
}

struct kafka_size kafka_size_of(const rd_kafka_message_t *message)
{
    struct kafka_size size = {.key = message->key_len, .value = message->len};
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t bytes;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return size;
    while (rd_kafka_header_get_all(headers, size.header_count, &name, &value, &bytes) ==
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        size.headers += kafka_size_header(strlen(name), bytes);
        size.header_count++;
    }
    return size;
}

size_t kafka_limit_of(const struct kafka_limits *limits, enum kafka_topic topic)
{
    size_t limit = limits->told[topic] ? limits->told[topic] : SIZE_MAX;
    size_t refused = limits->refused[topic];
    return refused && refused <= limit ? refused - 1 : limit;
}

size_t kafka_limit_batch(const struct kafka_limits *limits)
{
    size_t half = limits->refused_batch / 2;
    size_t least = limits->refused_batch ? (half ? half : 1) : SIZE_MAX;
    for (size_t i = 0; i < KAFKA_TOPICS; i++)
        if (limits->told[i] && limits->told[i] < least)
            least = limits->told[i];
    return least == SIZE_MAX ? 0 : least;
}

void kafka_limits_told(struct kafka_limits *limits, const size_t *told)
{
    for (size_t i = 0; i < KAFKA_TOPICS; i++) {
        limits->told[i] = told[i];
        if (told[i] && limits->refused[i] > told[i])
            limits->refused[i] = 0;
        if (told[i] && limits->refused_batch > told[i])
            limits->refused_batch = 0;
    }
}

/* A message of batch.size or more was sent alone; otherwise another message of its batch may be the
 * reason. */
void kafka_limits_refused(struct kafka_limits *limits, enum kafka_topic topic, size_t bytes,
                          size_t batch_bytes)
{
    size_t *refused = &limits->refused_batch;
    if (bytes >= batch_bytes)
        refused = &limits->refused[topic];
    else
        bytes = batch_bytes;
    if (!*refused || bytes < *refused)
        *refused = bytes;
}
