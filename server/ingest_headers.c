/* ingest_headers.c: the headers that parsers get to see: Content-Type and ce-…, which hold the
 * attributes of a CloudEvent in binary mode. Worker threads. Does not read them. */
#include "server/ingest_request.h"

#include <ctype.h>

#define KEPT_BYTES_MAX 16384

static bool is_kept(struct slice name)
{
    return slice_equal_nocase(name, "content-type") ||
           slice_equal_nocase(slice_sub(name, 0, 3), "ce-");
}

static bool copy_header(struct arena *arena, struct slice name, struct slice value,
                        struct parser_header *header)
{
    uint8_t *lower = arena_alloc(arena, name.size);
    if (!lower || arena_copy(arena, value, &header->value) != STATUS_OK)
        return false;
    for (size_t i = 0; i < name.size; i++)
        lower[i] = (uint8_t)tolower(name.data[i]);
    header->name = slice_make(lower, name.size);
    return true;
}

bool request_keep_headers(struct request *r, struct refusal *refusal)
{
    struct arena *arena = &r->batch->arena;
    struct slice name, value;
    size_t count = 0, bytes = 0;
    for (size_t i = 0; http_header_at(r->exchange, i, &name, &value); i++)
        if (is_kept(name)) {
            count++;
            bytes += name.size + value.size;
        }
    if (count > PARSER_HEADERS || bytes > KEPT_BYTES_MAX)
        return refuse_with(refusal, 431, "too_many_attributes",
                           "at most 64 headers ce-… of 16384 bytes together are taken");
    if (!count)
        return true;
    r->headers = arena_alloc(arena, count * sizeof *r->headers);
    for (size_t i = 0; r->headers && http_header_at(r->exchange, i, &name, &value); i++)
        if (is_kept(name) && !copy_header(arena, name, value, &r->headers[r->header_count++]))
            r->headers = NULL;
    return r->headers || refuse_with(refusal, 503, "memory", "request memory is used up");
}
