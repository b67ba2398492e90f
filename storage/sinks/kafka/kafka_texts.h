/* kafka_texts.h: memory of a transaction's message values. Texts do not move until the next reset,
 * so that librdkafka can send them without a copy. One owner thread. */
#ifndef VSOC_STORAGE_KAFKA_TEXTS_H
#define VSOC_STORAGE_KAFKA_TEXTS_H

#include "core/writer.h"

struct kafka_chunk;

struct kafka_texts {
    struct kafka_chunk *first, *current; /* current: the one being filled */
    struct writer writer;                /* over current; never moves its bytes */
};

void kafka_texts_init(struct kafka_texts *texts);
void kafka_texts_fini(struct kafka_texts *texts);
/* Forgets all texts; nobody may use them any more. Keeps memory for small transactions only. */
void kafka_texts_reset(struct kafka_texts *texts);
/* A writer at its current size; NULL: no memory. Write one text, then call kafka_texts_take. */
struct writer *kafka_texts_writer(struct kafka_texts *texts);
/* The text from `start` (the writer's size before it was written). False: it did not fit and was
 * dropped; there is more room now (or status NO_MEMORY): write it again with a new writer. */
bool kafka_texts_take(struct kafka_texts *texts, size_t start, struct slice *text);
/* Releases the space of the text that was taken last; nobody may use it. */
void kafka_texts_drop(struct kafka_texts *texts, struct slice text);

#endif
