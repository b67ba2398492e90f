/* kafka_texts.h: memory of a transaction's message values. What is written stays where it is until
 * the next reset, so that librdkafka can send it from there without a copy. One owner thread. */
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
/* Forgets all texts; nobody may look at them any more. Keeps memory for small transactions only. */
void kafka_texts_reset(struct kafka_texts *texts);
/* A writer that starts at its size as of now; NULL when memory is out. Write one text, then ask
 * kafka_texts_take. */
struct writer *kafka_texts_writer(struct kafka_texts *texts);
/* The text from `start` (the writer's size before it was written). False: it did not fit and was
 * dropped; there is more room now (or status NO_MEMORY): write it again with a new writer. */
bool kafka_texts_take(struct kafka_texts *texts, size_t start, struct slice *text);
/* Gives back the room of the text that was taken last; nobody has it. */
void kafka_texts_drop(struct kafka_texts *texts, struct slice text);

#endif
