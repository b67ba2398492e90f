/* event_json.c: event → one JSON object, keys in table order. Any thread. Does not validate: texts
 * are UTF-8 and JSON members are valid by the event model's contract. */
#include "core/event/event_json.h"

#include "core/uuid7.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DAY_SECONDS   INT64_C(86400)

/* A member's head: comma, key, colon; the object's first one has its comma turned into a brace. */
struct member_head {
    const char *text;
    size_t size;
};

static const struct member_head member_heads[EVENT_FIELD_COUNT] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    {",\"" #name "\":", sizeof(",\"" #name "\":") - 1},
#include "core/event_fields.def"
#undef EVENT_FIELD
};

struct date {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01 to the proleptic Gregorian calendar, counted in eras of 400 years that
 * start on 1 March, so that the leap day is the last day of a year. */
static struct date date_from_days(int64_t days)
{
    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned day_of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153;
    struct date date;
    date.day = day_of_year - (153 * march_month + 2) / 5 + 1;
    date.month = march_month < 10 ? march_month + 3 : march_month - 9;
    date.year = (int64_t)year_of_era + era * 400 + (date.month <= 2);
    return date;
}

/* v in decimal, with leading zeros up to `digits`. */
static uint8_t *put_digits(uint8_t *at, uint64_t v, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (uint8_t)('0' + v % 10);
        v /= 10;
    }
    return at + digits;
}

/* The widest ns time is in the year 2262, so four digits do. */
void event_json_write_time(struct writer *w, int64_t ns)
{
    if (!writer_reserve(w, sizeof "\"2026-11-22T10:15:02.250000Z\""))
        return;
    int64_t seconds = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
    uint64_t micros =
        (uint64_t)(ns % NS_PER_SECOND + (ns % NS_PER_SECOND < 0 ? NS_PER_SECOND : 0)) / 1000;
    int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    uint64_t second = (uint64_t)(seconds - days * DAY_SECONDS);
    struct date date = date_from_days(days);
    uint8_t *at = w->data + w->size;
    *at++ = '"';
    at = put_digits(at, (uint64_t)date.year, 4);
    *at++ = '-';
    at = put_digits(at, date.month, 2);
    *at++ = '-';
    at = put_digits(at, date.day, 2);
    *at++ = 'T';
    at = put_digits(at, second / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second % 60, 2);
    *at++ = '.';
    at = put_digits(at, micros, 6);
    *at++ = 'Z';
    *at++ = '"';
    w->size = (size_t)(at - w->data);
}

void event_json_write_uuid(struct writer *w, const uint8_t uuid[16])
{
    if (!writer_reserve(w, UUID_TEXT_BYTES))
        return;
    uuid_to_text(uuid, (char *)w->data + w->size);
    w->size += UUID_TEXT_BYTES;
}

static void write_quoted_hex(struct writer *w, struct slice s)
{
    writer_u8(w, '"');
    writer_hex(w, s);
    writer_u8(w, '"');
}

static void write_base64(struct writer *w, struct slice s)
{
    writer_u8(w, '"');
    writer_base64(w, s);
    writer_u8(w, '"');
}

static void write_uuid(struct writer *w, struct slice s)
{
    writer_u8(w, '"');
    if (s.size == UUID_BYTES)
        event_json_write_uuid(w, s.data);
    writer_u8(w, '"');
}

static void write_list(struct writer *w, const struct slice_list *list)
{
    writer_u8(w, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            writer_u8(w, ',');
        writer_json_string(w, list->items[i]);
    }
    writer_u8(w, ']');
}

static bool is_field(const struct event_field_info *field, enum event_field number)
{
    return field == &event_field_table[number];
}

/* Integers up to here are exact in readers that have doubles only (RFC 8259 §6). */
#define NUMBER_MAX ((INT64_C(1) << 53) - 1)

/* A number when every reader can represent it exactly, else its decimal digits as a string. Times
 * in ns are always strings, so that their type does not change with the year; the RFC 3339 time
 * precedes them. */
static void write_big(struct writer *w, int64_t value, const struct event_field_info *field)
{
    bool is_ns = is_field(field, EVENT_time_event_ns);
    if (!is_ns && value <= NUMBER_MAX && value >= -NUMBER_MAX) {
        writer_decimal(w, value);
        return;
    }
    writer_u8(w, '"');
    writer_decimal(w, value);
    writer_u8(w, '"');
}

const char *event_json_severity(int64_t severity_id)
{
    static const char *const words[] = {"unknown", "informational", "low",  "medium",
                                        "high",    "critical",      "fatal"};
    return severity_id >= 0 && severity_id <= 6 ? words[severity_id] : "other";
}

/* Additional forms of a field, for people and for readers without 64-bit integers. */
static void write_companion(struct writer *w, const struct event *event, enum event_field field)
{
    if (field == EVENT_time_event_ns) {
        writer_text(w, ",\"time_event\":");
        event_json_write_time(w, event->time_event_ns);
    } else {
        writer_text(w, ",\"severity\":\"");
        writer_text(w, event_json_severity(event->severity_id));
        writer_u8(w, '"');
    }
}

/* Textual times consist of digits, or contain at least this many: bytes of binary formats do not
 * look like that by chance. */
#define TIME_TEXT_DIGITS 5

static bool is_time_text(struct slice s)
{
    size_t digits = 0;
    bool is_number = s.size > 0;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (c < ' ' || c > '~')
            return false;
        digits += is_digit;
        is_number &= is_digit || c == '.' || c == '-' || c == '+';
    }
    return is_number || digits >= TIME_TEXT_DIGITS;
}

static void write_bytes(struct writer *w, struct slice s, const struct event_field_info *field)
{
    if (is_field(field, EVENT_time_event_raw) && is_time_text(s))
        writer_json_string(w, s);
    else
        write_quoted_hex(w, s);
}

static void write_value(struct writer *w, const struct event *event,
                        const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_UUID:
        write_uuid(w, *event_slice_at(event, field));
        return;
    case EVENT_KIND_TEXT:
    case EVENT_KIND_INET:
        writer_json_string(w, *event_slice_at(event, field));
        return;
    case EVENT_KIND_INT:
        writer_decimal(w, *event_int_at(event, field));
        return;
    case EVENT_KIND_BIG:
        write_big(w, *event_int_at(event, field), field);
        return;
    case EVENT_KIND_BOOL:
        writer_text(w, *event_int_at(event, field) ? "true" : "false");
        return;
    case EVENT_KIND_REAL:
        writer_json_double(w, *event_real_at(event, field));
        return;
    case EVENT_KIND_TIME:
        event_json_write_time(w, *event_int_at(event, field));
        return;
    case EVENT_KIND_HEX:
        write_bytes(w, *event_slice_at(event, field), field);
        return;
    case EVENT_KIND_BASE64:
        write_base64(w, *event_slice_at(event, field));
        return;
    case EVENT_KIND_LIST:
        write_list(w, event_list_at(event, field));
        return;
    case EVENT_KIND_JSON:
        writer_add_slice(w, *event_slice_at(event, field));
        return;
    }
}

void event_json_write(struct writer *w, const struct event *event)
{
    size_t start = w->size;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        for (uint64_t bits = event->set[word]; bits; bits &= bits - 1) {
            unsigned f = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (f == EVENT_time_event_ns || f == EVENT_severity_id)
                write_companion(w, event, (enum event_field)f);
            writer_bytes(w, member_heads[f].text, member_heads[f].size);
            write_value(w, event, &event_field_table[f]);
        }
    }
    if (w->size == start)
        writer_u8(w, '{');
    else if (w->status == STATUS_OK)
        w->data[start] = '{';
    writer_u8(w, '}');
}

static void write_member(struct writer *w, const char *head, struct slice text)
{
    writer_text(w, head);
    writer_json_string(w, text);
}

/* As write_big does. */
static void write_count(struct writer *w, uint64_t count)
{
    bool is_number = count <= (uint64_t)NUMBER_MAX;
    if (!is_number)
        writer_u8(w, '"');
    writer_decimal(w, (int64_t)count);
    if (!is_number)
        writer_u8(w, '"');
}

void event_json_write_reject(struct writer *w, struct slice extra,
                             const struct event_reject *reject)
{
    writer_u8(w, '{');
    writer_add_slice(w, extra);
    writer_text(w, "\"index\":");
    writer_decimal(w, reject->index);
    writer_text(w, ",\"raw_offset\":");
    write_count(w, reject->raw_offset);
    writer_text(w, ",\"raw_size\":");
    write_count(w, reject->raw_size);
    if (reject->parser.size)
        write_member(w, ",\"parser\":", reject->parser);
    write_member(w, ",\"code\":", reject->code);
    write_member(w, ",\"detail\":", reject->detail);
    if (reject->raw.data) {
        writer_text(w, ",\"raw\":");
        write_base64(w, reject->raw);
    }
    writer_u8(w, '}');
}
