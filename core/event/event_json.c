/* event_json.c: event → one JSON object, keys in table order. Any thread. Does not validate: texts
 * are UTF-8 and JSON members are valid by the event model's contract. */
#include "core/event/event_json.h"

#include "core/event/event_json_put.h"
#include "core/uuid7.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DAY_SECONDS   INT64_C(86400)

/* What is needed of a field, in half a cache line. The head: comma, key, colon; the object's first
 * one has its comma turned into a brace. */
#define HEAD_ROOM 32
struct member {
    char head[HEAD_ROOM - 4];
    uint8_t head_size, kind;
    uint16_t offset;
};
_Static_assert(sizeof(struct member) == HEAD_ROOM, "copied at once");

static const struct member members[EVENT_FIELD_COUNT] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    {",\"" #name "\":", sizeof(",\"" #name "\":") - 1, EVENT_KIND_##kind,                          \
     offsetof(struct event, name)},
#include "core/event_fields.def"
#undef EVENT_FIELD
};
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    _Static_assert(sizeof(",\"" #name "\":") <= HEAD_ROOM - 4, "a head fits");
#include "core/event_fields.def"
#undef EVENT_FIELD
_Static_assert(sizeof(struct event) <= UINT16_MAX, "offsets of 16 bits");

const struct event_json_style event_json_whole = {.fields = {UINT64_MAX, UINT64_MAX},
                                                  .companions = true};

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

/* The text of a second, from the quote to the point. The widest ns time is in the year 2262, so
 * four digits do. */
static void put_second(char text[21], int64_t second)
{
    int64_t days = second / DAY_SECONDS - (second % DAY_SECONDS < 0);
    unsigned rest = (unsigned)(second - days * DAY_SECONDS);
    struct date date = date_from_days(days);
    uint8_t *at = (uint8_t *)text;
    memcpy(at, "\"0000-00-00T00:00:00.", 21);
    put_pair(at + 1, (unsigned)(date.year / 100));
    put_pair(at + 3, (unsigned)(date.year % 100));
    put_pair(at + 6, date.month);
    put_pair(at + 9, date.day);
    put_pair(at + 12, rest / 3600);
    put_pair(at + 15, rest / 60 % 60);
    put_pair(at + 18, rest % 60);
}

#define TIME_ROOM sizeof "\"2026-11-22T10:15:02.250000Z\""

/* Room for TIME_ROOM. */
static uint8_t *put_time(uint8_t *at, int64_t ns, struct event_json_memo *memo)
{
    int64_t second = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
    unsigned micros = (unsigned)(ns - second * NS_PER_SECOND) / 1000;
    size_t place = (uint64_t)second % (sizeof memo->times / sizeof *memo->times);
    if (!memo->times[place].known || memo->times[place].second != second) {
        put_second(memo->times[place].text, second);
        memo->times[place].second = second;
        memo->times[place].known = true;
    }
    memcpy(at, memo->times[place].text, 21);
    put_pair(at + 21, micros / 10000);
    put_pair(at + 23, micros / 100 % 100);
    put_pair(at + 25, micros % 100);
    memcpy(at + 27, "Z\"", 2);
    return at + 29;
}

void event_json_write_time_with(struct writer *w, int64_t ns, struct event_json_memo *memo)
{
    if (writer_reserve(w, TIME_ROOM))
        w->size = (size_t)(put_time(w->data + w->size, ns, memo) - w->data);
}

void event_json_write_time(struct writer *w, int64_t ns)
{
    struct event_json_memo memo = {0};
    event_json_write_time_with(w, ns, &memo);
}

void event_json_write_uuid(struct writer *w, const uint8_t uuid[16])
{
    if (writer_reserve(w, UUID_TEXT_BYTES))
        w->size = (size_t)(put_uuid(w->data + w->size, uuid) - w->data);
}

static void write_quoted_hex(struct writer *w, struct slice s)
{
    if (s.size > SIZE_MAX / 2 - 2 || !writer_reserve(w, 2 * s.size + 2))
        return;
    uint8_t *at = w->data + w->size;
    *at++ = '"';
    at = put_hex(at, s);
    *at++ = '"';
    w->size = (size_t)(at - w->data);
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
static void write_companion(struct writer *w, const struct event *event, enum event_field field,
                            struct event_json_memo *memo)
{
    if (field == EVENT_time_event_ns) {
        writer_bytes(w, ",\"time_event\":", 14);
        event_json_write_time_with(w, event->time_event_ns, memo);
    } else {
        writer_bytes(w, ",\"severity\":\"", 13);
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
                        const struct event_field_info *field, struct event_json_memo *memo)
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
        event_json_write_time_with(w, *event_int_at(event, field), memo);
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

void event_json_write_value(struct writer *w, const struct event *event, enum event_field field,
                            struct event_json_memo *memo)
{
    write_value(w, event, &event_field_table[field], memo);
}

/* Bytes that a text between quotes may take with what put_plain needs. */
#define TEXT_ROOM(s) ((s).size + 2 + PUT_SLACK)
/* Longest bytes that are written as hex without a look at the writer. */
#define HEX_MOST   64
#define FIXED_ROOM (2 * HEX_MOST + 2)

static inline uint8_t *put_head(uint8_t *at, const struct member *member)
{
    memcpy(at, member, HEAD_ROOM);
    return at + member->head_size;
}

/* Between quotes; NULL: it needs escapes. */
static inline uint8_t *put_text(uint8_t *at, struct slice s)
{
    *at++ = '"';
    at = put_plain(at, s);
    if (at)
        *at++ = '"';
    return at;
}

static inline uint8_t *put_quoted_hex(uint8_t *at, struct slice s)
{
    *at++ = '"';
    at = put_hex(at, s);
    *at++ = '"';
    return at;
}

static inline uint8_t *put_quoted_uuid(uint8_t *at, struct slice s)
{
    *at++ = '"';
    at = put_uuid(at, s.data);
    *at++ = '"';
    return at;
}

/* Other forms of a BIG: see write_big. */
static inline uint8_t *put_big(uint8_t *at, int64_t value, bool is_ns)
{
    bool is_text = is_ns || value > NUMBER_MAX || value < -NUMBER_MAX;
    *at = '"';
    at = put_decimal(at + is_text, value);
    *at = '"';
    return at + is_text;
}

static inline uint8_t *put_json(uint8_t *at, struct slice s)
{
    memcpy(at, s.data, s.size);
    return at + s.size;
}

/* NULL: no room, or a text that needs escapes. */
static uint8_t *put_list(uint8_t *at, const uint8_t *end, const struct slice_list *list)
{
    *at++ = '[';
    for (size_t i = 0; i < list->count; i++) {
        struct slice s = list->items[i];
        if ((size_t)(end - at) < TEXT_ROOM(s) + 2 || !(at = put_text(at, s)))
            return NULL;
        *at++ = ',';
    }
    at -= list->count > 0;
    *at++ = ']';
    return at;
}

/* time_event before time_event_ns, severity before severity_id. NULL: no room. */
static uint8_t *put_companion(uint8_t *at, const uint8_t *end, const struct event *event,
                              unsigned f, struct event_json_memo *memo)
{
    static const struct {
        char text[32];
        uint8_t size;
    } severities[] = {
#define SEVERITY(word) {",\"severity\":\"" word "\"", sizeof(",\"severity\":\"" word "\"") - 1}
        SEVERITY("unknown"), SEVERITY("informational"), SEVERITY("low"),  SEVERITY("medium"),
        SEVERITY("high"),    SEVERITY("critical"),      SEVERITY("fatal")};
#undef SEVERITY
    if ((size_t)(end - at) < HEAD_ROOM + FIXED_ROOM)
        return NULL;
    if (f == EVENT_time_event_ns) {
        memcpy(at, ",\"time_event\":", 14);
        return put_time(at + 14, event->time_event_ns, memo);
    }
    if (event->severity_id < 0 || event->severity_id > 6)
        return NULL;
    memcpy(at, severities[event->severity_id].text, 32);
    return at + severities[event->severity_id].size;
}

/* A member of a usual kind between at and end; no member but the event is looked at, so the
 * compiler keeps both in registers. NULL: there is no room, or the value has another form. */
static inline uint8_t *put_member(uint8_t *at, const uint8_t *end, const struct event *event,
                                  unsigned f, struct event_json_memo *memo)
{
    const struct member *member = &members[f];
    const void *value = (const uint8_t *)event + member->offset;
    const struct slice *s = value;
    if ((size_t)(end - at) < HEAD_ROOM + FIXED_ROOM)
        return NULL;
    switch ((enum event_kind)member->kind) {
    case EVENT_KIND_TEXT:
    case EVENT_KIND_INET:
        if ((size_t)(end - at) - HEAD_ROOM < TEXT_ROOM(*s))
            return NULL;
        return put_text(put_head(at, member), *s);
    case EVENT_KIND_JSON:
        if (s->size == 0 || (size_t)(end - at) - HEAD_ROOM < s->size)
            return NULL;
        return put_json(put_head(at, member), *s);
    case EVENT_KIND_LIST:
        return put_list(put_head(at, member), end, value);
    case EVENT_KIND_INT:
        return put_decimal(put_head(at, member), *(const int64_t *)value);
    case EVENT_KIND_BIG:
        return put_big(put_head(at, member), *(const int64_t *)value, f == EVENT_time_event_ns);
    case EVENT_KIND_TIME:
        return put_time(put_head(at, member), *(const int64_t *)value, memo);
    case EVENT_KIND_HEX:
        if (s->size > HEX_MOST || f == EVENT_time_event_raw)
            return NULL;
        return put_quoted_hex(put_head(at, member), *s);
    case EVENT_KIND_UUID:
        return s->size == UUID_BYTES ? put_quoted_uuid(put_head(at, member), *s) : NULL;
    default:
        return NULL;
    }
}

static void write_slowly(struct writer *w, const struct event *event, unsigned f,
                         struct event_json_memo *memo)
{
    writer_bytes(w, members[f].head, members[f].head_size);
    write_value(w, event, &event_field_table[f], memo);
}

/* Members of the fields in one word of the set. */
static void write_members(struct writer *w, const struct event *event, unsigned first,
                          uint64_t bits, const struct event_json_style *style,
                          struct event_json_memo *memo)
{
    uint8_t *at = w->data + w->size;
    const uint8_t *end = w->status == STATUS_OK ? w->data + w->capacity : at;
    for (; bits; bits &= bits - 1) {
        unsigned f = first + (unsigned)__builtin_ctzll(bits);
        bool has_companion =
            style->companions && (f == EVENT_time_event_ns || f == EVENT_severity_id);
        uint8_t *next = has_companion ? put_companion(at, end, event, f, memo) : at;
        if (next)
            next = put_member(next, end, event, f, memo);
        if (next) {
            at = next;
            continue;
        }
        w->size = (size_t)(at - w->data);
        if (has_companion)
            write_companion(w, event, (enum event_field)f, memo);
        write_slowly(w, event, f, memo);
        at = w->data + w->size;
        end = w->status == STATUS_OK ? w->data + w->capacity : at;
    }
    w->size = (size_t)(at - w->data);
}

void event_json_write_styled(struct writer *w, const struct event *event,
                             const struct event_json_style *style, struct event_json_memo *memo)
{
    size_t start = w->size;
    if (!writer_reserve(w, 2))
        return;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        write_members(w, event, word * 64, event->set[word] & style->fields[word], style, memo);
    if (w->size == start)
        writer_u8(w, '{');
    else if (w->status == STATUS_OK)
        w->data[start] = '{';
    writer_u8(w, '}');
}

void event_json_write(struct writer *w, const struct event *event)
{
    struct event_json_memo memo = {0};
    event_json_write_styled(w, event, &event_json_whole, &memo);
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
