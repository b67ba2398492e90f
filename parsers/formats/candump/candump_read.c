/* candump_read.c: the line forms of a candump log. Pure, any thread. Forms: lib.h, lib.c and
 * candump.c of can-utils. Does not interpret frames. */
#include "parsers/formats/candump/candump_read.h"
#include "core/hex.h"

#include <linux/can.h>

struct cursor {
    struct slice text;
    size_t at;
    const char *wrong; /* sticky: the first mistake, and where it is */
    size_t wrong_at;
};

/* ---- characters ---- */

static int peek(const struct cursor *c)
{
    return c->at < c->text.size ? c->text.data[c->at] : -1;
}

static bool take(struct cursor *c, uint8_t byte)
{
    bool is_there = !c->wrong && peek(c) == byte;
    c->at += is_there;
    return is_there;
}

static void refuse(struct cursor *c, const char *detail)
{
    if (c->wrong)
        return;
    c->wrong = detail;
    c->wrong_at = c->at;
}

static void need(struct cursor *c, uint8_t byte, const char *detail)
{
    if (!take(c, byte))
        refuse(c, detail);
}

static size_t skip_spaces(struct cursor *c)
{
    size_t start = c->at;
    while (take(c, ' ') || take(c, '\t'))
        ;
    return c->at - start;
}

/* Hex digits, at most `most`; returns how many. */
static size_t take_hex(struct cursor *c, size_t most, uint32_t *value)
{
    size_t digits = 0;
    uint32_t v = 0;
    for (int d; digits < most && !c->wrong && (d = hex_digit_value(peek(c))) >= 0; digits++) {
        v = v << 4 | (uint32_t)d;
        c->at++;
    }
    *value = v;
    return digits;
}

static uint32_t need_hex(struct cursor *c, size_t digits, const char *detail)
{
    size_t start = c->at;
    uint32_t value;
    if (take_hex(c, digits, &value) != digits) {
        c->at = start;
        refuse(c, detail);
    }
    return value;
}

/* Decimal digits, at most `most`; returns how many. */
static size_t take_decimal(struct cursor *c, size_t most, uint64_t *value)
{
    size_t digits = 0;
    uint64_t v = 0;
    for (; digits < most && peek(c) >= '0' && peek(c) <= '9'; digits++)
        v = v * 10 + (uint64_t)(c->text.data[c->at++] - '0');
    *value = v;
    return digits;
}

/* ---- parts of a line ---- */

#define SECONDS_DIGITS 10
#define SECONDS_MAX    UINT64_C(9223372035) /* fits in ns */

/* (SECONDS.FRACTION), six digits for µs or nine for ns. */
static void read_time(struct cursor *c, struct candump_line *line)
{
    static const char form[] = "time must be (SECONDS.FRACTION) with 6 or 9 digits of fraction";
    uint64_t seconds, fraction;
    size_t start = ++c->at;
    if (!take_decimal(c, SECONDS_DIGITS, &seconds) || seconds > SECONDS_MAX || !take(c, '.')) {
        refuse(c, form);
        return;
    }
    size_t digits = take_decimal(c, 9, &fraction);
    line->time = slice_sub(c->text, start, c->at - start);
    if (digits != 6 && digits != 9)
        refuse(c, form);
    need(c, ')', form);
    line->time_ns = seconds * 1000000000 + (digits == 6 ? fraction * 1000 : fraction);
}

#define BUS_MAX 64

static void read_bus(struct cursor *c, struct candump_line *line)
{
    if (!skip_spaces(c))
        refuse(c, "a space must follow the time");
    size_t start = c->at;
    while (peek(c) > ' ')
        c->at++;
    line->bus = slice_sub(c->text, start, c->at - start);
    if (!line->bus.size || line->bus.size > BUS_MAX)
        refuse(c, "name of the interface must have 1 to 64 characters");
    if (!skip_spaces(c))
        refuse(c, "a space must follow the interface");
}

/* Pairs of hex digits, with or without a dot before each. */
static void read_data(struct cursor *c, struct candump_line *line, size_t most)
{
    size_t size = 0;
    while (size < most && !c->wrong) {
        size_t start = c->at;
        uint32_t byte;
        (void)take(c, '.');
        if (take_hex(c, 2, &byte) != 2) {
            c->at = start;
            break;
        }
        line->data[size++] = (uint8_t)byte;
    }
    line->size = size;
    if (hex_digit_value(peek(c)) >= 0)
        refuse(c, size == most ? "more data than this type of frame can hold"
                               : "data must be pairs of hex digits");
}

/* _DLC after a frame of eight bytes: the code 9 to F sent on the bus. */
static void read_raw_dlc(struct cursor *c, struct candump_line *line)
{
    uint32_t dlc;
    if (!take(c, '_'))
        return;
    dlc = need_hex(c, 1, "one hex digit must follow _");
    if (dlc <= CAN_MAX_DLEN)
        refuse(c, "the raw length code must be 9 to F");
    line->dlc = (int)dlc;
}

static void read_remote(struct cursor *c, struct candump_line *line)
{
    uint64_t dlc;
    line->kind = CANDUMP_REMOTE;
    line->flags |= CANDUMP_RTR;
    if (take_decimal(c, 1, &dlc))
        line->dlc = (int)dlc;
    if (line->dlc > CAN_MAX_DLEN)
        refuse(c, "length code of a remote frame must be 0 to 8");
    if (line->dlc == CAN_MAX_DLEN)
        read_raw_dlc(c, line);
}

static void read_fd(struct cursor *c, struct candump_line *line)
{
    uint32_t flags = need_hex(c, 1, "one hex digit of flags must follow ##");
    line->kind = CANDUMP_FD;
    line->flags |=
        CANDUMP_FDF | (flags & CANFD_BRS ? CANDUMP_BRS : 0) | (flags & CANFD_ESI ? CANDUMP_ESI : 0);
    read_data(c, line, CANFD_MAX_DLEN);
}

/* VCID and priority have been read. */
static void read_xl(struct cursor *c, struct candump_line *line)
{
    static const char form[] = "CAN XL must be VCPPP#FLAGS:SDT:ACCEPTANCE#DATA";
    line->kind = CANDUMP_XL;
    line->xl_flags = (uint8_t)need_hex(c, 2, form);
    need(c, ':', form);
    line->sdt = (uint8_t)need_hex(c, 2, form);
    need(c, ':', form);
    line->acceptance = need_hex(c, 8, form);
    need(c, '#', form);
    read_data(c, line, CANDUMP_DATA_MAX);
    if (!line->size)
        refuse(c, "a CAN XL frame has 1 to 2048 bytes of data");
}

/* Digits of the id and the # after them; returns how many digits. */
static size_t read_id(struct cursor *c, struct candump_line *line)
{
    static const char form[] = "id must be 3, 8 or (CAN XL) 5 hex digits and a #";
    size_t start = c->at, digits = take_hex(c, 8, &line->id);
    if ((digits != 3 && digits != 5 && digits != 8) || !take(c, '#')) {
        c->at = start;
        refuse(c, form);
    }
    return digits;
}

/* Largest id by number of digits: 11 bits, VCID and 11 bits, 29 bits and the error flag. */
static void sort_id(struct cursor *c, struct candump_line *line, size_t digits)
{
    if (digits == 8 && line->id > (CAN_ERR_FLAG | CAN_ERR_MASK))
        refuse(c, "id has more than 29 bits");
    if (digits == 5) {
        line->vcid = (uint8_t)(line->id >> 12);
        line->id &= 0xFFF;
    }
    if (digits != 8 && line->id > CAN_SFF_MASK)
        refuse(c, "id of 3 digits has more than 11 bits");
    if (digits == 8 && line->id & CAN_ERR_FLAG) {
        line->kind = CANDUMP_ERROR;
        line->flags = CANDUMP_ERR;
        line->id &= CAN_ERR_MASK;
    } else if (digits == 8) {
        line->flags = CANDUMP_EXT;
    }
}

static void read_frame(struct cursor *c, struct candump_line *line)
{
    size_t digits = read_id(c, line);
    sort_id(c, line, digits);
    if (digits == 5)
        read_xl(c, line);
    else if (line->kind == CANDUMP_ERROR)
        read_data(c, line, CAN_MAX_DLEN);
    else if (take(c, '#'))
        read_fd(c, line);
    else if (take(c, 'R') || take(c, 'r'))
        read_remote(c, line);
    else
        read_data(c, line, CAN_MAX_DLEN);
    if (line->kind == CANDUMP_CLASSICAL && line->size == CAN_MAX_DLEN)
        read_raw_dlc(c, line);
}

/* After the frame: nothing, or R (received) or T (sent) of candump -x. */
static void read_tail(struct cursor *c, struct candump_line *line)
{
    if (skip_spaces(c)) {
        if (take(c, 'R'))
            line->direction = 'R';
        else if (take(c, 'T'))
            line->direction = 'T';
        skip_spaces(c);
    }
    if (peek(c) >= 0)
        refuse(c, "text that is no part of a frame");
}

/* ---- lost frames ---- */

static void need_word(struct cursor *c, const char *word)
{
    size_t size = strlen(word);
    if (slice_starts_with(slice_sub(c->text, c->at, size), word))
        c->at += size;
    else
        refuse(c, "DROPCOUNT must say: dropped N CAN frames on 'NAME' socket (total drops M)");
}

static uint32_t need_u32(struct cursor *c)
{
    uint64_t value;
    if (!take_decimal(c, 10, &value) || value > UINT32_MAX)
        refuse(c, "number of dropped frames must be 0 to 4294967295");
    return (uint32_t)value;
}

static const char drops_start[] = "DROPCOUNT: dropped ";

static void read_drops(struct cursor *c, struct candump_line *line)
{
    line->kind = CANDUMP_DROPS;
    c->at = sizeof drops_start - 1;
    line->dropped = need_u32(c);
    need_word(c, " CAN frame");
    (void)take(c, 's');
    need_word(c, " on '");
    size_t start = c->at;
    while (peek(c) > ' ' && peek(c) != '\'')
        c->at++;
    line->bus = slice_sub(c->text, start, c->at - start);
    if (!line->bus.size || line->bus.size > BUS_MAX)
        refuse(c, "name of the interface must have 1 to 64 characters");
    need_word(c, "' socket (total drops ");
    line->total_drops = need_u32(c);
    need_word(c, ")");
    skip_spaces(c);
    if (peek(c) >= 0)
        refuse(c, "text behind the number of dropped frames");
}

/* ---- lines ---- */

bool candump_read(struct slice record, struct candump_line *out, struct candump_error *error)
{
    struct cursor c = {.text = record};
    memset(out, 0, offsetof(struct candump_line, data));
    out->dlc = -1;
    *error = (struct candump_error){0, NULL};
    if (peek(&c) == '(') {
        read_time(&c, out);
        read_bus(&c, out);
        read_frame(&c, out);
        read_tail(&c, out);
    } else if (slice_starts_with(record, drops_start)) {
        read_drops(&c, out);
    } else {
        return false;
    }
    *error = (struct candump_error){c.wrong_at, c.wrong};
    return !c.wrong;
}

bool candump_begins(struct slice text)
{
    struct cursor c = {.text = text};
    struct candump_line line;
    line.kind = CANDUMP_CLASSICAL;
    if (peek(&c) != '(')
        return slice_starts_with(text, drops_start);
    read_time(&c, &line);
    read_bus(&c, &line);
    (void)read_id(&c, &line);
    return !c.wrong;
}
