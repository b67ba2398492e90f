/* writer.h: growing byte writer with a sticky error. Storage comes from malloc and can be reused
 * from batch to batch. Write straight through, test writer.status once at the end. One owner
 * thread. */
#ifndef VSOC_CORE_WRITER_H
#define VSOC_CORE_WRITER_H

#include "core/slice.h"
#include "core/status.h"

struct writer {
    uint8_t *data;
    size_t size;        /* bytes written */
    size_t capacity;    /* bytes held */
    size_t limit;       /* capacity never grows past it */
    enum status status; /* OK, or TOO_LARGE / NO_MEMORY: sticky, later writes do nothing */
};

/* Empties *w; takes no memory yet. */
void writer_init(struct writer *w, size_t limit_bytes);
/* Frees the storage. */
void writer_fini(struct writer *w);
/* Frees the memory after the content when that saves enough. */
void writer_trim(struct writer *w);
/* Makes room for size more bytes; false (and sticky status) when the limit or memory is reached. */
bool writer_reserve_slow(struct writer *w, size_t size);

/* Forgets what was written, keeps the storage. */
static inline void writer_reset(struct writer *w)
{
    w->size = 0;
    w->status = STATUS_OK;
}

static inline bool writer_reserve(struct writer *w, size_t size)
{
    if (w->status == STATUS_OK && size <= w->capacity - w->size)
        return true;
    return writer_reserve_slow(w, size);
}

static inline struct slice writer_slice(const struct writer *w)
{
    return slice_make(w->data, w->size);
}

static inline void writer_bytes(struct writer *w, const void *data, size_t size)
{
    if (size == 0 || !writer_reserve(w, size))
        return;
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static inline void writer_add_slice(struct writer *w, struct slice s)
{
    writer_bytes(w, s.data, s.size);
}

static inline void writer_text(struct writer *w, const char *text)
{
    writer_bytes(w, text, strlen(text));
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    writer_bytes(w, &v, 1);
}

/* The low bytes of v, big-endian. */
static inline void writer_uint_be(struct writer *w, uint64_t v, size_t bytes)
{
    uint8_t b[8];
    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    writer_bytes(w, b, bytes);
}

/* The low bytes of v, little-endian. */
static inline void writer_uint_le(struct writer *w, uint64_t v, size_t bytes)
{
    uint8_t b[8];
    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    writer_bytes(w, b, bytes);
}

/* LEB128. */
static inline void writer_varint(struct writer *w, uint64_t v)
{
    if (!writer_reserve(w, 10))
        return;
    while (v >= 0x80) {
        w->data[w->size++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    w->data[w->size++] = (uint8_t)v;
}

/* Decimal digits. */
void writer_decimal(struct writer *w, int64_t v);
/* Lower-case hex of s. */
void writer_hex(struct writer *w, struct slice s);
/* Standard base64 with padding (RFC 4648 §4). */
void writer_base64(struct writer *w, struct slice s);
/* Bytes at the head of s, up to a character's end, whose escapes in a JSON string add at most
 * `more` bytes; s.size when all of it fits. */
size_t writer_json_fitting(struct slice s, size_t more);
/* s between quotes as a JSON string (RFC 8259 §7). s must be valid UTF-8. */
void writer_json_string(struct writer *w, struct slice s);
/* v as the shortest decimal that reads back as v; null for NaN and infinities (JSON has none). */
void writer_json_double(struct writer *w, double v);
void writer_format(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
