/* work.c: the end of a piece of work. Pure but for the caller's pause; any thread. */
#include "parsers/read/work.h"

bool work_pause(struct work *work)
{
    work->done = 0;
    if (!work->stopped && !work->pause(work->arg))
        work->stopped = true;
    return !work->stopped;
}

/* Bytes scanned at once. */
#define STRETCH 65536
/* Bytes that cost one unit of work. */
#define FIND_BYTES_OF_WORK 16
#define SKIP_BYTES_OF_WORK 4

static size_t stretch_end(struct slice text, size_t at)
{
    return text.size - at < STRETCH ? text.size : at + STRETCH;
}

size_t work_find(struct work *work, struct slice text, size_t at, uint8_t byte)
{
    while (at < text.size) {
        size_t end = stretch_end(text, at);
        const uint8_t *found = memchr(text.data + at, byte, end - at);
        if (found)
            return (size_t)(found - text.data);
        if (!work_add(work, (end - at) / FIND_BYTES_OF_WORK))
            break;
        at = end;
    }
    return text.size;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t work_skip_space(struct work *work, struct slice text, size_t at)
{
    while (at < text.size) {
        size_t start = at, end = stretch_end(text, at);
        while (at < end && is_space(text.data[at]))
            at++;
        if (at < end)
            return at;
        if (!work_add(work, (end - start) / SKIP_BYTES_OF_WORK))
            break;
    }
    return text.size;
}
