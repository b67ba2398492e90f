/* note_text.c: lines, numbers and base64 of the C2SP texts, in their one spelling. Pure, any
 * thread. */
#include "storage/evidence/formats/note_text.h"

#include "core/base64.h"
#include "core/utf8.h"

#define BASE64_BYTES_MAX ((size_t)4096)

bool note_text_line(struct slice *text, struct slice *line)
{
    const uint8_t *end = slice_find_byte(*text, '\n');
    if (!end)
        return false;
    size_t size = (size_t)(end - text->data);
    *line = slice_make(text->data, size);
    *text = slice_make(end + 1, text->size - size - 1);
    return true;
}

bool note_text_word(struct slice *line, struct slice *word)
{
    const uint8_t *end = slice_find_byte(*line, ' ');
    if (!end)
        return false;
    size_t size = (size_t)(end - line->data);
    *word = slice_make(line->data, size);
    *line = slice_make(end + 1, line->size - size - 1);
    return true;
}

bool note_text_number(struct slice text, uint64_t max, uint64_t *number)
{
    uint64_t v = 0;
    if (!text.size || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (v > max)
        return false;
    *number = v;
    return true;
}

size_t note_text_base64_bytes(struct slice text)
{
    if (!text.size || text.size % 4)
        return 0;
    size_t padding = 0, plain = text.size;
    while (padding < 2 && text.data[plain - 1] == '=') {
        padding++;
        plain--;
    }
    int last = 0;
    for (size_t i = 0; i < plain; i++) {
        uint8_t c = text.data[i];
        last = base64_value(c);
        if (last < 0 || c == '-' || c == '_')
            return 0;
    }
    if (last & (padding == 2 ? 15 : padding == 1 ? 3 : 0))
        return 0; /* bits that stand for nothing */
    return text.size / 4 * 3 - padding;
}

bool note_text_base64(struct slice text, uint8_t *out, size_t size)
{
    uint8_t decoded[BASE64_BYTES_MAX + 3];
    struct slice bytes;
    if (size > BASE64_BYTES_MAX || !size || note_text_base64_bytes(text) != size ||
        base64_decode(text, decoded, &bytes) != STATUS_OK || bytes.size != size)
        return false;
    memcpy(out, bytes.data, size);
    return true;
}

enum status note_text_check(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 && text.data[i] != '\n')
            return STATUS_MALFORMED;
    return utf8_check(text) == STATUS_OK ? STATUS_OK : STATUS_INVALID_UTF8;
}

enum status note_text_path(struct slice *text, struct merkle_path *path)
{
    struct slice line;
    path->count = 0;
    while (note_text_line(text, &line)) {
        if (!line.size)
            return STATUS_OK;
        if (path->count == NOTE_TEXT_PATH_MAX)
            return STATUS_TOO_MANY;
        if (!note_text_base64(line, path->hashes[path->count], MERKLE_HASH_BYTES))
            return STATUS_MALFORMED;
        path->count++;
    }
    return STATUS_MALFORMED;
}

void note_text_write_path(struct writer *w, const struct merkle_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        writer_base64(w, slice_make(path->hashes[i], MERKLE_HASH_BYTES));
        writer_u8(w, '\n');
    }
    writer_u8(w, '\n');
}
