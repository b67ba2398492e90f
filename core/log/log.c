/* log.c: formats one line a call and hands it to log_out.c. Any thread. Does not write, rotate or
 * buffer. */
#include "core/utf8.h"
#include "core/log/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "core/clock.h"
#include "core/log/log_out.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/writer.h"

#define LOG_LINES_PER_SECOND 10
#define LOG_VALUE_BYTES      2048 /* a longer text is cut */
#define LOG_LINE_BYTES       65536
/* How long an ending process waits for the reader of its log. */
#define LOG_STOP_WAIT NS_PER_S

static _Atomic int configured_level = LOG_INFO, configured_format = LOG_JSON;

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store_explicit(&configured_level, (int)level, memory_order_relaxed);
    atomic_store_explicit(&configured_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&configured_level, memory_order_relaxed);
}

/* In quotes, safe for JSON and terminals: control characters (C1 and DEL too) are escaped, bytes
 * that are not UTF-8 replaced. */
static void log_quoted(struct writer *w, struct slice s)
{
    bool cut = s.size > LOG_VALUE_BYTES;
    if (cut)
        s.size = LOG_VALUE_BYTES;
    writer_u8(w, '"');
    for (size_t i = 0; i < s.size;) {
        const uint8_t *at = s.data + i;
        size_t length = utf8_size(at, s.size - i);
        if (*at < 0x20 || *at == 0x7f)
            writer_format(w, "\\u%04x", *at);
        else if (length == 2 && at[0] == 0xc2 && at[1] < 0xa0)
            writer_format(w, "\\u%04x", at[1]);
        else if (*at == '"' || *at == '\\')
            writer_bytes(w, (const uint8_t[]){'\\', *at}, 2);
        else if (length)
            writer_bytes(w, at, length);
        else
            writer_text(w, "\xef\xbf\xbd");
        i += length ? length : 1;
    }
    writer_text(w, cut ? "…\"" : "\"");
}

static bool is_plain_word(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || s.data[i] == '"' || s.data[i] == '\\' ||
            s.data[i] == '=')
            return false;
    return s.size > 0 && s.size <= LOG_VALUE_BYTES;
}

static void log_text(struct writer *w, enum log_format format, struct slice s)
{
    if (format == LOG_PLAIN && is_plain_word(s))
        writer_add_slice(w, s);
    else
        log_quoted(w, s);
}

static void log_value(struct writer *w, enum log_format format, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_TEXT:
        log_text(w, format, slice_from_text(field->text));
        break;
    case LOG_FIELD_SLICE:
        log_text(w, format, field->slice);
        break;
    case LOG_FIELD_I64:
        writer_decimal(w, field->i64);
        break;
    case LOG_FIELD_U64:
        writer_format(w, "%llu", (unsigned long long)field->u64);
        break;
    case LOG_FIELD_REAL:
        writer_json_double(w, field->real);
        break;
    }
}

static void log_time(struct writer *w)
{
    int64_t ms = clock_wall_ns() / NS_PER_MS;
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    writer_format(w, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(ms % 1000));
}

static void log_field(struct writer *w, enum log_format format, const struct log_field *field)
{
    if (format == LOG_JSON) {
        writer_u8(w, ',');
        log_quoted(w, slice_from_text(field->key));
        writer_u8(w, ':');
    } else {
        writer_format(w, " %s=", field->key);
    }
    log_value(w, format, field);
}

static void log_head(struct writer *w, enum log_format format, enum log_level level,
                     const char *component, const char *message)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    if (format == LOG_PLAIN) {
        log_time(w);
        writer_format(w, " %-5s %s: %s", levels[level], component, message);
        return;
    }
    writer_text(w, "{\"ts\":\"");
    log_time(w);
    writer_format(w, "\",\"level\":\"%s\",\"component\":", levels[level]);
    log_quoted(w, slice_from_text(component));
    writer_text(w, ",\"msg\":");
    log_quoted(w, slice_from_text(message));
}

static void log_line(struct writer *w, enum log_level level, const char *component,
                     const char *message, const struct log_field *fields, uint64_t suppressed)
{
    enum log_format format =
        (enum log_format)atomic_load_explicit(&configured_format, memory_order_relaxed);
    log_head(w, format, level, component, message);
    for (; fields && fields->key; fields++)
        log_field(w, format, fields);
    if (suppressed)
        log_field(w, format, &LOG_U64("suppressed", suppressed));
    writer_text(w, format == LOG_JSON ? "}\n" : "\n");
}

static void count_suppressed(void)
{
    static _Atomic metric_t series;
    metric_t own = atomic_load_explicit(&series, memory_order_acquire);
    if (!own) {
        own = metric_series(METRIC_vsocd_log_lines_suppressed_total, "");
        atomic_store_explicit(&series, own, memory_order_release);
    }
    metric_add(own, 1);
}

/* False when the site has used up its lines of this second. Threads that meet at the turn of a
 * second may write a few lines more. */
static bool site_admit(struct log_site *site)
{
    int64_t now = clock_monotonic_ns() / NS_PER_S + 1; /* 0 is a site that never wrote */
    if (__atomic_exchange_n(&site->second, now, __ATOMIC_RELAXED) != now)
        __atomic_store_n(&site->lines, 0, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&site->lines, 1, __ATOMIC_RELAXED) < LOG_LINES_PER_SECOND)
        return true;
    __atomic_fetch_add(&site->suppressed, 1, __ATOMIC_RELAXED);
    count_suppressed();
    return false;
}

void log_write(struct log_site *site, enum log_level level, const char *component,
               const char *message, const struct log_field *fields)
{
    if (!site_admit(site))
        return;
    int saved_errno = errno;
    uint64_t suppressed = (uint64_t)__atomic_exchange_n(&site->suppressed, 0, __ATOMIC_RELAXED);
    struct writer w;
    writer_init(&w, LOG_LINE_BYTES);
    log_line(&w, level, component, message, fields, suppressed);
    if (w.status != STATUS_OK) { /* too many fields, or no memory: the sentence alone */
        writer_reset(&w);
        log_line(&w, level, component, message, NULL, suppressed);
    }
    log_out_put(writer_slice(&w));
    writer_fini(&w);
    errno = saved_errno;
}

/* log_out_notice. */
static size_t lost_notice(uint64_t lost, char line[LOG_OUT_NOTICE_BYTES])
{
    struct writer w;
    writer_init(&w, LOG_OUT_NOTICE_BYTES);
    log_line(&w, LOG_WARN, "log", "log lines lost: the reader of stderr was too slow",
             (const struct log_field[]){LOG_U64("lines", lost), {.key = NULL}}, 0);
    size_t size = w.status == STATUS_OK ? w.size : 0;
    memcpy(line, w.data, size);
    writer_fini(&w);
    return size;
}

enum status log_start(void)
{
    return log_out_start(lost_notice);
}

void log_stop(void)
{
    log_out_stop(LOG_STOP_WAIT);
}

void log_flush(void)
{
    log_out_flush(LOG_STOP_WAIT);
}
