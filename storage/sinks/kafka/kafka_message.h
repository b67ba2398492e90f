/* kafka_message.h: one message for Kafka: its headers and its size. For kafka_outlet.c. Thread: the
 * lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_MESSAGE_H
#define VSOC_STORAGE_KAFKA_MESSAGE_H

#include "core/uuid7.h"
#include "storage/sinks/kafka/kafka_client.h"

#define KAFKA_HEADERS_MAX 9

/* Places of an event. */
enum kafka_place {
    KAFKA_PLACE_EVENTS = 1,
    KAFKA_PLACE_HEALTH = 2,
    KAFKA_PLACE_QUARANTINE = 4,
    KAFKA_PLACE_AUDIT = 8,
};

/* The origin of a message: batch and server, for its headers. */
struct kafka_origin {
    const struct sink_batch *batch;
    struct slice source;   /* ce_source */
    struct slice received; /* ce_time, RFC 3339 */
};

/* Headers of the messages of one kind of one batch: only ce_id differs. */
struct kafka_heading {
    struct {
        const char *name;
        uint8_t name_bytes;
        struct slice value;
    } headers[KAFKA_HEADERS_MAX];
    unsigned count;
    size_t bytes; /* of all of them, as a record has them */
    bool has_id;  /* ce_id is one of them, its value is id */
    char id[UUID_TEXT_BYTES];
};

struct kafka_message {
    rd_kafka_topic_t *topic;
    struct kafka_heading *heading;
    enum kafka_place place;
    struct slice key, value;
    const uint8_t *uid; /* ce_id */
};

/* The headers that the setting asks for; type is ce_type. The heading refers to origin's texts. */
void kafka_heading_make(struct kafka_heading *heading, enum kafka_headers which,
                        const struct kafka_origin *origin, const char *type);
/* The message's headers for librdkafka, which owns them once it has taken the message. False: no
 * memory. NULL in *headers: there are none. */
bool kafka_message_headers(const struct kafka_message *message, rd_kafka_headers_t **headers);
/* The id of a message, whatever the settings were: header ce_id, else what its value says. False:
 * it has none. Thread: any. */
bool kafka_message_id(const rd_kafka_message_t *message, uint8_t id[UUID_BYTES]);
/* The id that a value has: of an event its first member, of a quarantined record by its batch and
 * index. Thread: any. */
bool kafka_message_id_in(struct slice value, uint8_t id[UUID_BYTES]);
/* With key, value and heading set. */
struct kafka_size kafka_message_size(const struct kafka_message *message);

#endif
