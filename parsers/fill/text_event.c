/* text_event.c: builds the event of one text line. Pure, any thread. */
#include "parsers/fill/text_event.h"
#include "core/utf8.h"
#include "parsers/read/record_memory.h"
#include "parsers/read/text.h"
#include "parsers/fill/address.h"
#include "parsers/fill/transport.h"

void text_event_init(struct text_event *t, const struct parser_context *context)
{
    t->context = context;
    t->is_full = false;
    t->is_repaired = false;
    t->failed = false;
    t->keys.count = 0;
    event_clear(&t->event);
    json_object_init(&t->attributes, context);
}

static void add_note(struct text_event *t, const struct record_reason *reason)
{
    EVENT_SET(&t->event, parse_status, SLICE_LITERAL("partial"));
    if (!json_note_add_reason(t->context, &t->event, reason, JSON_NOTE_NO_OFFSET))
        t->failed = true;
}

void text_event_partial(struct text_event *t, enum record_code code, const char *detail)
{
    const struct record_reason reason = record_reason_make(code, detail);
    add_note(t, &reason);
}

void text_event_partial_inner(struct text_event *t, const struct parser_outcome *inner,
                              const char *otherwise)
{
    const struct record_reason reason = record_reason_of(inner, otherwise);
    add_note(t, &reason);
}

void text_event_note_full(struct text_event *t)
{
    if (!t->is_full)
        text_event_partial(t, RECORD_too_many_keys, "keys after the first 512 are not decoded");
    t->is_full = true;
}

void text_event_repair(struct text_event *t, struct slice *record)
{
    bool repaired = false;
    if (utf8_is_plain(*record))
        return;
    if (text_repair(t->context, record, &repaired) != STATUS_OK)
        t->failed = true;
    if (repaired && !t->is_repaired)
        text_event_partial(t, RECORD_bad_text, "bytes that are no UTF-8 text stand as U+FFFD");
    t->is_repaired |= repaired;
}

/* Copies JSON with each escape of U+0000 as that of U+FFFD, followed by JSON_PADDING bytes. */
static bool repair_escapes(struct text_event *t, struct slice *record)
{
    uint8_t *out = t->context->alloc(t->context, record->size + JSON_PADDING);
    bool replaced = false;
    if (!out)
        return false;
    memcpy(out, record->data, record->size);
    memset(out + record->size, ' ', JSON_PADDING);
    for (size_t i = 0; i < record->size; i++) {
        if (out[i] != '\\')
            continue;
        if (!memcmp(out + i, "\\u0000", 6)) {
            memcpy(out + i, "\\ufffd", 6);
            replaced = true;
        }
        i++; /* past what is escaped */
    }
    if (replaced)
        text_event_partial(t, RECORD_bad_text, "U+0000 was replaced by U+FFFD");
    *record = slice_make(out, record->size);
    return true;
}

bool text_event_read_json(struct text_event *t, const struct json_names *names,
                          const struct json_repair_rules *rules, struct slice record,
                          struct json_document *document, struct parser_outcome *outcome)
{
    struct parser_outcome again = {.result = PARSER_OK};
    struct json_repair repair;
    enum status status =
        json_repair_read(t->context, names, rules, record, document, &repair, outcome);
    if (status == STATUS_INVALID_UTF8 || status == STATUS_REFUSED) {
        text_event_repair(t, &record);
        if (!repair_escapes(t, &record) || json_repair_read(t->context, names, rules, record,
                                                            document, &repair, &again) != STATUS_OK)
            return false;
        *outcome = (struct parser_outcome){.result = PARSER_OK};
        status = STATUS_OK;
    }
    if (status == STATUS_OK && !json_repair_note(t->context, &repair, &t->event))
        t->failed = true;
    return status == STATUS_OK;
}

bool text_event_set(struct text_event *t, enum event_field field, struct slice value)
{
    const struct event_field_info *info = &event_field_table[field];
    if (!value.size || value.size > (size_t)info->max || event_is_set(&t->event, field))
        return false;
    *event_slice_at(&t->event, info) = value;
    event_mark(&t->event, field);
    return true;
}

bool text_event_set_lower(struct text_event *t, enum event_field field, struct slice value)
{
    uint8_t *out = value.size ? t->context->alloc(t->context, value.size) : NULL;
    if (!out)
        return false;
    for (size_t i = 0; i < value.size; i++)
        out[i] = value.data[i] >= 'A' && value.data[i] <= 'Z' ? value.data[i] + 32 : value.data[i];
    return text_event_set(t, field, slice_make(out, value.size));
}

bool text_event_set_address(struct text_event *t, enum event_field field, struct slice value)
{
    if (event_is_set(&t->event, field) || !address_is_valid(value))
        return false;
    *event_slice_at(&t->event, &event_field_table[field]) = value;
    event_mark(&t->event, field);
    return true;
}

bool text_event_find_address(struct text_event *t, enum event_field field, struct slice value)
{
    if (slice_starts_with(value, "[") && value.data[value.size - 1] == ']')
        value = slice_make(value.data + 1, value.size - 2);
    const uint8_t *zone = slice_find_byte(value, '%');
    if (zone) /* of a link-local address: the interface of the writer */
        value.size = (size_t)(zone - value.data);
    return text_event_set_address(t, field, value);
}

bool text_event_set_int(struct text_event *t, enum event_field field, int64_t value)
{
    const struct event_field_info *info = &event_field_table[field];
    if (value < info->min || value > info->max || event_is_set(&t->event, field))
        return false;
    *event_int_at(&t->event, info) = value;
    event_mark(&t->event, field);
    return true;
}

bool text_event_set_decimal(struct text_event *t, enum event_field field, struct slice value)
{
    int64_t v = 0;
    if (!value.size || value.size > 18)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        v = v * 10 + (value.data[i] - '0');
    }
    return text_event_set_int(t, field, v);
}

bool text_event_set_transport(struct text_event *t, struct slice value, bool *is_whole)
{
    struct slice keyword;
    bool rest_is_lost;
    if (!transport_read(value, &keyword, &rest_is_lost) ||
        !text_event_set(t, EVENT_transport, keyword))
        return false;
    *is_whole = !rest_is_lost;
    return true;
}

/* Cuts at a character's end. */
static bool cut(struct slice *text, enum event_field field)
{
    size_t most = (size_t)event_field_table[field].max;
    if (text->size <= most)
        return false;
    *text = utf8_cut(*text, most);
    return true;
}

void text_event_set_cut(struct text_event *t, enum event_field field, struct slice text)
{
    if (cut(&text, field))
        text_event_partial(t, RECORD_value_cut, "a value is longer than its field takes");
    (void)text_event_set(t, field, text);
}

void text_event_set_message(struct text_event *t, struct slice text)
{
    if (cut(&text, EVENT_message))
        text_event_partial(t, RECORD_message_cut, "message is longer than the field takes");
    (void)text_event_set(t, EVENT_message, text);
}

static size_t unescape(struct slice value, const char *escaped, bool line_ends, uint8_t *out)
{
    size_t size = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t next = value.data[i] == '\\' && i + 1 < value.size ? value.data[i + 1] : 0;
        if (next && strchr(escaped, next)) {
            out[size++] = next;
            i++;
        } else if (line_ends && (next == 'n' || next == 'r')) {
            out[size++] = next == 'n' ? '\n' : '\r';
            i++;
        } else {
            out[size++] = value.data[i];
        }
    }
    return size;
}

struct slice text_event_plain(struct text_event *t, struct slice value, const char *escaped,
                              bool line_ends)
{
    if (!value.size || !memchr(value.data, '\\', value.size))
        return value;
    uint8_t *out = t->context->alloc(t->context, value.size);
    if (!out) {
        t->failed = true;
        return SLICE_EMPTY;
    }
    return slice_make(out, unescape(value, escaped, line_ends, out));
}

void text_event_keep(struct text_event *t, struct slice key, struct slice value)
{
    if (!value.size)
        return;
    struct slice unique = key_list_add(&t->keys, t->context, key);
    if (unique.size)
        json_object_add_text(&t->attributes, unique, value);
    else if (t->keys.count == KEY_LIST_MAX)
        text_event_note_full(t);
    else
        t->failed = true;
}

void text_event_set_syslog_severity(struct text_event *t, int severity)
{
    static const struct {
        const char *name;
        int severity_id;
    } table[8] = {{"emerg", 5},   {"alert", 5},  {"crit", 4}, {"err", 3},
                  {"warning", 2}, {"notice", 1}, {"info", 1}, {"debug", 1}};
    EVENT_GUESS(&t->event, severity_id, table[severity & 7].severity_id);
    EVENT_SET(&t->event, severity_source, slice_from_text(table[severity & 7].name));
}

void text_event_set_catalog_id(struct text_event *t, struct slice vendor, struct slice product,
                               struct slice id)
{
    size_t size = vendor.size + product.size + id.size + 2;
    uint8_t *text = t->context->alloc(t->context, size);
    if (!text) {
        t->failed = true;
        return;
    }
    const struct slice parts[] = {vendor, SLICE_LITERAL("|"), product, SLICE_LITERAL("|"), id};
    t->event.catalog_id = text_join(text, parts, 5);
}

bool text_event_complete(struct text_event *t, struct parser_outcome *outcome)
{
    struct slice text;
    if (t->attributes.cut)
        text_event_partial(t, RECORD_value_cut,
                           "a text of control characters is cut: as JSON the record would be "
                           "more than twice what it is");
    if (json_object_end(&t->attributes, &text))
        EVENT_SET(&t->event, attributes, text);
    bool failed = t->failed || t->attributes.failed;
    if (failed)
        record_memory_refuse(outcome, 0);
    return !failed;
}

void text_event_emit(struct text_event *t, struct parser_outcome *outcome)
{
    if (text_event_complete(t, outcome))
        t->context->emit(t->context, &t->event);
}
