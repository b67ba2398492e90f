/* key_list.c: unique keys for text formats, whose names may repeat. Pure, any thread. */
#include "parsers/key_list.h"

#include <stdio.h>

static bool has(const struct key_list *list, struct slice key)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal(list->keys[i], key))
            return true;
    return false;
}

#define SUFFIX_BYTES 8

static struct slice with_number(const struct parser_context *context, struct slice key,
                                unsigned number)
{
    char *out = context->alloc(context, key.size + SUFFIX_BYTES);
    if (!out)
        return SLICE_EMPTY;
    memcpy(out, key.data, key.size);
    int n = snprintf(out + key.size, SUFFIX_BYTES, "#%u", number);
    return slice_make(out, key.size + (size_t)n);
}

struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key)
{
    if (list->count == KEY_LIST_MAX)
        return SLICE_EMPTY;
    if (!key.size)
        key = SLICE_LITERAL("_");
    struct slice unique = key;
    for (unsigned number = 2; unique.size && has(list, unique); number++)
        unique = with_number(context, key, number);
    if (unique.size)
        list->keys[list->count++] = unique;
    return unique;
}
