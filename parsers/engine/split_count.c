/* split_count.c: octet-counted frames of RFC 6587 §3.4.1 among lines. Pure, any thread. Text may
 * start with a number too: a count is valid only before "<PRI>", or when the frame ends at a
 * possible end. */
#include "parsers/engine/split_count.h"

#define DIGITS_MAX 10
/* A look at what may be the priority of a frame. */
#define WORK_OF_LOOK 16

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "LEN SP" at `at`: its bytes, 0 when it is something else. */
static size_t read_count(struct slice s, size_t at, size_t *octets)
{
    size_t n = at, value = 0;
    while (n < s.size && n - at < DIGITS_MAX && is_digit(s.data[n]))
        value = value * 10 + (s.data[n++] - (size_t)'0');
    if (n == at || s.data[at] == '0' || n >= s.size || s.data[n] != ' ')
        return 0;
    *octets = value;
    return n + 1 - at;
}

bool split_count_is_priority(struct slice s, size_t at)
{
    size_t n = at + 1;
    while (n < s.size && n - at <= 3 && is_digit(s.data[n]))
        n++;
    return n > at + 1 && n < s.size && s.data[at] == '<' && s.data[n] == '>';
}

/* The frame whose count is at `at`: *end is the offset that the count gives. False when no priority
 * follows the count, or the end lies outside s. */
static bool leads_to(struct slice s, size_t at, size_t *end)
{
    size_t octets, n = read_count(s, at, &octets);
    if (!n || !split_count_is_priority(s, at + n) || octets > s.size - at - n)
        return false;
    *end = at + n + octets;
    return true;
}

/* A frame may also end here without another one after it: at the end of the body, before or after a
 * line end */
static bool ends_alone(struct slice s, size_t end)
{
    return end == s.size || s.data[end] == '\n' || s.data[end] == '\r' || s.data[end - 1] == '\n';
}

/* Another frame starts at `at`, where one may end. After a digit its count must lead to an end,
 * because that digit may be the first of the count. */
static bool starts_frame(struct slice s, size_t at)
{
    size_t end, behind, octets, n = read_count(s, at, &octets);
    bool is_head = n && split_count_is_priority(s, at + n);
    if (!is_head || !is_digit(s.data[at - 1]))
        return is_head;
    return leads_to(s, at, &end) && (ends_alone(s, end) || leads_to(s, end, &behind));
}

/* End of the frame whose count is at `at`; 0 when it is not a count or a frame cannot end there.
 * Without a priority it can end only where another frame starts. */
static size_t sound_end(struct slice s, size_t at)
{
    size_t octets, n = read_count(s, at, &octets);
    if (!n || octets > s.size - at - n)
        return 0;
    size_t end = at + n + octets;
    bool may_end_alone = split_count_is_priority(s, at + n) && ends_alone(s, end);
    return may_end_alone || starts_frame(s, end) ? end : 0;
}

/* Start of the sound frame whose priority is at `priority`, s.size when there is none. Digits
 * before the count may end another message. */
static size_t frame_before(struct slice s, size_t from, size_t priority)
{
    size_t start = priority - 1;
    while (start > from && priority - start <= DIGITS_MAX && is_digit(s.data[start - 1]))
        start--;
    while (start + 1 < priority && !sound_end(s, start))
        start++;
    return start + 1 < priority ? start : s.size;
}

size_t split_count_resume(struct slice s, size_t from, size_t to, struct work *work)
{
    size_t last = slice_sub(s, 0, to + DIGITS_MAX + 2).size; /* its priority may be after `to` */
    for (size_t p = from + 2; p < last; p++) {
        p = work_find(work, slice_sub(s, 0, last), p, '<');
        if (p == last || !work_add(work, WORK_OF_LOOK))
            break;
        bool may_be = s.data[p - 1] == ' ' && split_count_is_priority(s, p);
        size_t start = may_be ? frame_before(s, from, p) : to;
        if (start < to)
            return start;
    }
    return to;
}

enum split_count split_count_frame(struct slice s, size_t at, struct work *work, size_t *end)
{
    size_t octets, n = read_count(s, at, &octets);
    *end = sound_end(s, at);
    if (*end)
        return SPLIT_COUNT_FRAME;
    if (!n || !split_count_is_priority(s, at + n))
        return SPLIT_COUNT_NONE;
    bool fits = octets <= s.size - at - n;
    size_t most = fits ? at + n + octets : s.size;
    *end = split_count_resume(s, at + n, most, work);
    return fits && *end == most ? SPLIT_COUNT_FRAME : SPLIT_COUNT_BROKEN;
}

size_t split_count_size(struct slice s)
{
    size_t octets, n = read_count(s, 0, &octets);
    return n && split_count_is_priority(s, n) ? n : 0;
}

struct slice split_count_message(struct slice record)
{
    size_t octets, n = read_count(record, 0, &octets);
    return n && octets == record.size - n && split_count_is_priority(record, n)
               ? slice_sub(record, n, octets)
               : record;
}
