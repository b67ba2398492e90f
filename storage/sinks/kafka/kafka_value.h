/* kafka_value.h: an event as the value of a message, in the format that is set. For kafka_outlet.c.
 * Thread: the lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_VALUE_H
#define VSOC_STORAGE_KAFKA_VALUE_H

#include "core/event/event_json.h"
#include "storage/sinks/kafka/kafka_settings.h"

/* ce_type of the format, static. */
const char *kafka_value_type(enum kafka_format format);
/* Appends the value. Errors are sticky in w->status. */
void kafka_value_write(struct writer *w, enum kafka_format format, const struct event *event,
                       struct event_json_memo *memo);

#endif
