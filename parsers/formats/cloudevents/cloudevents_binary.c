/* cloudevents_binary.c: a CloudEvent whose attributes are headers and whose data are the body, →
 * events (CloudEvents 1.0.2, HTTP protocol binding §3.1). Pure, any thread. */
#include "parsers/registry/builtin.h"
#include "core/reasons/record_code.h"
#include "core/utf8.h"
#include "core/hex.h"
#include "parsers/formats/cloudevents/cloud_event.h"
#include "parsers/read/json/json_record.h"
#include "parsers/read/text.h"

/* Header value → text: removes quotes around it and their backslashes, decodes %XX to a byte. Any
 * other % stays */
static bool decode(const struct parser_context *context, struct slice value, struct slice *text)
{
    uint8_t *out = context->alloc(context, value.size + 1);
    size_t size = 0;
    if (!out)
        return false;
    bool quoted = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    if (quoted)
        value = slice_sub(value, 1, value.size - 2);
    for (size_t i = 0; i < value.size; i++) {
        int high = i + 2 < value.size ? hex_digit_value(value.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit_value(value.data[i + 2]) : -1;
        if (quoted && value.data[i] == '\\' && i + 1 < value.size) {
            out[size++] = value.data[++i];
        } else if (value.data[i] == '%' && low >= 0) {
            out[size++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            out[size++] = value.data[i];
        }
    }
    *text = slice_make(out, size);
    return true;
}

static bool refuse(const struct parser_context *context, struct slice name, enum record_code code,
                   const char *text, struct parser_outcome *outcome)
{
    json_record_refuse(context, name, 0, code, text, outcome);
    return false;
}

static bool stood_before(const struct parser_context *context, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (slice_equal(context->headers[i].name, context->headers[at].name))
            return true;
    return false;
}

/* Attribute that the header holds; empty: none. */
static struct slice attribute_of(struct slice header)
{
    if (slice_equal_text(header, "content-type"))
        return SLICE_LITERAL("datacontenttype");
    return slice_starts_with(header, "ce-") ? slice_sub(header, 3, header.size) : SLICE_EMPTY;
}

static bool is_of_data(struct slice header)
{
    return slice_equal_text(header, "ce-datacontenttype") || slice_equal_text(header, "ce-data") ||
           slice_equal_text(header, "ce-data_base64");
}

/* The header at place i. False: *outcome says what is wrong. */
static bool take_header(struct cloud_event *e, size_t i, struct parser_outcome *outcome)
{
    const struct parser_context *context = e->t.context;
    struct slice header = context->headers[i].name, text = context->headers[i].value;
    struct slice name = attribute_of(header);
    if (!name.size || utf8_check(name) != STATUS_OK)
        return true; /* no header that a server hands over */
    if (stood_before(context, i))
        return refuse(context, header, RECORD_duplicate_key, "occurs twice", outcome);
    if (is_of_data(header))
        return refuse(context, header, RECORD_malformed_value,
                      "data are the body, and their type is Content-Type", outcome);
    if (slice_starts_with(header, "ce-") && !decode(context, text, &text)) {
        e->t.failed = true;
        return true;
    }
    switch (utf8_check(text)) {
    case STATUS_OK:
        if (text.size)
            cloud_event_take(e, name, text, SLICE_EMPTY);
        return true;
    case STATUS_REFUSED:
        return refuse(context, header, RECORD_nul_byte, "byte 0 in a text", outcome);
    default:
        return refuse(context, header, RECORD_invalid_utf8, "is no UTF-8", outcome);
    }
}

static void parse(struct slice body, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct cloud_event e;
    cloud_event_init(&e, context, body);
    e.json_is_free = true;
    if (body.size) {
        e.kind = CLOUD_DATA_BYTES;
        e.data = body;
    }
    for (size_t i = 0; i < context->header_count; i++)
        if (!take_header(&e, i, outcome))
            return;
    cloud_event_finish(&e, outcome);
}

const struct parser parser_cloudevents_binary = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "cloudevents_binary",
    .version = "1.0.0",
    .description = "CloudEvents in headers ce-…, with data of any other format as the body",
    .framing = PARSER_FRAMING_BODY,
    .parse = parse,
};
