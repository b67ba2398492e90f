/* otlp_body.c: a map as the body of a log record, as Fluent Bit and structured logging write it.
 * Pure, any thread. Does not know the native event's names. */
#include "parsers/formats/otlp/otlp_body.h"
#include "parsers/read/record_memory.h"
#include "parsers/engine/pipeline.h"

/* A copy that parsers may read past the end of. */
static struct slice padded(const struct text_event *t, struct slice text)
{
    uint8_t *copy = t->context->alloc(t->context, text.size + PIPELINE_PADDING);
    if (!copy)
        return SLICE_EMPTY;
    memcpy(copy, text.data, text.size);
    memset(copy + text.size, 0, PIPELINE_PADDING);
    return slice_make(copy, text.size);
}

/* A map without native names is plain data; a broken native event gets a note. */
static void note_broken(struct text_event *t, const struct parser_outcome *inner)
{
    if (record_reason_of(inner, "").code != RECORD_missing_field)
        text_event_partial_inner(t, inner, "body can't be read");
}

bool otlp_body_hand_on(struct text_event *t, struct slice json, const struct otlp_record *record,
                       struct parser_outcome *outcome)
{
    struct event *envelope = &t->event;
    struct json_object attributes = t->attributes; /* a copy: more may come into them */
    struct parser_outcome result = {.result = PARSER_NOT_MINE};
    struct parser_inner inner = {.bytes = padded(t, json),
                                 .format = SLICE_LITERAL("vsoc_json"),
                                 .offset = record->offset,
                                 .size = record->size,
                                 .envelope = envelope};
    if (json_object_end(&attributes, &envelope->attributes))
        event_mark(envelope, EVENT_attributes);
    if (!inner.bytes.size || attributes.failed) {
        record_memory_refuse(outcome, 0);
        return true;
    }
    enum parser_result handed = t->context->hand_on(t->context, &inner, &result);
    event_unmark(envelope, EVENT_attributes);
    switch (handed) {
    case PARSER_OK:
        return true;
    case PARSER_MALFORMED:
        note_broken(t, &result);
        return false;
    default:
        return false;
    }
}
