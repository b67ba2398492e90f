/* tile_path.c: names of tiles, read and written. Pure, any thread. */
#include "storage/evidence/formats/tile_path.h"

#include "storage/evidence/formats/note_text.h"

#define LEVEL_MAX  63
#define FULL_WIDTH 256
#define GROUP      3
#define GROUPS_MAX 7 /* 1000^6 is below 2^63 */
#define INDEX_MAX  (UINT64_MAX >> 1)
#define PARTIAL    ".p/"

/* Takes what stands before the next slash; all of it when there is none. */
static struct slice take_part(struct slice *text)
{
    const uint8_t *end = slice_find_byte(*text, '/');
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct slice part = slice_sub(*text, 0, size);
    *text = slice_sub(*text, end ? size + 1 : size, text->size);
    return part;
}

static bool add_group(struct slice digits, uint64_t *index)
{
    if (digits.size != GROUP)
        return false;
    for (size_t i = 0; i < GROUP; i++) {
        unsigned digit = digits.data[i] - (unsigned)'0';
        if (digit > 9 || *index > (INDEX_MAX - digit) / 10)
            return false;
        *index = *index * 10 + digit;
    }
    return true;
}

/* x001/x234/067: groups of three digits, the first not zero when there are several. */
static bool read_index(struct slice *text, uint64_t *index)
{
    *index = 0;
    for (size_t groups = 1; groups <= GROUPS_MAX; groups++) {
        bool more = text->size && text->data[0] == 'x';
        struct slice digits = more ? take_part(text) : slice_sub(*text, 0, GROUP);
        if (!add_group(more ? slice_sub(digits, 1, digits.size) : digits, index))
            return false;
        if (!more) {
            *text = slice_sub(*text, GROUP, text->size);
            return true;
        }
        if (groups == 1 && !*index)
            return false;
    }
    return false;
}

enum status tile_path_parse(struct slice text, struct tile_path *path)
{
    uint64_t level, index, width = FULL_WIDTH;
    if (!slice_find_byte(text, '/') || !note_text_number(take_part(&text), LEVEL_MAX, &level) ||
        !read_index(&text, &index))
        return STATUS_MALFORMED;
    if (text.size &&
        (!slice_starts_with(text, PARTIAL) ||
         !note_text_number(slice_sub(text, strlen(PARTIAL), text.size), FULL_WIDTH - 1, &width) ||
         !width))
        return STATUS_MALFORMED;
    *path = (struct tile_path){(unsigned)level, index, (unsigned)width};
    return STATUS_OK;
}

void tile_path_write(struct writer *w, const struct tile_path *path)
{
    uint64_t scale = 1;
    writer_format(w, "%u/", path->level);
    while (path->index / scale >= 1000)
        scale *= 1000;
    for (; scale > 1; scale /= 1000)
        writer_format(w, "x%03u/", (unsigned)(path->index / scale % 1000));
    writer_format(w, "%03u", (unsigned)(path->index % 1000));
    if (path->width < FULL_WIDTH)
        writer_format(w, PARTIAL "%u", path->width);
}
