/* text_time.c: times of CEF and LEEF → ns. Pure, any thread. Knows only UTC's zone names: other
 * zones count as UTC and are marked. */
#include "parsers/read/text_time.h"
#include "core/clock.h"
#include "parsers/read/timestamp.h"

#include <stdio.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Offset of a time zone in ns; false when the zone is unknown. */
static bool read_zone(struct slice zone, int64_t *offset_ns)
{
    *offset_ns = 0;
    if (slice_equal_nocase(zone, "utc") || slice_equal_nocase(zone, "gmt") ||
        slice_equal_nocase(zone, "z"))
        return true;
    if (slice_starts_with(zone, "GMT") || slice_starts_with(zone, "UTC"))
        zone = slice_sub(zone, 3, zone.size);
    bool colon = zone.size == 6 && zone.data[3] == ':';
    if ((!colon && zone.size != 5) || (zone.data[0] != '+' && zone.data[0] != '-'))
        return false;
    const uint8_t *m = zone.data + zone.size - 2;
    if (!is_digit(zone.data[1]) || !is_digit(zone.data[2]) || !is_digit(m[0]) || !is_digit(m[1]))
        return false;
    int64_t minutes =
        ((zone.data[1] - '0') * 10 + zone.data[2] - '0') * 60 + (m[0] - '0') * 10 + m[1] - '0';
    *offset_ns = minutes * 60 * NS_PER_S * (zone.data[0] == '-' ? -1 : 1);
    return true;
}

/* "MMM dd yyyy": the year is written. */
static bool has_year(struct slice text)
{
    size_t spaces = 0;
    for (size_t i = 0; i + 4 < text.size; i++) {
        if (text.data[i] == ' ' && text.data[i + 1] != ' ')
            spaces++;
        if (spaces == 2)
            return is_digit(text.data[i + 3]) && is_digit(text.data[i + 4]);
    }
    return false;
}

/* Interprets local in the zone `written`, else in `otherwise`, else in UTC as a guess. */
static enum status leave_zone(int64_t local, struct slice written, struct slice otherwise,
                              int64_t *ns, bool *inferred)
{
    int64_t offset_ns;
    written = slice_trim(written);
    if (!read_zone(written.size ? written : slice_trim(otherwise), &offset_ns))
        *inferred = true;
    return __builtin_sub_overflow(local, offset_ns, ns) ? STATUS_OUT_OF_RANGE : STATUS_OK;
}

/* "2023-06-09T14:16:15.212418", with a blank or a comma in place of T or the point, without a zone
 * or with its name after a blank. */
static enum status read_iso(struct slice text, struct slice zone, int64_t *ns, bool *inferred)
{
    char plain[64];
    int64_t local;
    size_t size = 0;
    enum status status = timestamp_rfc3339(text, ns);
    if (status != STATUS_MALFORMED)
        return status;
    while (size < text.size && (size <= 10 || text.data[size] != ' '))
        size++;
    if (size < 19 || size > sizeof plain - 2)
        return status;
    memcpy(plain, text.data, size);
    if (plain[19] == ',')
        plain[19] = '.';
    plain[size] = 'Z';
    status = timestamp_rfc3339(slice_make(plain, size + 1), &local);
    return status == STATUS_OK
               ? leave_zone(local, slice_sub(text, size, text.size), zone, ns, inferred)
               : status;
}

/* "Mon " or "Mon, " at the head: bytes. */
static size_t weekday_bytes(struct slice text)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_starts_with(text, names[i])) {
            size_t n = 3 + slice_starts_with(slice_sub(text, 3, 1), ",");
            return n < text.size && text.data[n] == ' ' ? n : 0;
        }
    return 0;
}

/* "Aug  1 03:34:23 [UTC] 2022", as ctime and date write it: the year comes last. *rest: the zone
 * before it. False: the form is another. */
static bool take_last_year(struct slice rest, struct slice *zone, struct slice *year)
{
    rest = slice_trim(rest);
    size_t start = rest.size < 4 ? 0 : rest.size - 4;
    *year = slice_sub(rest, start, 4);
    *zone = slice_trim(slice_sub(rest, 0, start));
    for (size_t i = 0; i < year->size; i++)
        if (!is_digit(year->data[i]))
            return false;
    return year->size == 4 && (start == 0 || rest.data[start - 1] == ' ');
}

enum status text_time_read(struct slice text, struct slice zone, int64_t received_ns, int64_t *ns,
                           bool *inferred)
{
    size_t consumed;
    int64_t local;
    struct slice written, year;
    *inferred = false;
    text = slice_trim(text);
    if (text.size && (is_digit(text.data[0]) || text.data[0] == '-'))
        return text.size > 4 && text.data[4] == '-' ? read_iso(text, zone, ns, inferred)
                                                    : timestamp_epoch_text(text, ns);
    text = slice_trim(slice_sub(text, weekday_bytes(text), text.size));
    enum status status = timestamp_rfc3164(text, received_ns, &local, &consumed);
    if (status != STATUS_OK)
        return status;
    written = slice_sub(text, consumed, text.size);
    *inferred = !has_year(text);
    if (*inferred && take_last_year(written, &written, &year)) {
        char plain[48];
        int size = snprintf(plain, sizeof plain, "%.*s %.*s", SLICE_ARGS(slice_sub(text, 0, 6)),
                            SLICE_ARGS(year));
        struct slice clock = slice_sub(text, 6, consumed - 6);
        if (clock.size > sizeof plain - (size_t)size)
            return STATUS_MALFORMED;
        memcpy(plain + size, clock.data, clock.size);
        status = timestamp_rfc3164(slice_make(plain, (size_t)size + clock.size), received_ns,
                                   &local, &consumed);
        if (status != STATUS_OK)
            return status;
        *inferred = false;
    }
    return leave_zone(local, written, zone, ns, inferred);
}

/* ---- patterns ---- */

struct parts {
    unsigned year, month, day, hour, minute, second;
    bool has_year, is_pm, is_am;
    char fraction[10]; /* of a second, digits */
    struct slice zone;
};

/* At most `most` digits at the head of *text. */
static bool take_digits(struct slice *text, size_t most, unsigned *value)
{
    size_t n = 0;
    for (*value = 0; n < most && n < text->size && is_digit(text->data[n]); n++)
        *value = *value * 10 + (text->data[n] - (unsigned)'0');
    *text = slice_sub(*text, n, text->size);
    return n > 0;
}

static bool take_fraction(struct slice *text, struct parts *p)
{
    size_t n = 0;
    for (; n < text->size && is_digit(text->data[n]); n++)
        if (n < sizeof p->fraction - 1)
            p->fraction[n] = (char)text->data[n];
    *text = slice_sub(*text, n, text->size);
    return n > 0;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static struct slice take_letters(struct slice *text)
{
    size_t n = 0;
    while (n < text->size && is_letter(text->data[n]))
        n++;
    struct slice word = slice_sub(*text, 0, n);
    *text = slice_sub(*text, n, text->size);
    return word;
}

static struct slice take_zone(struct slice *text)
{
    size_t n = 0;
    while (n < text->size && text->data[n] > ' ')
        n++;
    struct slice zone = slice_sub(*text, 0, n);
    *text = slice_sub(*text, n, text->size);
    return zone;
}

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool take_month_name(struct slice *text, unsigned *month)
{
    struct slice word = slice_sub(take_letters(text), 0, 3);
    for (*month = 1; *month <= 12; ++*month)
        if (slice_equal_nocase(word, month_names[*month - 1]))
            return true;
    return false;
}

/* Of two letters it is 20yy. */
static bool take_year(struct slice *text, size_t letters, struct parts *p)
{
    p->has_year = true;
    bool is_there = take_digits(text, 4, &p->year);
    p->year += letters == 2 && p->year < 100 ? 2000 : 0;
    return is_there;
}

static bool take_half(struct slice *text, struct parts *p)
{
    struct slice word = take_letters(text);
    p->is_am = slice_equal_nocase(word, "am");
    p->is_pm = slice_equal_nocase(word, "pm");
    return p->is_am || p->is_pm;
}

/* What `count` repetitions of the letter mean. */
static bool take_part(struct slice *text, uint8_t letter, size_t count, struct parts *p)
{
    switch (letter) {
    case 'y':
        return take_year(text, count, p);
    case 'M':
        return count > 2 ? take_month_name(text, &p->month) : take_digits(text, 2, &p->month);
    case 'd':
        return take_digits(text, 2, &p->day);
    case 'H':
    case 'k':
    case 'K':
    case 'h':
        return take_digits(text, 2, &p->hour);
    case 'm':
        return take_digits(text, 2, &p->minute);
    case 's':
        return take_digits(text, 2, &p->second);
    case 'S':
        return take_fraction(text, p);
    case 'a':
        return take_half(text, p);
    case 'E':
    case 'G':
        return take_letters(text).size > 0;
    case 'z':
    case 'Z':
    case 'X':
        p->zone = take_zone(text);
        return p->zone.size > 0;
    default:
        return false;
    }
}

static bool take_character(struct slice *text, uint8_t c)
{
    bool is_there = text->size && text->data[0] == c;
    *text = slice_sub(*text, is_there, text->size);
    return is_there;
}

/* A quote at *at of the pattern: 'text' is that text, '' is a quote, inside quotes or outside. */
static bool take_quoted(struct slice *text, struct slice pattern, size_t *at)
{
    bool is_empty = true;
    for (++*at; *at < pattern.size; ++*at) {
        if (slice_starts_with(slice_sub(pattern, *at, 2), "''"))
            ++*at;
        else if (pattern.data[*at] == '\'')
            break;
        is_empty = false;
        if (!take_character(text, pattern.data[*at]))
            return false;
    }
    ++*at;
    return !is_empty || take_character(text, '\'');
}

static bool take_all(struct slice pattern, struct slice text, struct parts *p)
{
    for (size_t at = 0, count; at < pattern.size; at += count) {
        uint8_t c = pattern.data[at];
        bool is_there;
        count = 1;
        if (c == '\'') {
            is_there = take_quoted(&text, pattern, &at);
            count = 0;
        } else if (is_letter(c)) {
            while (at + count < pattern.size && pattern.data[at + count] == c)
                count++;
            is_there = take_part(&text, c, count, p);
        } else {
            is_there = take_character(&text, c);
        }
        if (!is_there)
            return false;
    }
    return text.size == 0;
}

static bool hour_of_day(struct parts *p)
{
    if ((p->is_am || p->is_pm) && p->hour > 12)
        return false;
    if (p->is_pm && p->hour < 12)
        p->hour += 12;
    if ((p->is_am && p->hour == 12) || p->hour == 24)
        p->hour = 0;
    return true;
}

/* The decimal digits of v, which has at most as many. */
static char *put_digits(char *to, unsigned v, size_t count)
{
    for (size_t i = count; i > 0; i--, v /= 10)
        to[i - 1] = (char)('0' + v % 10);
    return to + count;
}

/* The parts in a form that timestamp.c reads: RFC 3339 with a year, RFC 3164 without. take_digits
 * bounds them: a year has at most four digits, the others two. */
static struct slice spell(const struct parts *p, char buffer[64])
{
    char *at = buffer;
    if (p->has_year) {
        at = put_digits(at, p->year, 4);
        *at++ = '-';
        at = put_digits(at, p->month, 2);
        *at++ = '-';
    } else {
        memcpy(at, month_names[p->month - 1], 3);
        at[3] = ' ';
        at += 4;
    }
    at = put_digits(at, p->day, 2);
    *at++ = p->has_year ? 'T' : ' ';
    at = put_digits(at, p->hour, 2);
    *at++ = ':';
    at = put_digits(at, p->minute, 2);
    *at++ = ':';
    at = put_digits(at, p->second, 2);
    *at++ = '.';
    for (const char *digit = p->fraction; *digit;)
        *at++ = *digit++;
    if (p->has_year)
        *at++ = 'Z';
    return slice_make(buffer, (size_t)(at - buffer));
}

enum status text_time_read_by(struct slice pattern, struct slice text, int64_t received_ns,
                              int64_t *ns, bool *inferred)
{
    struct parts p = {.fraction = "0"};
    char buffer[64];
    size_t consumed;
    int64_t local;
    if (!take_all(slice_trim(pattern), slice_trim(text), &p) || !hour_of_day(&p) || !p.month ||
        p.month > 12)
        return STATUS_MALFORMED;
    *inferred = !p.has_year;
    struct slice plain = spell(&p, buffer);
    enum status status = p.has_year ? timestamp_rfc3339(plain, &local)
                                    : timestamp_rfc3164(plain, received_ns, &local, &consumed);
    return status == STATUS_OK ? leave_zone(local, p.zone, SLICE_EMPTY, ns, inferred) : status;
}
