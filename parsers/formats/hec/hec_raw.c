/* hec_raw.c: lines of Splunk's raw route, each → events of the format that probing finds, with the
 * metadata of the request's query as envelope. Pure, any thread. */
#include "parsers/registry/builtin.h"
#include "core/reasons/record_code.h"
#include "parsers/fill/text_event.h"
#include "parsers/read/timestamp.h"
#include "parsers/engine/shared_text.h"

/* Cost factor of request parameters: they are repaired, written and scanned for VINs for every
 * event, where other shared text is processed once. */
#define COST_OF_PARAMETERS 4

static bool take_time(struct text_event *t, struct slice text)
{
    int64_t ns;
    if (timestamp_epoch_text(text, &ns) != STATUS_OK) {
        text_event_partial(t, RECORD_bad_time, "time is no epoch number");
        return false;
    }
    EVENT_SET(&t->event, time_event_ns, ns);
    EVENT_SET(&t->event, time_event_raw, slice_sub(text, 0, 256));
    return true;
}

/* Parameters of the query are read for each line. */
static bool may_repeat(const struct parser_context *context)
{
    size_t bytes = 0;
    for (size_t i = 0; i < context->header_count; i++)
        if (slice_starts_with(context->headers[i].name, "?"))
            bytes += context->headers[i].name.size + context->headers[i].value.size;
    return shared_text_take(context, COST_OF_PARAMETERS * bytes);
}

/* keep_all: also keeps values that have a column, which the inner event may set too. */
static void take_metadata(struct text_event *t, bool keep_all)
{
    const struct parser_context *context = t->context;
    bool repeats = may_repeat(context);
    if (!repeats)
        text_event_partial(t, RECORD_not_repeated, SHARED_TEXT_DETAIL);
    for (size_t i = 0; i < context->header_count; i++) {
        struct slice name = context->headers[i].name, value = context->headers[i].value;
        if (!slice_starts_with(name, "?"))
            continue;
        if (!repeats && value.size > SHARED_TEXT_SHORT)
            continue;
        name = slice_sub(name, 1, name.size);
        text_event_repair(t, &value);
        bool has_column = slice_equal_text(name, "host")
                              ? text_event_set(t, EVENT_ecu_id, value)
                              : slice_equal_text(name, "time") && take_time(t, value);
        if (repeats && (!has_column || keep_all))
            text_event_keep(t, name, value);
    }
}

static void begin(struct text_event *t, const struct parser_context *context, struct slice *record,
                  bool keep_all)
{
    text_event_init(t, context);
    text_event_repair(t, record);
    take_metadata(t, keep_all);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct text_event t;
    struct parser_outcome unused = {.result = PARSER_OK};
    struct slice text = record;
    shared_text_read(context, record.size);
    begin(&t, context, &text, true);
    const struct parser_inner inner = {.bytes = text, .size = record.size, .envelope = &t.event};
    if (!text_event_complete(&t, outcome) ||
        context->hand_on(context, &inner, &unused) == PARSER_OK)
        return;
    text = record;
    begin(&t, context, &text, false);
    text_event_set_message(&t, text);
    text_event_emit(&t, outcome);
}

const struct parser parser_hec_raw = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "hec_raw",
    .version = "1.0.0",
    .description = "lines of Splunk's raw route, each of any text format",
    .framing = PARSER_FRAMING_LINES,
    .parse = parse,
};
