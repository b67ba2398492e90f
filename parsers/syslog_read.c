/* syslog_read.c: the grammars of RFC 5424 §6 and the habits of RFC 3164. Pure, any thread. */
#include "parsers/syslog_read.h"
#include "parsers/timestamp.h"

#define PRIORITY_MAX 191

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static struct slice from(struct slice s, size_t at)
{
    return slice_sub(s, at, s.size);
}

static struct slice skip_blanks(struct slice s)
{
    while (s.size && s.data[0] == ' ')
        s = from(s, 1);
    return s;
}

/* Bytes up to the next space; *s moves past it. */
static struct slice take_word(struct slice *s)
{
    const uint8_t *space = s->size ? memchr(s->data, ' ', s->size) : NULL;
    size_t size = space ? (size_t)(space - s->data) : s->size;
    struct slice word = slice_sub(*s, 0, size);
    *s = from(*s, size + 1);
    return word;
}

/* "<13>": bytes read, 0 when there is none. */
static size_t read_priority(struct slice s, struct syslog_line *out)
{
    unsigned value = 0;
    size_t n = 1;
    if (!s.size || s.data[0] != '<')
        return 0;
    for (; n < s.size && n <= 3 && is_digit(s.data[n]); n++)
        value = value * 10 + (s.data[n] - (unsigned)'0');
    if (n == 1 || n >= s.size || s.data[n] != '>' || value > PRIORITY_MAX ||
        (n > 2 && s.data[1] == '0')) {
        out->note = "bad_priority";
        out->detail = "PRI must be 0 to 191 without leading zeros";
        return 0;
    }
    out->priority = (int)value;
    return n + 1;
}

/* ---- formats inside ---- */

/* "CEF:0", "LEEF:2" and the like. */
static bool starts_record(struct slice s)
{
    static const char *const heads[] = {"CEF:0", "CEF:1", "CEF: ", "LEEF:1", "LEEF:2"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (slice_starts_with(s, heads[i]))
            return true;
    return false;
}

bool syslog_carries(struct slice message)
{
    return slice_starts_with(message, "{") || slice_starts_with(message, "type=") ||
           slice_starts_with(message, "node=") || starts_record(message);
}

/* ---- RFC 5424 ---- */

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < 33 || s.data[i] > 126)
            return false;
    return s.size > 0;
}

/* A header word of at most `most` printable characters; "-" is nil. */
static bool take_field(struct slice *s, size_t most, struct slice *out)
{
    struct slice word = take_word(s);
    if (!is_printable(word) || word.size > most)
        return false;
    *out = slice_equal_text(word, "-") ? SLICE_EMPTY : word;
    return true;
}

static bool take_time(struct slice *s, struct syslog_line *out)
{
    struct slice word = take_word(s);
    if (slice_equal_text(word, "-"))
        return true;
    out->time = (struct syslog_time){.text = word};
    out->has_time = timestamp_rfc3339(word, &out->time.ns) == STATUS_OK;
    return out->has_time;
}

#define SD_NAME_MAX 32

/* SD-NAME at s.data[at]: its end, or at when there is none. */
static size_t name_end(struct slice s, size_t at)
{
    size_t end = at;
    while (end < s.size && s.data[end] > 32 && s.data[end] < 127 && s.data[end] != '=' &&
           s.data[end] != ']' && s.data[end] != '"')
        end++;
    return end - at <= SD_NAME_MAX ? end : at;
}

/* PARAM-VALUE that starts behind its quote: place of the closing quote, or s.size. */
static size_t value_end(struct slice s, size_t at)
{
    while (at < s.size && s.data[at] != '"' && s.data[at] != ']')
        at += s.data[at] == '\\' ? 2 : 1;
    return at < s.size && s.data[at] == '"' ? at : s.size;
}

/* name="value" at `at`: place behind the closing quote, 0 when it is none. */
static size_t param_end(struct slice s, size_t at)
{
    size_t end = name_end(s, at);
    if (end == at || end + 1 >= s.size || s.data[end] != '=' || s.data[end + 1] != '"')
        return 0;
    end = value_end(s, end + 2);
    return end < s.size ? end + 1 : 0;
}

/* Bytes of the SD-ELEMENTs at the head of s, 0 when they are broken. */
static size_t data_size(struct slice s)
{
    size_t at = 0;
    while (at < s.size && s.data[at] == '[') {
        size_t end = name_end(s, at + 1);
        if (end == at + 1)
            return 0;
        while (end < s.size && s.data[end] == ' ') {
            end = param_end(s, end + 1);
            if (!end)
                return 0;
        }
        if (end >= s.size || s.data[end] != ']')
            return 0;
        at = end + 1;
    }
    return at;
}

static bool take_data(struct slice *s, struct syslog_line *out)
{
    size_t size = s->size && s->data[0] == '-' ? 1 : data_size(*s);
    if (!size || (size < s->size && s->data[size] != ' '))
        return false;
    out->data = s->data[0] == '-' ? SLICE_EMPTY : slice_sub(*s, 0, size);
    *s = from(*s, size + 1);
    return true;
}

static bool read_5424(struct slice s, struct syslog_line *out)
{
    struct syslog_line line = *out;
    (void)take_word(&s); /* VERSION */
    line.is_5424 = true;
    if (!take_time(&s, &line) || !take_field(&s, 255, &line.host))
        return false;
    if (starts_record(s)) { /* guides of CEF and LEEF end the header here */
        line.message = s;
        *out = line;
        return true;
    }
    if (!take_field(&s, 48, &line.app) || !take_field(&s, 128, &line.procid) ||
        !take_field(&s, 32, &line.msgid) || !take_data(&s, &line))
        return false;
    if (slice_starts_with(s, "\xEF\xBB\xBF"))
        s = from(s, 3);
    line.message = s;
    *out = line;
    return true;
}

/* VERSION SP: non-zero, at most three digits (§6.1). */
static bool has_version(struct slice s)
{
    size_t n = 0;
    while (n < s.size && n < 3 && is_digit(s.data[n]))
        n++;
    return n > 0 && s.data[0] != '0' && n < s.size && s.data[n] == ' ';
}

/* ---- RFC 3164 ---- */

#define TAG_MAX 64

static bool is_tag_character(uint8_t c)
{
    return (c > 32 && c < 127 && c != ':' && c != '[' && c != ']' && c != '"' && c != '=') ||
           c >= 128;
}

/* "su: ", "su[12]: ", "%PIX-6-1: ": bytes read, 0 when s does not start with a tag. */
static size_t read_tag(struct slice s, struct syslog_line *out)
{
    size_t n = 0, end;
    if (syslog_carries(s))
        return 0;
    while (n < s.size && n < TAG_MAX && is_tag_character(s.data[n]))
        n++;
    end = n;
    if (n && end < s.size && s.data[end] == '[') {
        const uint8_t *close = memchr(s.data + end, ']', s.size - end);
        if (!close || (size_t)(close - s.data) - end > TAG_MAX)
            return 0;
        end = (size_t)(close - s.data) + 1;
    }
    if (!n || end >= s.size || s.data[end] != ':')
        return 0;
    if (end + 1 < s.size && s.data[end + 1] != ' ' && end == n)
        return 0; /* a:b is a word, as in an address */
    out->app = slice_sub(s, 0, n);
    if (end > n)
        out->procid = slice_sub(s, n + 1, end - n - 2);
    return end + 1;
}

#define HOST_MAX 255

/* A name stands before the tag only after a time, or when it is all that stands before CEF or LEEF.
 */
static bool may_be_host(struct slice word, struct slice rest, const struct syslog_line *out)
{
    return is_printable(word) && word.size <= HOST_MAX && !syslog_carries(word) &&
           (out->has_time || starts_record(rest));
}

static void read_3164(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    s = skip_blanks(s);
    size_t behind = syslog_time_read(s, received_ns, &out->time);
    out->has_time = behind > 0;
    out->host = behind ? out->time.host : SLICE_EMPTY;
    s = from(s, behind);
    size_t tag = read_tag(s, out);
    struct slice rest = s, host = take_word(&rest);
    rest = skip_blanks(rest);
    if (!tag && !out->host.size && may_be_host(host, rest, out)) {
        out->host = host;
        s = rest;
        tag = read_tag(s, out);
    }
    s = from(s, tag);
    if (tag && s.size && s.data[0] == ' ')
        s = from(s, 1);
    out->message = s;
}

void syslog_read(struct slice line, int64_t received_ns, struct syslog_line *out)
{
    *out = (struct syslog_line){.priority = -1};
    struct slice s = from(line, read_priority(line, out));
    if (out->priority >= 0 && has_version(s)) {
        if (read_5424(s, out))
            return;
        out->note = "bad_header";
        out->detail = "header does not follow RFC 5424; read as RFC 3164";
    }
    read_3164(s, received_ns, out);
    if (!out->note && out->priority < 0 && !out->has_time && !out->host.size) {
        out->note = "no_header";
        out->detail = "line has neither priority nor time";
    }
}

bool syslog_param_next(struct slice data, size_t *at, struct slice *element,
                       struct syslog_param *param)
{
    while (*at < data.size) {
        if (data.data[*at] == '[') {
            size_t end = name_end(data, *at + 1);
            *element = slice_sub(data, *at + 1, end - *at - 1);
            *at = end;
        }
        if (data.data[*at] == ' ') {
            size_t start = *at + 1, equals = name_end(data, start);
            size_t quote = value_end(data, equals + 2);
            *param = (struct syslog_param){*element, slice_sub(data, start, equals - start),
                                           slice_sub(data, equals + 2, quote - equals - 2)};
            *at = quote + 1;
            return true;
        }
        (*at)++; /* ] */
    }
    return false;
}
