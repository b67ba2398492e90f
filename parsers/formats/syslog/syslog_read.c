/* syslog_read.c: PRI, and the conventions of RFC 3164 for lines that do not follow RFC 5424. Pure,
 * any thread. */
#include "parsers/formats/syslog/syslog_read.h"
#include "parsers/formats/syslog/syslog_5424.h"
#include "parsers/formats/syslog/syslog_local.h"
#include "parsers/formats/syslog/syslog_tag.h"
#include "parsers/formats/syslog/syslog_word.h"

#define PRIORITY_MAX    191
#define PRIORITY_DIGITS 8 /* digits read */

/* "<13>": bytes read, 0 when it is missing. Digits in angle brackets that are not a PRI are
 * skipped; other text in angle brackets is not. */
static size_t read_priority(struct slice s, struct syslog_line *out)
{
    unsigned value = 0;
    size_t n = 1;
    if (!s.size || s.data[0] != '<')
        return 0;
    for (; n < s.size && n <= PRIORITY_DIGITS && syslog_is_digit(s.data[n]); n++)
        value = value * 10 + (s.data[n] - (unsigned)'0');
    bool is_closed = n > 1 && n < s.size && s.data[n] == '>';
    if (is_closed && n <= 4 && value <= PRIORITY_MAX && (n == 2 || s.data[1] != '0')) {
        out->priority = (int)value;
        return n + 1;
    }
    out->flaws |= SYSLOG_FLAW_PRIORITY;
    return is_closed ? n + 1 : 0;
}

/* ---- RFC 3164 ---- */

#define HOST_MAX 255

/* A host name may precede the tag only after a time, or when it is the only text before CEF or LEEF
 */
static bool may_be_host(struct slice word, struct slice rest, const struct syslog_line *out)
{
    return syslog_is_printable(word) && word.size <= HOST_MAX && !syslog_carries(word) &&
           (out->has_time || syslog_starts_record(rest));
}

/* BusyBox and OpenWrt write facility and severity by name, with or without a host before them. */
static struct slice take_level(struct slice s, struct syslog_line *out)
{
    int priority;
    size_t size = out->has_time ? syslog_level_read(s, &priority) : 0;
    if (!size)
        return s;
    if (out->priority < 0)
        out->priority = priority;
    return syslog_from(s, size);
}

static void read_3164(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    s = syslog_skip_blanks(s);
    if (syslog_dmesg_read(s, received_ns, out))
        return;
    size_t behind = syslog_time_read(s, received_ns, &out->time);
    out->has_time = behind > 0;
    out->host = behind ? out->time.host : SLICE_EMPTY;
    s = syslog_from(s, behind);
    struct slice leveled = take_level(s, out);
    bool has_level = leveled.size != s.size;
    s = leveled;
    size_t tag = syslog_tag_read(s, out);
    struct slice rest = s, host = syslog_take_word(&rest);
    rest = syslog_skip_blanks(rest);
    if (!tag && !has_level && !out->host.size && may_be_host(host, rest, out)) {
        out->host = host;
        s = take_level(rest, out);
        tag = syslog_tag_read(s, out);
    }
    s = syslog_from(s, tag);
    if (tag && s.size && s.data[0] == ' ')
        s = syslog_from(s, 1);
    out->message = s;
}

void syslog_read(struct slice line, int64_t received_ns, struct syslog_line *out)
{
    *out = (struct syslog_line){.priority = -1};
    size_t priority = read_priority(line, out);
    struct slice s = syslog_from(line, priority);
    if (priority && syslog_5424_read(s, received_ns, out))
        return;
    read_3164(s, received_ns, out);
    if (!out->flaws && out->priority < 0 && !out->has_time && !out->host.size && !out->is_local)
        out->flaws |= SYSLOG_FLAW_NO_HEADER;
}
