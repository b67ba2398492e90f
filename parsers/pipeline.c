/* pipeline.c: the record loop: split → parser → normalise → callbacks. Runs on the thread that owns
 * the batch. Does not inflate, store or answer. */
#include "parsers/pipeline.h"
#include "parsers/builtin.h"
#include "parsers/id_set.h"
#include "parsers/scratch.h"

#include <stdio.h>

/* Memory a record may take for each byte that a record may have: room for the escapes and index
 * tables of the worst one. */
#define SCRATCH_PER_BYTE 32

struct run {
    const struct pipeline_options *options;
    struct pipeline_result *result;
    struct parser_context context;
    struct id_set ids;
    struct split_record record; /* the one being read */
    uint32_t index;             /* of the next item */
    enum status status;         /* sticky: TOO_MANY, NO_MEMORY */
    struct scratch scratch;     /* memory of the record */
};

static struct run *run_of(const struct parser_context *context)
{
    return context->server;
}

/* ---- memory of a record ---- */

static void *record_alloc(const struct parser_context *context, size_t size)
{
    return scratch_alloc(&run_of(context)->scratch, size);
}

/* ---- items ---- */

/* Place of the next item in *index; false when the batch is full. */
static bool take_index(struct run *run, uint32_t *index)
{
    if (run->status != STATUS_OK)
        return false;
    if (run->index >= run->options->batch_events) {
        run->status = STATUS_TOO_MANY;
        return false;
    }
    *index = run->index++;
    return true;
}

static void report_error(struct run *run, uint32_t index, uint64_t offset, const char *code,
                         const char *detail)
{
    struct pipeline_result *result = run->result;
    if (result->error_count == PIPELINE_ERRORS) {
        result->truncated = true;
        return;
    }
    struct slice text;
    if (arena_copy(run->options->normaliser->arena, slice_make(detail, strlen(detail) + 1),
                   &text) != STATUS_OK) {
        run->status = STATUS_NO_MEMORY;
        return;
    }
    result->errors[result->error_count++] =
        (struct pipeline_error){index, offset, code, (const char *)text.data};
}

/* Quarantines bytes that start at offset of the body. wrong_at: where in it. */
static void reject(struct run *run, uint32_t index, struct slice bytes, uint64_t offset,
                   size_t wrong_at, const char *code, const char *detail)
{
    struct event_reject r = {
        .index = index,
        .raw_offset = offset,
        .raw_size = bytes.size,
        .raw = slice_sub(bytes, 0, run->options->event_bytes),
        .parser = slice_from_text(run->options->parser->name),
        .code = slice_from_text(code),
        .detail = slice_from_text(detail),
    };
    report_error(run, index, offset + wrong_at, code, detail);
    if (run->status != STATUS_OK)
        return;
    run->result->quarantined++;
    run->options->on_reject(run->options->arg, &r);
}

static void reject_record(struct run *run, size_t wrong_at, const char *code, const char *detail)
{
    uint32_t index;
    if (take_index(run, &index))
        reject(run, index, run->record.bytes, run->record.offset, wrong_at, code, detail);
}

/* Bytes of the record that the event is made of, and their place in the body. */
static struct slice locate(const struct run *run, struct event *event)
{
    struct slice raw = run->record.bytes;
    uint64_t offset = run->record.offset;
    if (EVENT_HAS(event, raw_offset) && EVENT_HAS(event, raw_size) && event->raw_offset >= 0 &&
        event->raw_size >= 0 && (uint64_t)event->raw_offset <= raw.size) {
        offset += (uint64_t)event->raw_offset;
        raw = slice_sub(raw, (size_t)event->raw_offset, (size_t)event->raw_size);
    }
    EVENT_SET(event, raw_offset, (int64_t)offset);
    EVENT_SET(event, raw_size, (int64_t)raw.size);
    return raw;
}

static void fill_from_request(const struct run *run, struct event *event)
{
    if (run->options->ecu_id.size && !EVENT_HAS(event, ecu_id))
        EVENT_SET(event, ecu_id, run->options->ecu_id);
    if (run->options->sw_baseline.size && !EVENT_HAS(event, sw_baseline))
        EVENT_SET(event, sw_baseline, run->options->sw_baseline);
}

static void refuse(struct run *run, const struct event *event, struct slice raw,
                   const struct normalise_refusal *refusal)
{
    if (!strcmp(refusal->code, "vin_mismatch"))
        run->result->vin_mismatches++;
    reject(run, (uint32_t)event->batch_index, raw, (uint64_t)event->raw_offset, 0, refusal->code,
           refusal->detail);
}

/* An event that stands in this batch already is counted and left out. Only its own id makes it one:
 * equal content is not the same event. */
static bool is_duplicate(struct run *run, const struct event *event)
{
    if (!EVENT_HAS(event, source_event_id))
        return false;
    enum status status = id_set_add(&run->ids, event->dedup_key.data);
    if (status == STATUS_NO_MEMORY)
        run->status = status;
    return status == STATUS_EXISTS;
}

static void take_event(const struct parser_context *context, struct event *event)
{
    struct run *run = run_of(context);
    struct normaliser *n = run->options->normaliser;
    struct normalise_refusal refusal = {NULL, NULL};
    uint32_t index;
    if (!take_index(run, &index))
        return;
    EVENT_SET(event, batch_index, index);
    n->record = locate(run, event);
    fill_from_request(run, event);
    switch (normalise_event(n, event, &refusal)) {
    case STATUS_OK:
        break;
    case STATUS_REFUSED:
        refuse(run, event, n->record, &refusal);
        return;
    default:
        run->status = STATUS_NO_MEMORY;
        return;
    }
    if (is_duplicate(run, event)) {
        run->result->duplicates++;
    } else if (run->status == STATUS_OK) {
        run->result->accepted++;
        run->options->on_event(run->options->arg, event);
    }
}

/* ---- records ---- */

static void reject_too_large(struct run *run)
{
    char detail[96];
    snprintf(detail, sizeof detail, "record has %zu bytes, limits.event_bytes is %zu",
             run->record.bytes.size, run->options->event_bytes);
    reject_record(run, 0, "event_too_large", detail);
}

static void take_outcome(struct run *run, const struct parser_outcome *outcome)
{
    if (outcome->result == PARSER_MALFORMED)
        reject_record(run, outcome->offset, outcome->code ? outcome->code : "malformed",
                      outcome->detail ? outcome->detail : "record does not follow its format");
    else if (outcome->result == PARSER_NOT_MINE)
        reject_record(run, 0, "not_of_format", "record is not of the batch's format");
}

/* What follows a message in a frame that should hold one. */
static void reject_trailing(struct run *run, size_t consumed)
{
    uint32_t index;
    struct slice rest = slice_sub(run->record.bytes, consumed, run->record.bytes.size);
    if (rest.size && take_index(run, &index))
        reject(run, index, rest, run->record.offset + consumed, 0, "trailing_bytes",
               "bytes left in the frame after the message");
}

static void read_record(struct run *run, struct split *split)
{
    const struct parser *parser = run->options->parser;
    bool stream = parser->framing == PARSER_FRAMING_STREAM;
    struct parser_outcome outcome = {.result = PARSER_OK};
    struct slice whole = run->record.bytes;
    scratch_reset(&run->scratch);
    parser->parse(whole, &run->context, &outcome);
    if (stream && outcome.consumed && outcome.consumed < whole.size)
        run->record.bytes = slice_sub(whole, 0, outcome.consumed);
    take_outcome(run, &outcome);
    if (stream && split->prefix != SPLIT_PREFIX_NONE && outcome.consumed) {
        run->record.bytes = whole;
        reject_trailing(run, outcome.consumed);
    }
    split_advance(split, outcome.consumed);
}

static void take_record(struct run *run, struct split *split)
{
    const struct pipeline_options *options = run->options;
    bool whole_body =
        options->parser->framing == PARSER_FRAMING_STREAM && options->prefix == SPLIT_PREFIX_NONE;
    if (run->record.broken) {
        reject_record(run, 0, "malformed", run->record.broken);
        split_advance(split, 0);
    } else if (!whole_body && run->record.bytes.size > options->event_bytes) {
        reject_too_large(run);
        split_advance(split, 0);
    } else {
        read_record(run, split);
    }
}

/* Of the batch's id, most of which is random: no sender knows it beforehand. */
static uint64_t id_seed(const struct normaliser *n)
{
    uint64_t seed;
    memcpy(&seed, n->batch_uid + sizeof n->batch_uid - sizeof seed, sizeof seed);
    return seed ^ (uint64_t)n->received_ns;
}

static void run_init(struct run *run, const struct pipeline_options *options,
                     struct pipeline_result *result)
{
    *run = (struct run){.options = options, .result = result, .status = STATUS_OK};
    run->context = (struct parser_context){
        .struct_size = sizeof run->context,
        .received_ns = options->normaliser->received_ns,
        .ecu_id = options->ecu_id,
        .sw_baseline = options->sw_baseline,
        .json_depth = options->json_depth,
        .event_bytes = options->event_bytes,
        .alloc = record_alloc,
        .emit = take_event,
        .server = run,
        .json = options->json,
    };
    scratch_init(&run->scratch, SCRATCH_PER_BYTE * options->event_bytes);
    id_set_init(&run->ids, options->normaliser->arena, id_seed(options->normaliser));
    options->normaliser->parser = options->parser;
    options->normaliser->dedup_prefix_of = DEDUP_PREFIX_NONE; /* of another tenant */
    options->normaliser->context = &run->context;
    options->normaliser->text_is_clean = options->parser == &parser_vsoc_json; /* simdjson did */
    result->accepted = result->duplicates = result->quarantined = 0;
    result->vin_mismatches = result->error_count = 0;
    result->truncated = false;
}

enum status pipeline_run(const struct pipeline_options *options, struct slice body,
                         struct pipeline_result *result)
{
    struct run run;
    struct split split;
    run_init(&run, options, result);
    split_init(&split, body, options->parser->framing, options->prefix);
    while (run.status == STATUS_OK && split_next(&split, &run.record) == STATUS_OK)
        take_record(&run, &split);
    scratch_fini(&run.scratch);
    options->normaliser->context = NULL;
    return run.status;
}
