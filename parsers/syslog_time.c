/* syslog_time.c: times of RFC 3164 and of devices that follow it loosely. Pure, any thread. */
#include "parsers/syslog_time.h"
#include "parsers/text_time.h"
#include "parsers/timestamp.h"

#include <stdio.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static struct slice from(struct slice s, size_t at)
{
    return slice_sub(s, at, s.size);
}

static size_t blanks(struct slice s)
{
    size_t n = 0;
    while (n < s.size && s.data[n] == ' ')
        n++;
    return n;
}

static size_t word_bytes(struct slice s)
{
    size_t n = 0;
    while (n < s.size && s.data[n] != ' ')
        n++;
    return n;
}

/* A word that a colon and a blank end: its bytes without them, s.size when there is none. */
static size_t label_bytes(struct slice s)
{
    size_t n = word_bytes(s);
    return n && n < s.size && s.data[n - 1] == ':' ? n - 1 : s.size;
}

static bool is_number(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!is_digit(s.data[i]))
            return false;
    return true;
}

/* Of Cisco IOS: ": ", "123: ", "123: 000045: ", and then perhaps "name: ". Bytes read. */
static size_t read_numbers(struct slice s, struct syslog_time *out)
{
    size_t at = 0, n;
    for (unsigned i = 0; i < 2; i++) {
        n = label_bytes(from(s, at));
        if (n == s.size - at || n > 20 || !is_number(slice_sub(s, at, n)))
            break;
        out->sequence = slice_sub(s, 0, at + n);
        at += n + 2;
    }
    n = label_bytes(from(s, at));
    if (!at || !n || n == s.size - at || n > 255 || s.data[at] == '%' ||
        memchr(s.data + at, ':', n)) /* a mnemonic; the colons of a clock */
        return at;
    out->host = slice_sub(s, at, n);
    return at + n + 2;
}

/* ---- Mmm dd hh:mm:ss ---- */

/* Another word there is a host or a tag, and a number behind it is the message's. */
static bool is_zone_name(struct slice word)
{
    static const char *const names[] = {"UTC", "GMT", "WET", "CET", "CEST", "EET", "EST", "EDT",
                                        "CST", "CDT", "MST", "MDT", "PST",  "PDT", "IST", "JST"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_text(word, names[i]))
            return true;
    return false;
}

/* A word of four digits at `at`. */
static bool is_year(struct slice s, size_t at)
{
    for (size_t i = at; i < at + 4; i++)
        if (i >= s.size || !is_digit(s.data[i]))
            return false;
    return at + 4 == s.size || s.data[at + 4] == ' ';
}

/* " CST 1987", " UTC:" or " UTC" behind the clock: bytes read; *at_year where the year stands, 0:
 * none. */
static size_t read_zone(struct slice s, size_t *at_year)
{
    size_t start = blanks(s), size = word_bytes(from(s, start)), end = start + size;
    struct slice zone = slice_sub(s, start, size);
    *at_year = 0;
    if (!start || !size || size > 9)
        return 0;
    if (s.data[end - 1] == ':') { /* before a mnemonic of Cisco IOS any name is one */
        bool is_cisco = slice_starts_with(from(s, end), " %") && end + 2 < s.size &&
                        is_capital(s.data[end + 2]) && is_capital(s.data[start]);
        return is_cisco || is_zone_name(slice_sub(zone, 0, size - 1)) ? end - 1 : 0;
    }
    if (is_zone_name(zone) && is_year(s, end + 1)) {
        *at_year = end + 1;
        return end + 5;
    }
    return slice_equal_text(zone, "UTC") || slice_equal_text(zone, "GMT") ? end : 0;
}

/* The BSD time with the zone and year that stand behind it in the place text_time_read wants them.
 */
static bool read_with_zone(struct slice s, size_t clock_end, size_t end, size_t at_year,
                           int64_t received_ns, struct syslog_time *out)
{
    char text[80];
    struct slice clock = slice_sub(s, 0, clock_end),
                 zone = slice_sub(s, clock_end, end - clock_end);
    int n = snprintf(text, sizeof text, "%.*s%.*s", SLICE_ARGS(clock), SLICE_ARGS(zone));
    if (at_year) { /* "Aug 24 05:34:00 CST 1987" → "Aug 24 1987 05:34:00 CST" */
        size_t day_end = 4 + blanks(from(s, 4));
        day_end += word_bytes(from(s, day_end));
        zone.size = at_year - clock_end - 1;
        n = snprintf(text, sizeof text, "%.*s %.*s%.*s%.*s", (int)day_end, s.data, 4,
                     s.data + at_year, (int)(clock_end - day_end), s.data + day_end,
                     SLICE_ARGS(zone));
    }
    return n > 0 && (size_t)n < sizeof text &&
           text_time_read(slice_make(text, (size_t)n), SLICE_EMPTY, received_ns, &out->ns,
                          &out->inferred) == STATUS_OK;
}

static size_t read_bsd(struct slice s, int64_t received_ns, struct syslog_time *out)
{
    size_t end, at_year;
    if (timestamp_rfc3164(s, received_ns, &out->ns, &end) != STATUS_OK)
        return 0;
    out->inferred = true;
    size_t zone = read_zone(from(s, end), &at_year);
    if (zone && read_with_zone(s, end, end + zone, at_year ? end + at_year : 0, received_ns, out))
        end += zone;
    return end;
}

/* ---- yyyy-mm-ddThh:mm:ss ---- */

/* Without an offset it is taken as UTC. */
static size_t read_iso(struct slice s, struct syslog_time *out)
{
    char text[48];
    size_t end = word_bytes(s);
    if (end == 10 && s.data[4] == '-') /* the clock is the next word */
        end += 1 + word_bytes(from(s, end + 1));
    if (end < 19 || end > 40 || end > s.size)
        return 0;
    if (s.data[end - 1] == ':')
        end--;
    memcpy(text, s.data, end);
    if (text[19] == ',')
        text[19] = '.';
    out->inferred = false;
    if (timestamp_rfc3339(slice_make(text, end), &out->ns) == STATUS_OK)
        return end;
    text[end] = 'Z';
    out->inferred = true;
    return timestamp_rfc3339(slice_make(text, end + 1), &out->ns) == STATUS_OK ? end : 0;
}

size_t syslog_time_read(struct slice s, int64_t received_ns, struct syslog_time *out)
{
    *out = (struct syslog_time){.ns = 0};
    size_t at = read_numbers(s, out);
    if (at < s.size && (s.data[at] == '*' || s.data[at] == '.')) { /* not, or no longer, synced */
        out->unsynced = true;
        at++;
    }
    size_t size = read_bsd(from(s, at), received_ns, out);
    size = size ? size : read_iso(from(s, at), out);
    size_t end = at + size;
    out->text = slice_sub(s, at, size);
    if (size && end < s.size && s.data[end] == ':')
        end++;
    if (!size || (end < s.size && s.data[end] != ' '))
        return 0; /* a longer word that only starts like a time */
    return end + blanks(from(s, end));
}
