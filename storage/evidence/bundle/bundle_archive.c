/* bundle_archive.c: headers and padding of the tar archive of a bundle. Any thread; works on memory
 * alone. Does not know what the files are. */
#include "storage/evidence/bundle/bundle_archive.h"

#include <stdio.h>

/* Offsets of fields in a header (IEEE 1003.1, pax: ustar interchange format). */
enum {
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_TIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
};
#define SIZE_DIGITS 11
#define SUM_DIGITS  6

static void put(uint8_t *header, size_t at, const char *text)
{
    memcpy(header + at, text, strlen(text));
}

static void put_octal(uint8_t *at, uint64_t v, size_t digits)
{
    for (size_t i = digits; i > 0; i--, v >>= 3)
        at[i - 1] = (uint8_t)('0' + (v & 7));
}

/* Part of a path that leads to itself: neither empty nor `.` nor `..`. */
static bool component_is_valid(struct slice part)
{
    return part.size && !slice_equal_text(part, ".") && !slice_equal_text(part, "..");
}

static bool name_is_valid(struct slice name)
{
    size_t start = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
        if (name.data[i] != '/')
            continue;
        if (!component_is_valid(slice_sub(name, start, i - start)))
            return false;
        start = i + 1;
    }
    return component_is_valid(slice_sub(name, start, SIZE_MAX));
}

enum status bundle_archive_header(struct slice name, uint64_t size,
                                  uint8_t header[BUNDLE_BLOCK_BYTES])
{
    if (!name_is_valid(name))
        return STATUS_MALFORMED;
    if (name.size > BUNDLE_NAME_BYTES_MAX || size >= BUNDLE_FILE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    memset(header, 0, BUNDLE_BLOCK_BYTES);
    memcpy(header, name.data, name.size);
    put(header, AT_MODE, "0000644");
    put(header, AT_UID, "0000000");
    put(header, AT_GID, "0000000");
    put_octal(header + AT_SIZE, size, SIZE_DIGITS);
    put(header, AT_TIME, "00000000000");
    put(header, AT_SUM, "        "); /* counted as spaces */
    put(header, AT_TYPE, "0");
    memcpy(header + AT_MAGIC,
           "ustar\0"
           "00",
           8);
    uint32_t sum = 0;
    for (size_t i = 0; i < BUNDLE_BLOCK_BYTES; i++)
        sum += header[i];
    put_octal(header + AT_SUM, sum, SUM_DIGITS);
    header[AT_SUM + SUM_DIGITS] = 0;
    return STATUS_OK;
}

size_t bundle_archive_padding(uint64_t size)
{
    return (size_t)((BUNDLE_BLOCK_BYTES - size % BUNDLE_BLOCK_BYTES) % BUNDLE_BLOCK_BYTES);
}

static bool all_zero(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i])
            return false;
    return true;
}

/* False: it has another character than octal digits. */
static bool read_octal(struct slice digits, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '7')
            return false;
        *v = *v << 3 | (uint64_t)(digits.data[i] - '0');
    }
    return true;
}

static struct slice name_of(struct slice header)
{
    const uint8_t *end = slice_find_byte(slice_sub(header, 0, BUNDLE_NAME_BYTES_MAX), 0);
    return slice_sub(header, 0, end ? (size_t)(end - header.data) : BUNDLE_NAME_BYTES_MAX);
}

enum status bundle_archive_next(struct slice archive, size_t *at, struct bundle_file *file)
{
    struct slice left = slice_sub(archive, *at, SIZE_MAX);
    struct slice header = slice_sub(left, 0, BUNDLE_BLOCK_BYTES);
    uint8_t expected[BUNDLE_BLOCK_BYTES];
    uint64_t size;
    if (left.size == BUNDLE_END_BYTES && all_zero(left))
        return STATUS_END;
    if (header.size != BUNDLE_BLOCK_BYTES ||
        !read_octal(slice_sub(header, AT_SIZE, SIZE_DIGITS), &size))
        return STATUS_CORRUPT;
    struct slice name = name_of(header);
    if (bundle_archive_header(name, size, expected) != STATUS_OK ||
        memcmp(expected, header.data, sizeof expected) != 0)
        return STATUS_CORRUPT;
    left = slice_sub(left, BUNDLE_BLOCK_BYTES, SIZE_MAX);
    size_t padding = bundle_archive_padding(size);
    if (left.size < size || left.size - size < padding ||
        !all_zero(slice_sub(left, (size_t)size, padding)))
        return STATUS_CORRUPT;
    *file = (struct bundle_file){name, slice_sub(left, 0, (size_t)size)};
    *at += BUNDLE_BLOCK_BYTES + (size_t)size + padding;
    return STATUS_OK;
}
