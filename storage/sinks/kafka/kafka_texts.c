/* kafka_texts.c: a list of chunks that never move. The lane's sink thread. Does not know what is
 * written. */
#include "storage/sinks/kafka/kafka_texts.h"

#include "core/thread.h"

#include <stdlib.h>

struct kafka_chunk {
    struct kafka_chunk *next;
    size_t capacity;
    uint8_t data[];
};

#define CHUNK_BYTES (((size_t)1 << 20) - sizeof(struct kafka_chunk))

void kafka_texts_init(struct kafka_texts *texts)
{
    memset(texts, 0, sizeof *texts);
}

static void chunk_use(struct kafka_texts *texts, struct kafka_chunk *chunk)
{
    texts->current = chunk;
    texts->writer = (struct writer){.data = chunk->data,
                                    .capacity = chunk->capacity,
                                    .limit = chunk->capacity, /* it can't grow, so it can't move */
                                    .status = STATUS_OK};
}

/* Goes on in a new chunk. */
static bool chunk_add(struct kafka_texts *texts, size_t capacity)
{
    struct kafka_chunk *chunk = malloc(sizeof *chunk + capacity);
    if (!chunk)
        return false;
    chunk->capacity = capacity;
    chunk->next = NULL;
    *(texts->current ? &texts->current->next : &texts->first) = chunk;
    chunk_use(texts, chunk);
    return true;
}

static void chunks_free(struct kafka_chunk *chunk)
{
    while (chunk) {
        struct kafka_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void kafka_texts_fini(struct kafka_texts *texts)
{
    chunks_free(texts->first);
    kafka_texts_init(texts);
}

void kafka_texts_reset(struct kafka_texts *texts)
{
    if (!texts->first)
        return;
    chunks_free(texts->first->next);
    texts->first->next = NULL;
    chunk_use(texts, texts->first);
}

struct writer *kafka_texts_writer(struct kafka_texts *texts)
{
    if (!texts->current && !chunk_add(texts, CHUNK_BYTES))
        return NULL;
    return &texts->writer;
}

bool kafka_texts_take(struct kafka_texts *texts, size_t start, struct slice *text)
{
    struct writer *w = &texts->writer;
    if (w->status == STATUS_OK) {
        *text = slice_make(w->data + start, w->size - start);
        return true;
    }
    w->size = start;
    w->status = STATUS_OK;
    /* twice as large when even an empty chunk was too small */
    if (!chunk_add(texts, start ? CHUNK_BYTES : texts->current->capacity * 2))
        w->status = STATUS_NO_MEMORY;
    return false;
}

void kafka_texts_drop(struct kafka_texts *texts, struct slice text)
{
    ensure(text.data + text.size == texts->writer.data + texts->writer.size);
    texts->writer.size -= text.size;
}
