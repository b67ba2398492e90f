/* kafka_closing.h: destroys librdkafka handles, which may never return. For sink_kafka.c and
 * kafka_outlet.c. Thread: the one that used the handle. */
#ifndef VSOC_STORAGE_KAFKA_CLOSING_H
#define VSOC_STORAGE_KAFKA_CLOSING_H

#include <librdkafka/rdkafka.h>

/* Destroys a handle. librdkafka (2.0.0 to 2.6, issues 4375, 4486, 4674) may lose count of its
 * references when leaders change and then never returns: after ten seconds the handle is left to
 * its thread, with a warning and a count, and the caller continues. */
void kafka_close_handle(rd_kafka_t *handle);

#endif
