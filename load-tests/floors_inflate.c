/* Floors that need no JSON: inflate with zlib, find line ends. Run on the only thread of `floors`.
 * They set no limits: the input is our own. */
#include "floors.h"

#include <string.h>
#include <zlib.h>

uint32_t floors_inflate_zlib(const struct floors_batch *batch, char *scratch)
{
    static z_stream stream;
    static int open;
    if (!open && inflateInit2(&stream, 15 + 16) != Z_OK)
        return 0;
    open = 1;
    if (inflateReset(&stream) != Z_OK)
        return 0;
    stream.next_in = (z_const Bytef *)(uintptr_t)batch->coded;
    stream.avail_in = (uInt)batch->coded_bytes;
    stream.next_out = (Bytef *)scratch;
    stream.avail_out = (uInt)batch->plain_bytes + FLOORS_PADDING;
    if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.total_out != batch->plain_bytes)
        return 0;
    return batch->events;
}

uint32_t floors_memchr(const struct floors_batch *batch, char *scratch)
{
    (void)scratch;
    const char *at = batch->plain, *end = at + batch->plain_bytes;
    while (at < end && (at = memchr(at, 0xFD, (size_t)(end - at))) != NULL)
        at++;
    return 1;
}

uint32_t floors_newlines(const struct floors_batch *batch, char *scratch)
{
    const char *at = batch->plain, *end = batch->plain + batch->plain_bytes;
    uint32_t lines = 0;
    (void)scratch;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}
