/* kafka_texts.c: a list of chunks that never move. The lane's sink thread. Does not know what is
 * written. */
#include "storage/kafka_texts.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)1 << 20)

struct kafka_chunk {
    struct kafka_chunk *next;
    size_t capacity;
    uint8_t data[];
};

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

/* Goes on in a chunk behind the current one. */
static bool chunk_add(struct kafka_texts *texts, size_t capacity)
{
    struct kafka_chunk *chunk = malloc(sizeof *chunk + capacity);
    if (!chunk)
        return false;
    chunk->capacity = capacity;
    chunk->next = NULL;
    if (texts->current) {
        chunk->next = texts->current->next;
        texts->current->next = chunk;
    } else {
        texts->first = chunk;
    }
    chunk_use(texts, chunk);
    return true;
}

void kafka_texts_fini(struct kafka_texts *texts)
{
    while (texts->first) {
        struct kafka_chunk *next = texts->first->next;
        free(texts->first);
        texts->first = next;
    }
    kafka_texts_init(texts);
}

/* Chunks of unusual size were for one text; they go. */
void kafka_texts_reset(struct kafka_texts *texts)
{
    struct kafka_chunk **link = &texts->first;
    while (*link) {
        struct kafka_chunk *chunk = *link;
        if (chunk->capacity == CHUNK_BYTES) {
            link = &chunk->next;
            continue;
        }
        *link = chunk->next;
        free(chunk);
    }
    if (texts->first)
        chunk_use(texts, texts->first);
    else
        kafka_texts_init(texts);
}

struct writer *kafka_texts_writer(struct kafka_texts *texts)
{
    if (!texts->current && !chunk_add(texts, CHUNK_BYTES))
        return NULL;
    return &texts->writer;
}

/* Room for a text that did not fit into the current chunk: the next kept one, or a new one, twice
 * as large when even an empty chunk was too small. */
static bool make_room(struct kafka_texts *texts, bool was_empty)
{
    struct kafka_chunk *next = texts->current->next;
    if (was_empty)
        return chunk_add(texts, texts->current->capacity * 2);
    if (!next)
        return chunk_add(texts, CHUNK_BYTES);
    chunk_use(texts, next);
    return true;
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
    if (!make_room(texts, start == 0))
        w->status = STATUS_NO_MEMORY;
    return false;
}
