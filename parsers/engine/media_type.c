/* media_type.c: splits a Content-Type. Pure, any thread. Knows no formats. */
#include "parsers/engine/media_type.h"

/* The text before the next semicolon, trimmed; *rest continues after it. */
static struct slice next_part(struct slice *rest)
{
    const uint8_t *semicolon = slice_find_byte(*rest, ';');
    size_t size = semicolon ? (size_t)(semicolon - rest->data) : rest->size;
    struct slice part = slice_trim(slice_sub(*rest, 0, size));
    *rest = slice_sub(*rest, semicolon ? size + 1 : size, rest->size);
    return part;
}

enum status media_type_read(struct slice value, struct slice *media, enum split_prefix *prefix)
{
    struct slice type = next_part(&value);
    enum split_prefix found = SPLIT_PREFIX_NONE;
    while (value.size) {
        struct slice part = next_part(&value);
        if (!slice_starts_with(part, "framing="))
            continue;
        struct slice framing = slice_sub(part, 8, part.size);
        if (slice_equal_text(framing, "u16"))
            found = SPLIT_PREFIX_U16;
        else if (slice_equal_text(framing, "u32"))
            found = SPLIT_PREFIX_U32;
        else if (!slice_equal_text(framing, "none"))
            return STATUS_UNSUPPORTED;
    }
    *media = type;
    *prefix = found;
    return STATUS_OK;
}
