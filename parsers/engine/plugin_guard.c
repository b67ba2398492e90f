/* plugin_guard.c: the guarantees of the plug-in contract that the rest of the program relies on.
 * Pure, any thread. event_check checks ranges and texts of fields, for every parser. */
#include "parsers/engine/plugin_guard.h"
#include "core/reasons/record_code.h"
#include "core/utf8.h"

#include "core/json/json.h"
#include "parsers/read/text.h"

#define CODE_MAX_BYTES 32
/* A report has up to a hundred of them, and each byte may be escaped as six. */
#define DETAIL_MAX_BYTES 500

/* Server-only fields that a built-in parser may set. */
static bool parser_knows(enum event_field field)
{
    return field == EVENT_time_event_raw || field == EVENT_parse_status ||
           field == EVENT_parse_notes || field == EVENT_raw_offset || field == EVENT_raw_size ||
           field == EVENT_raw_ref || field == EVENT_sig_state || field == EVENT_sev_range;
}

static const char *check_fields(const struct event *event)
{
    for (unsigned field = 0; field < 64 * EVENT_SET_WORDS; field++) {
        if (!event_is_set(event, field))
            continue;
        if (field >= EVENT_FIELD_COUNT)
            return "the plug-in sets unknown fields: it must begin with event_clear";
        if (event_field_table[field].origin == EVENT_ORIGIN_SERVER && !parser_knows(field))
            return "the plug-in sets a field that only the server sets";
    }
    return NULL;
}

/* Bytes of a document plus the padding that its reader needs. */
static bool pad(const struct parser_context *context, struct slice *text)
{
    uint8_t *padded = context->alloc(context, text->size + JSON_PADDING);
    if (!padded)
        return false;
    memcpy(padded, text->data, text->size);
    memset(padded + text->size, 0, JSON_PADDING);
    *text = slice_make(padded, text->size);
    return true;
}

static const char *check_json(const struct parser_context *context, struct slice text,
                              enum json_type type, const char *wrong)
{
    struct json_document document;
    struct json_error error;
    const void *mark = context->mark(context);
    const char *problem = NULL;
    if (!mark || !pad(context, &text))
        problem = "limits.event_bytes leaves no room for the event's JSON";
    else if (!context->json || json_parse(context->json, text, &document, &error) != STATUS_OK ||
             document.nodes[0].type != type)
        problem = wrong;
    context->release(context, mark);
    return problem;
}

const char *plugin_guard_event(const struct parser_context *context, const struct event *event)
{
    const char *problem = check_fields(event);
    if (!problem && EVENT_HAS(event, attributes))
        problem = check_json(context, event->attributes, JSON_OBJECT,
                             "attributes: the plug-in's text is no valid JSON object");
    if (!problem && EVENT_HAS(event, parse_notes))
        problem = check_json(context, event->parse_notes, JSON_ARRAY,
                             "parse_notes: the plug-in's text is no valid JSON array");
    return problem;
}

static bool is_word(const char *text)
{
    size_t size = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    return size && size <= CODE_MAX_BYTES && !text[size];
}

void plugin_guard_reason(struct record_reason *reason)
{
    const char *detail = reason->detail;
    if (!is_word(reason->word) || record_code_source(reason->code) != RECORD_SOURCE_PARSE)
        *reason = record_reason_make(RECORD_malformed, detail);
    if (!detail || !*detail || utf8_check(slice_from_text(detail)) != STATUS_OK)
        reason->detail = "the plug-in gives no reason in UTF-8";
    else if (strlen(detail) > DETAIL_MAX_BYTES)
        reason->detail = "the plug-in's reason is longer than 500 bytes";
}
