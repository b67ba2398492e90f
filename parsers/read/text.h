/* text.h: makes a text field valid: UTF-8 (RFC 3629) without byte 0. Thread: any. */
#ifndef VSOC_PARSERS_TEXT_H
#define VSOC_PARSERS_TEXT_H

#include "core/slice.h"
#include "core/status.h"
#include "core/utf8.h"
#include "parsers/parser.h"

/* Text formats do not promise UTF-8. *text is unchanged when it is valid; else it becomes a copy
 * from context->alloc in which each byte 0 and each byte outside a character is U+FFFD, and
 * *repaired is set. 64 readable bytes follow the copy, as they follow a record. NO_MEMORY leaves
 * both. */
enum status text_repair(const struct parser_context *context, struct slice *text,
                        bool *repaired) must_check;

/* The texts one after another, written to out, which has room for them. */
static inline struct slice text_join(uint8_t *out, const struct slice *texts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].size)
            memcpy(out + size, texts[i].data, texts[i].size);
        size += texts[i].size;
    }
    return slice_make(out, size);
}

#endif
