/* json_record.c: reads records of JSON formats. Pure, any thread. Has no keys of any format. */
#include "parsers/read/json/json_record.h"
#include "core/utf8.h"
#include "parsers/read/record_refuse.h"

#include <stdio.h>

#define DETAIL_BYTES 240
#define KEY_SHOWN    64 /* bytes of a key in a message */

const char *json_record_about(const struct parser_context *context, struct slice key,
                              const char *text)
{
    struct slice shown = utf8_cut(key, KEY_SHOWN);
    char *detail = context->alloc(context, DETAIL_BYTES);
    if (!detail)
        return text;
    snprintf(detail, DETAIL_BYTES, "%.*s: %s", SLICE_ARGS(shown), text);
    return detail;
}

void json_record_refuse(const struct parser_context *context, struct slice key, size_t offset,
                        enum record_code code, const char *text, struct parser_outcome *outcome)
{
    const char *detail = json_record_about(context, key, text);
    record_refuse(outcome, offset, code,
                  detail != text ? detail : "a value is not what it must be");
}

static enum record_code code_of(enum status status)
{
    switch (status) {
    case STATUS_INVALID_UTF8:
        return RECORD_invalid_utf8;
    case STATUS_TOO_DEEP:
        return RECORD_too_deep;
    case STATUS_TOO_MANY:
        return RECORD_too_many_values;
    case STATUS_OUT_OF_RANGE:
        return RECORD_out_of_range;
    case STATUS_DUPLICATE_KEY:
        return RECORD_duplicate_key;
    case STATUS_REFUSED:
        return RECORD_nul_byte;
    case STATUS_NO_MEMORY:
        return RECORD_out_of_memory;
    default:
        return RECORD_malformed;
    }
}

/* The key at this offset of the record, with the colon that follows it; empty when there is no key.
 */
static struct slice key_at(struct slice record, size_t offset)
{
    struct slice s = slice_sub(record, offset, record.size);
    const uint8_t *end =
        s.size > 1 && s.data[0] == '"' ? memchr(s.data + 1, '"', s.size - 1) : NULL;
    if (!end)
        return SLICE_EMPTY;
    struct slice key = slice_make(s.data + 1, (size_t)(end - s.data) - 1);
    struct slice behind = slice_trim(slice_sub(s, key.size + 2, s.size));
    return behind.size && behind.data[0] == ':' ? key : SLICE_EMPTY;
}

void json_record_tell(const struct parser_context *context, struct slice record, enum status status,
                      const struct json_error *error, struct parser_outcome *outcome)
{
    struct slice key = key_at(record, error->offset);
    if (status == STATUS_DUPLICATE_KEY && key.size)
        json_record_refuse(context, key, error->offset, RECORD_duplicate_key,
                           "occurs twice in one object", outcome);
    else
        record_refuse(outcome, error->offset, code_of(status), error->detail);
}

enum status json_record_read(const struct parser_context *context, const struct json_names *names,
                             struct slice record, struct json_document *document,
                             struct parser_outcome *outcome)
{
    struct json_error error = {0, NULL};
    enum status status = json_parse_named(context->json, names, record, document, &error);
    if (status == STATUS_OK && document->nodes[0].type != JSON_OBJECT) {
        record_refuse(outcome, 0, RECORD_wrong_type, "an event is a JSON object");
        return STATUS_WRONG_TYPE;
    }
    if (status != STATUS_OK)
        json_record_tell(context, record, status, &error, outcome);
    return status;
}
