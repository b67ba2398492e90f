/* logcat_read.c: the forms in which Android's liblog prints an entry (logprint.cpp,
 * android_log_formatLogLine). Pure, any thread. Does not read messages. */
#include "parsers/formats/logcat/logcat_read.h"
#include "parsers/read/line_scan.h"
#include "parsers/read/timestamp.h"

#include <stdio.h>

#define TAG_MAX 256
#define UID_MAX 10

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

static size_t digits_of(struct slice s)
{
    size_t n = 0;
    while (n < s.size && is_digit(s.data[n]))
        n++;
    return n;
}

static bool take_number(struct slice *s, int64_t *value)
{
    *s = skip_blanks(*s);
    size_t n = digits_of(*s);
    if (!n || n > 10)
        return false;
    for (*value = 0; n; n--, *s = from(*s, 1))
        *value = *value * 10 + (s->data[0] - '0');
    return true;
}

#define LEVEL_BIT(c) (UINT32_C(1) << ((c) - 'A'))
#define LEVELS                                                                                     \
    (LEVEL_BIT('V') | LEVEL_BIT('D') | LEVEL_BIT('I') | LEVEL_BIT('W') | LEVEL_BIT('E') |          \
     LEVEL_BIT('F') | LEVEL_BIT('S') | LEVEL_BIT('A'))

static bool is_level(uint8_t c)
{
    return c >= 'A' && c <= 'W' && (LEVEL_BIT(c) & LEVELS) != 0;
}

static bool take_level(struct slice *s, struct logcat_head *out)
{
    if (!s->size || !is_level(s->data[0]))
        return false;
    out->level = (char)s->data[0];
    *s = from(*s, 1);
    return true;
}

/* ---- time ---- */

/* s has the shape: d a digit, else the byte itself. */
static bool has_shape(struct slice s, const char *shape)
{
    for (size_t i = 0; shape[i]; i++)
        if (i >= s.size ||
            (shape[i] == 'd' ? !is_digit(s.data[i]) : s.data[i] != (uint8_t)shape[i]))
            return false;
    return true;
}

/* "-0700" or "+0000" after the time. */
static size_t zone_bytes(struct slice s)
{
    return has_shape(s, " +dddd") || has_shape(s, " -dddd") ? 6 : 0;
}

/* "11-29 12:00:00.123", with or without a year before it and a zone after it. */
static size_t read_date(struct slice s, int64_t received_ns, struct logcat_head *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[64];
    size_t year = has_shape(s, "dddd-dd-dd dd:dd:dd.") ? 5 : 0, consumed;
    struct slice rest = from(s, year);
    if (!has_shape(rest, "dd-dd dd:dd:dd.d"))
        return 0;
    size_t end = year + 15 + digits_of(from(rest, 15)), zone = zone_bytes(from(s, end));
    unsigned month = (unsigned)(rest.data[0] - '0') * 10 + rest.data[1] - '0';
    if (month < 1 || month > 12 || end > 40)
        return 0;
    enum status status;
    if (year) {
        int n = snprintf(text, sizeof text, "%.10sT%.*s%.*s", (const char *)s.data, (int)(end - 11),
                         (const char *)s.data + 11, zone ? 5 : 1,
                         zone ? (const char *)s.data + end + 1 : "Z");
        status = timestamp_rfc3339(slice_make(text, (size_t)n), &out->time_ns);
    } else {
        size_t clock = end - 6; /* "Nov 29 12:00:00.123" */
        memcpy(text, months + 3 * (month - 1), 3);
        text[3] = text[6] = ' ';
        memcpy(text + 4, rest.data + 3, 2);
        memcpy(text + 7, rest.data + 6, clock);
        status =
            timestamp_rfc3164(slice_make(text, 7 + clock), received_ns, &out->time_ns, &consumed);
    }
    if (status != STATUS_OK)
        return 0;
    if (!year && zone) { /* local time of the year that was found */
        const uint8_t *z = s.data + end + 2;
        int64_t minutes = ((z[0] - '0') * 10 + z[1] - '0') * 60 + (z[2] - '0') * 10 + z[3] - '0';
        out->time_ns += minutes * 60 * INT64_C(1000000000) * (s.data[end + 1] == '-' ? 1 : -1);
    }
    out->has_time = true;
    out->inferred = !year || !zone;
    out->time = slice_sub(s, 0, end + zone);
    return end + zone;
}

/* "1700000000.123" of -v epoch, "   12.345" of -v monotonic, which is not a wall-clock time. */
static size_t read_seconds(struct slice s, struct logcat_head *out)
{
    struct slice word = skip_blanks(s);
    size_t whole = digits_of(word), start = s.size - word.size;
    if (!whole || whole > 10 || whole >= word.size || word.data[whole] != '.')
        return 0;
    size_t fraction = digits_of(from(word, whole + 1));
    if (fraction < 3 || fraction > 9)
        return 0;
    word.size = whole + 1 + fraction;
    out->has_time = whole >= 9 && timestamp_epoch_text(word, &out->time_ns) == STATUS_OK;
    out->time = word;
    return start + word.size;
}

static struct slice take_time(struct slice s, int64_t received_ns, struct logcat_head *out)
{
    size_t size = read_date(s, received_ns, out);
    size = size ? size : read_seconds(s, out);
    s = from(s, size);
    return size && s.size && s.data[0] == ':' ? from(s, 1) : s; /* as DDMS exports */
}

/* ---- forms ---- */

/* "root:" or "10123:" of -v uid, before a number; "root " in threadtime. */
static void take_uid(struct slice *s, char end, struct logcat_head *out)
{
    struct slice rest = skip_blanks(*s), near = slice_sub(rest, 0, UID_MAX + 1);
    struct slice word = line_until(&near, end);
    bool is_short = word.size >= 1 && word.size <= UID_MAX;
    rest = from(rest, word.size + 1);
    for (size_t i = 0; i < word.size; i++)
        is_short &= word.data[i] > ' ' && word.data[i] != ')' && word.data[i] != '(';
    struct slice number = skip_blanks(rest);
    if (!is_short || !number.size || !is_digit(number.data[0]))
        return;
    out->uid = word;
    *s = rest;
}

static bool set_message(struct slice line, struct slice rest, struct logcat_head *out)
{
    if (rest.size && rest.data[0] == ' ')
        rest = from(rest, 1);
    out->size = line.size - rest.size;
    out->message = rest;
    return true;
}

/* "[ time uid:pid:tid L/tag ]" */
static bool read_long(struct slice line, struct slice s, int64_t received_ns,
                      struct logcat_head *out)
{
    if (!line_take(&s, "[ ") || s.size < 2 || s.data[s.size - 1] != ']')
        return false;
    s = take_time(slice_trim(slice_sub(s, 0, s.size - 1)), received_ns, out);
    if (!out->time.size)
        return false;
    struct slice numbers = s;
    if (!take_number(&s, &out->pid) || !line_take(&s, ":") || !take_number(&s, &out->tid) ||
        slice_starts_with(s, ":")) {
        s = numbers;
        take_uid(&s, ':', out);
        if (!take_number(&s, &out->pid) || !line_take(&s, ":") || !take_number(&s, &out->tid))
            return false;
    }
    s = skip_blanks(s);
    if (!take_level(&s, out) || !line_take(&s, "/"))
        return false;
    out->tag = slice_trim(s);
    out->is_long = true;
    out->size = line.size;
    out->message = SLICE_EMPTY;
    return out->tag.size <= TAG_MAX;
}

/* "uid pid tid L tag: " after the time. */
static bool read_threadtime(struct slice line, struct slice s, struct logcat_head *out)
{
    struct slice numbers = s, third;
    int64_t more;
    if (!take_number(&s, &out->pid) || !take_number(&s, &out->tid)) {
        s = numbers; /* a user's name comes first */
        take_uid(&s, ' ', out);
        if (!out->uid.size || !take_number(&s, &out->pid) || !take_number(&s, &out->tid))
            return false;
    }
    third = s;
    if (take_number(&third, &more)) { /* a user's number came first */
        numbers = skip_blanks(numbers);
        out->uid = slice_sub(numbers, 0, digits_of(numbers));
        out->pid = out->tid;
        out->tid = more;
        s = third;
    }
    s = skip_blanks(s);
    if (!take_level(&s, out) || !line_take(&s, " "))
        return false;
    size_t colon = line_find(slice_sub(s, 0, TAG_MAX + 2), ": ");
    colon = colon ? colon : s.size && s.data[s.size - 1] == ':' ? s.size + 1 : 0;
    if (!colon)
        return false;
    out->tag = slice_trim(slice_sub(s, 0, colon - 2));
    return set_message(line, from(s, colon - 1), out);
}

/* "(uid:pid:tid) " or "(uid:pid) " at s; is_end: a colon follows. */
static bool take_ids(struct slice *s, bool needs_colon, struct logcat_head *out)
{
    struct slice rest = *s, first;
    if (!line_take(&rest, "("))
        return false;
    first = rest;
    if (!take_number(&rest, &out->pid)) {
        rest = first;
        take_uid(&rest, ':', out);
        if (!take_number(&rest, &out->pid))
            return false;
    }
    int64_t numbers[3] = {out->pid};
    size_t count = 1;
    while (count < 3 && line_take(&rest, ":") && take_number(&rest, &numbers[count]))
        count++;
    if (!line_take(&rest, ")") || (needs_colon && !line_take(&rest, ":")))
        return false;
    if (count == 3) { /* uid:pid:tid */
        out->uid = skip_blanks(first);
        out->uid.size = digits_of(out->uid);
        out->pid = numbers[1];
        out->tid = numbers[2];
    } else if (count == 2 && needs_colon && !out->uid.size) { /* uid:pid: brief has no thread */
        out->uid = skip_blanks(first);
        out->uid.size = digits_of(out->uid);
        out->pid = numbers[1];
    } else if (count == 2) {
        out->tid = numbers[1];
    }
    *s = rest;
    return true;
}

/* "L/tag(pid): " and "L/tag: ". Tags may contain blanks and brackets: the head ends at the first ":
 * " that follows ids, else at the first ": ". */
static bool read_brief(struct slice line, struct slice s, struct logcat_head *out)
{
    if (!take_level(&s, out) || !line_take(&s, "/"))
        return false;
    struct slice head = slice_sub(s, 0, TAG_MAX + 40);
    for (size_t at = 0; at < head.size; at++) {
        struct slice rest = from(s, at);
        struct logcat_head ids = *out;
        if (rest.data[0] == '(' && take_ids(&rest, true, &ids)) {
            *out = ids;
            out->tag = slice_trim(slice_sub(s, 0, at));
            return set_message(line, rest, out);
        }
        if (slice_starts_with(rest, ": "))
            break;
    }
    size_t colon = line_find(head, ": ");
    if (!colon && s.size && s.data[s.size - 1] == ':' && s.size == head.size)
        colon = s.size + 1;
    if (!colon)
        return false;
    out->tag = slice_trim(slice_sub(s, 0, colon - 2));
    return out->tag.size > 0 && set_message(line, from(s, colon - 1), out);
}

/* "L(pid) message  (tag)" and "L(pid:tid) message". */
static bool read_process(struct slice line, struct slice s, struct logcat_head *out)
{
    if (!take_level(&s, out) || !take_ids(&s, false, out) || (s.size && s.data[0] != ' '))
        return false;
    (void)set_message(line, s, out);
    struct slice m = out->message;
    size_t open =
        m.size && m.data[m.size - 1] == ')' && out->tid < 0 ? line_find_last(m, "  (") : m.size;
    if (open < m.size) {
        out->tag = slice_trim(slice_sub(m, open + 3, m.size - open - 4));
        out->message.size = open;
    }
    return true;
}

/* "\x1b[38;5;231m" of -v color. */
static struct slice skip_color(struct slice s)
{
    size_t n = 2;
    if (!slice_starts_with(s, "\x1b["))
        return s;
    while (n < s.size && n < 16 && (is_digit(s.data[n]) || s.data[n] == ';'))
        n++;
    return n < s.size && s.data[n] == 'm' ? from(s, n + 1) : s;
}

bool logcat_is_divider(struct slice line)
{
    return slice_starts_with(line, "--------- beginning of ") ||
           slice_starts_with(line, "--------- switch to ");
}

/* A time, a level, the bracket of -v long or a color. */
static bool may_begin(struct slice line)
{
    uint8_t c = line.size ? line.data[0] : 0;
    return is_digit(c) || is_level(c) || c == ' ' || c == '[' || c == 0x1b;
}

bool logcat_head_read(struct slice line, int64_t received_ns, struct logcat_head *out)
{
    struct slice s = skip_color(line);
    const struct logcat_head none = {.pid = -1, .tid = -1};
    *out = none;
    if (!may_begin(line))
        return false;
    if (slice_starts_with(s, "[ "))
        return read_long(line, s, received_ns, out);
    struct slice behind = take_time(s, received_ns, out);
    if (out->time.size) {
        struct logcat_head timed = *out;
        struct slice rest = skip_blanks(behind);
        if (read_brief(line, rest, out) || (*out = timed, read_threadtime(line, rest, out)))
            return true;
        *out = timed;
        return read_process(line, rest, out);
    }
    if (read_process(line, s, out))
        return true;
    *out = none;
    return read_brief(line, s, out);
}
