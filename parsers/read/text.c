/* text.c: repairs UTF-8. Pure, any thread. */
#include "parsers/read/text.h"

#define PADDING 64 /* readable bytes after a record */

enum status text_repair(const struct parser_context *context, struct slice *text, bool *repaired)
{
    if (utf8_is_plain(*text) || utf8_check(*text) == STATUS_OK)
        return STATUS_OK;
    uint8_t *out = context->alloc(context, text->size * 3 + PADDING);
    if (!out)
        return STATUS_NO_MEMORY;
    size_t size = 0;
    for (size_t at = 0; at < text->size;) {
        size_t n = text->data[at] ? utf8_size(text->data + at, text->size - at) : 0;
        memcpy(out + size, n ? text->data + at : (const uint8_t *)"\xEF\xBF\xBD", n ? n : 3);
        size += n ? n : 3;
        at += n ? n : 1;
    }
    *text = slice_make(out, size);
    *repaired = true;
    return STATUS_OK;
}
