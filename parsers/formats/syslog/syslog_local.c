/* syslog_local.c: lines of dmesg, BusyBox syslogd and journalctl. Pure, any thread. Sources of the
 * forms: util-linux dmesg(1), BusyBox syslogd.c, systemd journalctl(1), Linux printk.c. */
#include "parsers/formats/syslog/syslog_local.h"
#include "parsers/formats/syslog/syslog_tag.h"
#include "parsers/formats/syslog/syslog_word.h"
#include "parsers/read/text_time.h"

/* ---- facility and severity by name ---- */

static const char *const facilities[24] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

static const struct {
    const char *word;
    int severity;
} levels[] = {{"emerg", 0}, {"panic", 0},   {"alert", 1},  {"crit", 2}, {"err", 3},  {"error", 3},
              {"warn", 4},  {"warning", 4}, {"notice", 5}, {"info", 6}, {"debug", 7}};

static int facility_of(struct slice word)
{
    for (int i = 0; i < 24; i++)
        if (slice_equal_text(word, facilities[i]))
            return i;
    return slice_equal_text(word, "security") ? 4 : -1;
}

static int level_of(struct slice word)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (slice_equal_text(word, levels[i].word))
            return levels[i].severity;
    return -1;
}

size_t syslog_level_read(struct slice s, int *priority)
{
    size_t size = syslog_word_bytes(s);
    struct slice word = slice_sub(s, 0, size);
    const uint8_t *dot = slice_find_byte(word, '.');
    if (!dot || size > 16)
        return 0;
    size_t at = (size_t)(dot - word.data);
    int facility = facility_of(slice_sub(word, 0, at));
    int level = level_of(slice_sub(word, at + 1, size));
    if (facility < 0 || level < 0)
        return 0;
    *priority = facility * 8 + level;
    return size + (size < s.size);
}

/* "kern  :warn  : " of dmesg -x. */
static size_t decoded_bytes(struct slice s, int *priority)
{
    const uint8_t *first = s.size ? memchr(s.data, ':', s.size < 10 ? s.size : 10) : NULL;
    if (!first)
        return 0;
    size_t at = (size_t)(first - s.data);
    struct slice rest = syslog_from(s, at + 1);
    const uint8_t *second =
        rest.size ? memchr(rest.data, ':', rest.size < 10 ? rest.size : 10) : NULL;
    if (!second)
        return 0;
    size_t end = (size_t)(second - rest.data);
    int facility = facility_of(slice_trim(slice_sub(s, 0, at)));
    int level = level_of(slice_trim(slice_sub(rest, 0, end)));
    if (facility < 0 || level < 0)
        return 0;
    *priority = facility * 8 + level;
    return at + 1 + end + 1 + (end + 1 < rest.size && rest.data[end + 1] == ' ');
}

/* ---- the kernel's stamp ---- */

/* "[  T123]" or "[   C0]" after the stamp (CONFIG_PRINTK_CALLER): its bytes, 0 when it is missing.
 */
static size_t caller_bytes(struct slice s)
{
    size_t n = 1, digits = 0;
    if (!slice_starts_with(s, "["))
        return 0;
    while (n < s.size && n < 12 && s.data[n] == ' ')
        n++;
    if (n >= s.size || (s.data[n] != 'T' && s.data[n] != 'C'))
        return 0;
    for (n++; n < s.size && digits < 12 && syslog_is_digit(s.data[n]); digits++)
        n++;
    return digits && n < s.size && s.data[n] == ']' ? n + 1 : 0;
}

size_t syslog_stamp_bytes(struct slice s)
{
    size_t n = 1, dots = 0, digits = 0;
    if (!slice_starts_with(s, "["))
        return 0;
    for (; n < s.size && n < 24 && s.data[n] != ']'; n++) {
        bool is_digit = syslog_is_digit(s.data[n]);
        if (!is_digit && s.data[n] != '.' && (s.data[n] != ' ' || digits))
            return 0;
        digits += is_digit;
        dots += s.data[n] == '.';
    }
    if (n >= s.size || s.data[n] != ']' || dots != 1 || !digits)
        return 0;
    n++;
    n += caller_bytes(syslog_from(s, n));
    return n < s.size && s.data[n] == ' ' ? n + 1 : 0;
}

/* ---- dmesg ---- */

/* "[Mon Nov 20 10:15:02 2023] " of dmesg -T: its bytes, with the time in *out. */
static size_t clock_bytes(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    if (!s.size || s.data[0] != '[')
        return 0;
    const uint8_t *close = memchr(s.data, ']', s.size < 40 ? s.size : 40);
    if (!close)
        return 0;
    size_t end = (size_t)(close - s.data);
    struct slice text = slice_sub(s, 1, end - 1);
    struct syslog_time time;
    if (!text.size || syslog_is_digit(text.data[0]) || /* another program's log */
        syslog_time_read(text, received_ns, &time) != text.size)
        return 0;
    out->time = time;
    out->has_time = true;
    return end + 1 + (end + 1 < s.size && s.data[end + 1] == ' ');
}

/* "gw sshd[12]: " after a stamp: journalctl -o short-monotonic. The kernel never writes it */
static size_t journal_bytes(struct slice s, struct syslog_line *out)
{
    struct syslog_line line = *out;
    struct slice rest = s, host = syslog_take_word(&rest);
    size_t tag = syslog_tag_read(rest, &line);
    bool is_journal = tag && (line.procid.size || slice_equal_text(line.app, "kernel"));
    if (!is_journal || !syslog_is_printable(host) || memchr(host.data, ':', host.size))
        return 0;
    line.host = host;
    *out = line;
    size_t at = s.size - rest.size + tag;
    return at + (at < s.size && s.data[at] == ' ');
}

bool syslog_dmesg_read(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    struct syslog_line line = *out;
    int priority = line.priority;
    size_t decoded = decoded_bytes(s, &priority);
    s = syslog_from(s, decoded);
    size_t stamp = syslog_stamp_bytes(s);
    size_t clock = stamp ? 0 : clock_bytes(s, received_ns, &line);
    if (!stamp && !clock)
        return false;
    line.priority = decoded ? priority : line.priority;
    line.message = syslog_from(s, clock);
    size_t journal = stamp ? journal_bytes(syslog_from(s, stamp), &line) : 0;
    if (journal)
        line.message = syslog_from(s, stamp + journal);
    else
        line.app = SLICE_LITERAL("kernel");
    line.is_local = true;
    *out = line;
    return true;
}
