/* ingest_headers.c: the headers passed to parsers: Content-Type and ce-…, which hold the attributes
 * of a CloudEvent in binary mode, and query parameters. Worker threads. Does not interpret them. */
#include "server/http/http_query.h"
#include "server/ingest/http/ingest_request.h"

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

/* Query parameters, as headers ?NAME after the others. */
static bool keep_query(struct request *r, struct refusal *refusal)
{
    struct arena *arena = &r->sub.batch->arena;
    struct slice value;
    for (const char *const *name = r->dialect->query_names; name && *name; name++) {
        enum status s = http_query_value(http_query(r->exchange), *name, arena, &value);
        if (s == STATUS_MALFORMED)
            return refusal_set(refusal, REFUSAL_bad_query);
        if (s == STATUS_NO_MEMORY)
            return refusal_set(refusal, REFUSAL_memory);
        if (s == STATUS_OK)
            r->sub.headers[r->sub.header_count++] =
                (struct parser_header){slice_from_text(arena_format(arena, "?%s", *name)), value};
    }
    return true;
}

static size_t query_count(const struct request *r)
{
    size_t count = 0;
    while (r->dialect->query_names && r->dialect->query_names[count])
        count++;
    return count;
}

bool request_keep_headers(struct request *r, struct refusal *refusal)
{
    struct arena *arena = &r->sub.batch->arena;
    struct slice name, value;
    size_t count = query_count(r), bytes = 0;
    for (size_t i = 0; http_header_at(r->exchange, i, &name, &value); i++)
        if (is_kept(name)) {
            count++;
            bytes += name.size + value.size;
        }
    if (count > PARSER_HEADERS || bytes > KEPT_BYTES_MAX)
        return refusal_set(refusal, REFUSAL_too_many_attributes);
    if (!count)
        return true;
    r->sub.headers = arena_alloc(arena, count * sizeof *r->sub.headers);
    for (size_t i = 0; r->sub.headers && http_header_at(r->exchange, i, &name, &value); i++)
        if (is_kept(name) &&
            !copy_header(arena, name, value, &r->sub.headers[r->sub.header_count++]))
            r->sub.headers = NULL;
    if (!r->sub.headers)
        return refusal_set(refusal, REFUSAL_memory);
    return keep_query(r, refusal);
}
