/* syslog_time.c: times of RFC 3164 and of devices that follow it loosely. Pure, any thread. */
#include "parsers/formats/syslog/syslog_time.h"
#include "parsers/read/text_time.h"
#include "parsers/read/timestamp.h"

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
    if (!s.size || (s.data[0] != ':' && !is_digit(s.data[0])))
        return 0;
    if (s.size > 1 && s.data[0] == ':' &&
        s.data[1] != ' ') /* ":Nov 20", an ASA's number left out */
        return 1;
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

/* Any other word there is a host or a tag, and a number after it belongs to the message. */
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

/* "UTC+01:00", "GMT-5", "TZ-6" of RFC 3164 section 5.4: other names with a number are hosts. */
static bool is_zone_with_offset(struct slice word)
{
    size_t n = slice_starts_with(word, "TZ")                                      ? 2
               : slice_starts_with(word, "UTC") || slice_starts_with(word, "GMT") ? 3
                                                                                  : 0;
    return n && n + 1 < word.size && (word.data[n] == '+' || word.data[n] == '-') &&
           is_digit(word.data[n + 1]);
}

/* Text around "Mmm dd hh:mm:ss" that belongs to it. */
struct around {
    struct slice year, zone;
    size_t end; /* after it */
};

/* " 1987", " CST 1987", " UTC:", " UTC :" or " UTC" after the clock at `at`. */
static void read_behind(struct slice s, size_t at, struct around *a)
{
    size_t start = at + blanks(from(s, at)), size = word_bytes(from(s, start)), end = start + size;
    struct slice word = slice_sub(s, start, size);
    a->end = at;
    if (start == at || !size || size > 9)
        return;
    if (is_year(s, start) && (word.data[0] == '1' || word.data[0] == '2') && !a->year.size) {
        a->year = word;
        a->end = end;
        return;
    }
    bool has_colon = s.data[end - 1] == ':';
    struct slice zone = slice_sub(word, 0, size - has_colon);
    if (has_colon) { /* before a mnemonic of Cisco IOS any name is one */
        bool is_cisco = slice_starts_with(from(s, end), " %") && end + 2 < s.size &&
                        is_capital(s.data[end + 2]) && is_capital(s.data[start]);
        if (!is_cisco && !is_zone_name(zone))
            return;
        a->zone = zone;
        a->end = end - 1;
        return;
    }
    bool has_offset = is_zone_with_offset(word);
    bool has_year = is_zone_name(word) && is_year(s, end + 1) && !a->year.size;
    bool ends_in_colon = is_zone_name(word) && slice_starts_with(from(s, end), " : ");
    if (!has_year && !ends_in_colon && !has_offset && !slice_equal_text(word, "UTC") &&
        !slice_equal_text(word, "GMT"))
        return;
    a->zone = word;
    a->end = end;
    if (has_year) {
        a->year = slice_sub(s, end + 1, 4);
        a->end = end + 5;
    }
}

/* The BSD time with zone and year in the places text_time_read wants them: "Aug 24 05:34:00 CST
 * 1987" → "Aug 24 1987 05:34:00 CST". */
static bool read_with_zone(struct slice clock, const struct around *a, int64_t received_ns,
                           struct syslog_time *out)
{
    char text[80];
    size_t day_end = 4 + blanks(from(clock, 4));
    day_end += word_bytes(from(clock, day_end));
    int n = snprintf(text, sizeof text, "%.*s%s%.*s%.*s%s%.*s", (int)day_end, clock.data,
                     a->year.size ? " " : "", SLICE_ARGS(a->year), (int)(clock.size - day_end),
                     clock.data + day_end, a->zone.size ? " " : "", SLICE_ARGS(a->zone));
    return n > 0 && (size_t)n < sizeof text &&
           text_time_read(slice_make(text, (size_t)n), SLICE_EMPTY, received_ns, &out->ns,
                          &out->inferred) == STATUS_OK;
}

/* "Mon " or "Mon, " at the head. */
static size_t weekday_bytes(struct slice s)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    if (!s.size || !memchr("MTWFS", s.data[0], 5))
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_starts_with(s, names[i])) {
            size_t n = 3 + slice_starts_with(from(s, 3), ",");
            return n < s.size && s.data[n] == ' ' ? n + blanks(from(s, n)) : 0;
        }
    return 0;
}

static size_t read_bsd(struct slice s, int64_t received_ns, struct syslog_time *out)
{
    struct around a = {.end = 0};
    size_t start = weekday_bytes(s), size;
    if (is_year(s, start)) { /* "2025 Mar 13 17:07:57" */
        a.year = slice_sub(s, start, 4);
        start += 4 + blanks(from(s, start + 4));
    }
    if (timestamp_rfc3164(from(s, start), received_ns, &out->ns, &size) != STATUS_OK)
        return 0;
    out->inferred = true;
    read_behind(s, start + size, &a);
    if ((a.end != start + size || a.year.size) &&
        read_with_zone(slice_sub(s, start, size), &a, received_ns, out))
        return a.end;
    return start + size;
}

/* ---- yyyy-mm-ddThh:mm:ss ---- */

/* Without an offset it counts as UTC. */
static size_t read_plain_iso(struct slice s, struct syslog_time *out)
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

/* Also "Mon 2023-11-20 10:15:02 UTC" of journalctl -o short-full. */
static size_t read_iso(struct slice s, struct syslog_time *out)
{
    size_t start = weekday_bytes(s), size = read_plain_iso(from(s, start), out), end = start + size;
    if (!size)
        return 0;
    struct slice zone = slice_sub(from(s, end), 1, word_bytes(from(s, end + 1)));
    if (start && is_zone_name(zone)) {
        out->inferred = !slice_equal_text(zone, "UTC") && !slice_equal_text(zone, "GMT");
        end += 1 + zone.size;
    }
    return end;
}

/* "1700000000.123456" of journalctl -o short-unix: before a host and a tag only. */
static size_t read_epoch(struct slice s, struct syslog_time *out)
{
    size_t size = word_bytes(s);
    struct slice word = slice_sub(s, 0, size);
    if (size < 12 || size > 20 || word.data[10] != '.' || !is_number(slice_sub(word, 0, 10)) ||
        !is_number(slice_sub(word, 11, size)))
        return 0;
    out->inferred = false;
    return timestamp_epoch_text(word, &out->ns) == STATUS_OK ? size : 0;
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
    size = size || at ? size : read_epoch(s, out);
    size_t end = at + size;
    out->text = slice_sub(s, at, size);
    if (size && slice_starts_with(from(s, end), " : "))
        end += 2;
    else if (size && end < s.size && s.data[end] == ':')
        end++;
    if (!size || (end < s.size && s.data[end] != ' '))
        return 0; /* a longer word that only starts like a time */
    return end + blanks(from(s, end));
}
