/* candump_terminal.c: lines of candump's terminal output. Pure, any thread. Forms: candump.c and
 * snprintf_long_canframe in lib.c of can-utils; -t a, d, z, A, -x, -a, -e. */
#include "parsers/formats/candump/candump_terminal.h"
#include "core/hex.h"
#include "parsers/read/byte_scan.h"
#include "parsers/read/line_scan.h"
#include "parsers/read/timestamp.h"

#include <linux/can.h>

#define BUS_MAX 64

static struct slice skip_blanks(struct slice s)
{
    while (s.size && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = slice_sub(s, 1, s.size);
    return s;
}

static size_t word_bytes(struct slice s)
{
    return byte_scan_word(s, 0, ' ');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Parts of a line up to its length. */
struct head {
    struct slice time, bus, id;
    bool is_long_length; /* two digits: CAN FD */
    uint32_t length;
    struct slice rest; /* after the length */
};

/* "RX - -" or "TX B E" of -x. */
static void take_direction(struct slice *s, struct candump_line *line)
{
    struct slice rest = *s;
    char way = line_take(&rest, "RX ") ? 'R' : line_take(&rest, "TX ") ? 'T' : 0;
    rest = skip_blanks(rest);
    if (!way || rest.size < 4 || (rest.data[0] != '-' && rest.data[0] != 'B') ||
        rest.data[1] != ' ' || (rest.data[2] != '-' && rest.data[2] != 'E') || rest.data[3] != ' ')
        return;
    line->direction = (uint8_t)way;
    line->flags |= rest.data[0] == 'B' ? CANDUMP_BRS : 0;
    line->flags |= rest.data[2] == 'E' ? CANDUMP_ESI : 0;
    *s = skip_blanks(slice_sub(rest, 4, rest.size));
}

static bool read_length(struct slice *s, struct head *h)
{
    size_t n = 1;
    if (!slice_starts_with(*s, "["))
        return false;
    for (h->length = 0; n < s->size && n < 4 && is_digit(s->data[n]); n++)
        h->length = h->length * 10 + (s->data[n] - (uint32_t)'0');
    if (n == 1 || n > 3 || n >= s->size || s->data[n] != ']')
        return false;
    h->is_long_length = n == 3;
    *s = slice_sub(*s, n + 1, s->size);
    return true;
}

static bool is_id(struct slice word)
{
    for (size_t i = 0; i < word.size; i++)
        if (hex_digit_value(word.data[i]) < 0)
            return false;
    return word.size == 3 || word.size == 8;
}

static bool read_head(struct slice text, struct head *h, struct candump_line *line)
{
    struct slice s = skip_blanks(text);
    *h = (struct head){.length = 0};
    if (line_take(&s, "(")) {
        h->time = line_until(&s, ')');
        if (!h->time.size || h->time.size > 40)
            return false;
        s = skip_blanks(s);
    }
    h->bus = slice_sub(s, 0, word_bytes(s));
    s = skip_blanks(slice_sub(s, h->bus.size, s.size));
    take_direction(&s, line);
    h->id = slice_sub(s, 0, word_bytes(s));
    s = skip_blanks(slice_sub(s, h->id.size, s.size));
    if (!h->bus.size || h->bus.size > BUS_MAX || !is_id(h->id) || !read_length(&s, h))
        return false;
    h->rest = s;
    return true;
}

bool candump_terminal_begins(struct slice text)
{
    struct head h;
    struct candump_line line = {.flags = 0};
    const uint8_t *lf = slice_find_byte(text, '\n');
    return read_head(slice_sub(text, 0, lf ? (size_t)(lf - text.data) : text.size), &h, &line);
}

/* ---- parts ---- */

static bool fail(struct candump_error *error, struct slice line, struct slice at,
                 const char *detail)
{
    *error = (struct candump_error){at.data ? (size_t)(at.data - line.data) : line.size, detail};
    return false;
}

/* Seconds, or the date of -t A, which is local time of a zone that is not written. */
static bool read_time(struct slice time, struct candump_line *out)
{
    char text[48];
    int64_t ns;
    out->time = time;
    if (time.size > 10 && time.data[4] == '-') {
        memcpy(text, time.data, time.size);
        text[time.size] = 'Z';
        if (timestamp_rfc3339(slice_make(text, time.size + 1), &ns) != STATUS_OK || ns < 0)
            return false;
        out->time_ns = (uint64_t)ns;
        out->is_local = true;
        return true;
    }
    uint64_t seconds = 0, fraction = 0, unit = 1000000000;
    size_t at = 0;
    for (; at < time.size && at < 10 && is_digit(time.data[at]); at++)
        seconds = seconds * 10 + (time.data[at] - (uint64_t)'0');
    if (!at || at >= time.size || time.data[at] != '.')
        return false;
    for (at++; at < time.size && is_digit(time.data[at]); at++) {
        unit /= 10;
        fraction += (time.data[at] - (uint64_t)'0') * unit;
    }
    out->time_ns = seconds * 1000000000 + fraction;
    return at == time.size && unit < 1000000000 && out->time_ns <= INT64_MAX;
}

static bool read_id(struct slice word, struct candump_line *out)
{
    out->id = 0;
    for (size_t i = 0; i < word.size; i++)
        out->id = out->id << 4 | (uint32_t)hex_digit_value(word.data[i]);
    if (word.size == 3)
        return out->id <= CAN_SFF_MASK;
    if (out->id & CAN_ERR_FLAG) {
        out->kind = CANDUMP_ERROR;
        out->flags = CANDUMP_ERR;
    } else {
        out->flags |= CANDUMP_EXT;
    }
    bool fits = out->id <= (CAN_ERR_FLAG | CAN_ERR_MASK);
    out->id &= CAN_ERR_MASK;
    return fits;
}

/* So many bytes of two digits with a blank before each. */
static bool read_bytes(struct slice *s, size_t count, struct candump_line *out)
{
    for (out->size = 0; out->size < count; out->size++) {
        *s = skip_blanks(*s);
        int high = s->size > 1 ? hex_digit_value(s->data[0]) : -1;
        int low = s->size > 1 ? hex_digit_value(s->data[1]) : -1;
        if (high < 0 || low < 0 || (s->size > 2 && s->data[2] > ' '))
            return false;
        out->data[out->size] = (uint8_t)(high << 4 | low);
        *s = slice_sub(*s, 2, s->size);
    }
    return true;
}

/* After the data: nothing, the characters of -a, or the marker of an error frame. */
static bool is_tail(struct slice s)
{
    s = slice_trim(s);
    return !s.size || (s.size >= 2 && s.data[0] == '\'' && s.data[s.size - 1] == '\'') ||
           slice_equal_text(s, "ERRORFRAME");
}

bool candump_terminal_read(struct slice line, struct candump_line *out, struct candump_error *error)
{
    struct head h;
    memset(out, 0, offsetof(struct candump_line, data));
    out->dlc = -1;
    if (!read_head(line, &h, out))
        return fail(error, line, line, "an interface, an id and a length must stand here");
    out->bus = h.bus;
    if (h.time.size && !read_time(h.time, out))
        return fail(error, line, h.time, "time must be SECONDS.FRACTION or a date");
    out->has_no_time = !h.time.size;
    if (!read_id(h.id, out))
        return fail(error, line, h.id, "id has more bits than its form holds");
    if (h.length > (h.is_long_length ? CANFD_MAX_DLEN : CAN_MAX_DLEN))
        return fail(error, line, h.rest, "more bytes than a frame holds");
    struct slice rest = skip_blanks(h.rest);
    if (out->kind == CANDUMP_CLASSICAL && line_take(&rest, "remote request")) {
        out->kind = CANDUMP_REMOTE;
        out->flags |= CANDUMP_RTR;
        out->dlc = (int)h.length;
    } else if (!read_bytes(&rest, h.length, out)) {
        return fail(error, line, rest, "fewer bytes than the length says");
    }
    if (h.is_long_length && out->kind == CANDUMP_CLASSICAL) {
        out->kind = CANDUMP_FD;
        out->flags |= CANDUMP_FDF;
    }
    return is_tail(rest) || fail(error, line, rest, "text that is no part of a frame");
}
