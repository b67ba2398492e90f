/* pipeline.c: the record loop: split → parser → normalise → callbacks. Runs on the thread that owns
 * the batch. Does not inflate, store or answer. */
#include "parsers/engine/pipeline.h"
#include "parsers/registry/builtin.h"
#include "parsers/fill/envelope.h"
#include "parsers/read/json/json_object.h"
#include "parsers/engine/pipeline_run.h"
#include "parsers/engine/plugin_guard.h"
#include "parsers/engine/shared_text.h"
#include "parsers/registry/text_body.h"
#include "parsers/read/record_memory.h"

#include <stdio.h>

/* What a record counts as at least. */
#define RECORD_BYTES_LEAST 256

static struct run *run_of(const struct parser_context *context)
{
    return context->server;
}

/* Not one that somebody else made, for memory alone. */
static bool is_of_pipeline(const struct parser_context *context)
{
    return context->hand_on == pipeline_hand_on;
}

struct work *pipeline_work(const struct parser_context *context)
{
    return is_of_pipeline(context) ? run_of(context)->options->work : NULL;
}

bool pipeline_is_over(const struct parser_context *context)
{
    return is_of_pipeline(context) && run_of(context)->status != STATUS_OK;
}

size_t pipeline_record_bytes(const struct parser_context *context)
{
    if (!is_of_pipeline(context))
        return SIZE_MAX;
    const struct run *run = run_of(context);
    size_t size = run->own.record.bytes.size;
    if (size < RECORD_BYTES_LEAST)
        return RECORD_BYTES_LEAST; /* there may be headers */
    return size < run->options->event_bytes ? size : run->options->event_bytes;
}

/* ---- memory of a record ---- */

/* Out of memory: fail the whole batch so that the client retries. */
static void note_starved(struct run *run)
{
    if (run->scratch.starved)
        run->status = STATUS_NO_MEMORY;
}

static void *record_alloc(const struct parser_context *context, size_t size)
{
    struct run *run = run_of(context);
    void *p = scratch_alloc(&run->scratch, size);
    note_starved(run);
    return p;
}

static const void *record_mark(const struct parser_context *context)
{
    struct run *run = run_of(context);
    pipeline_count_work(run, WORK_OF_ITEM);
    if (run->status != STATUS_OK)
        return NULL;
    const void *mark = scratch_mark(&run->scratch);
    note_starved(run);
    return mark;
}

static void record_release(const struct parser_context *context, const void *mark)
{
    scratch_release(&run_of(context)->scratch, mark);
}

/* ---- frames ---- */

/* The frame runs, above the one below it. */
static void use_frame(struct run *run, struct frame *frame)
{
    const struct pipeline_options *options = run->options;
    bool json_is_open = false;
    for (const struct frame *f = frame->below; f; f = f->below)
        json_is_open |= f->uses_json;
    run->frame = frame;
    run->context.json = json_is_open ? options->json_inner : options->json;
    options->normaliser->parser = frame->parser;
    options->normaliser->text_is_clean = frame->parser == &parser_vsoc_json; /* simdjson did */
}

void pipeline_enter(struct run *run, struct frame *frame)
{
    frame->is_plugin = !registry_is_builtin(frame->parser);
    frame->uses_json = pipeline_uses_json(frame->parser);
    frame->below = run->frame;
    use_frame(run, frame);
}

void pipeline_leave(struct run *run)
{
    use_frame(run, run->frame->below);
}

/* ---- items ---- */

bool pipeline_take_index(struct run *run, uint32_t *index)
{
    if (run->status == STATUS_OK)
        pipeline_count_work(run, WORK_OF_ITEM);
    if (run->status != STATUS_OK)
        return false;
    if (run->index >= run->options->batch_events || run->index >= run->items_by_size) {
        run->status = STATUS_TOO_MANY;
        run->result->too_short = run->index < run->options->batch_events;
        return false;
    }
    *index = run->index++;
    shared_text_count_item(run);
    return true;
}

/* Sets the event's bytes and the offset of its record in the body. Handed-on bytes have the offset
 * of the outer record. */
static struct slice locate(const struct run *run, struct event *event)
{
    const struct frame *frame = run->frame;
    struct slice raw = frame->below ? frame->inner : frame->record.bytes;
    size_t at = 0;
    if (EVENT_HAS(event, raw_offset) && EVENT_HAS(event, raw_size) && event->raw_offset >= 0 &&
        event->raw_size >= 0 && (uint64_t)event->raw_offset <= raw.size) {
        at = (size_t)event->raw_offset;
        raw = slice_sub(raw, at, (size_t)event->raw_size);
    }
    EVENT_SET(event, raw_offset, (int64_t)(frame->record.offset + (frame->below ? 0 : at)));
    EVENT_SET(event, raw_size, (int64_t)(frame->below ? frame->record.bytes.size : raw.size));
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
    const struct record_reason reason = record_reason_make(refusal->code, refusal->detail);
    if (refusal->code == RECORD_vin_mismatch)
        run->result->vin_mismatches++;
    pipeline_reject(run, (uint32_t)event->batch_index, raw, (uint64_t)event->raw_offset, 0,
                    &reason);
}

/* Counts and drops an event that occurs earlier in this batch. Only the event's own id makes it a
 * duplicate: two events may have equal content. */
static bool is_duplicate(struct run *run, const struct event *event)
{
    if (!EVENT_HAS(event, source_event_id))
        return false;
    enum status status = id_set_add(&run->ids, event->dedup_key.data);
    if (status == STATUS_NO_MEMORY)
        run->status = status;
    return status == STATUS_EXISTS;
}

/* Makes ids of several events from the outer record's id: ID, ID#2, ID#3, … */
static bool number_id(const struct run *run, struct frame *frame, struct event *event)
{
    struct slice id = event->source_event_id;
    if (++frame->named == 1)
        return true;
    char *text = run->context.alloc(&run->context, id.size + 16);
    if (!text)
        return false;
    int size = snprintf(text, id.size + 16, "%.*s#%u", SLICE_ARGS(id), frame->named);
    EVENT_SET(event, source_event_id, slice_make(text, (size_t)size));
    return true;
}

/* Attributes of an outer record up to this size go into each of its events; larger ones only into
 * the first, so that a record can't become many times its size. */
#define SHARED_ATTRIBUTES_MAX 8192
/* The first event of an outer record gets the envelope free of charge up to this cost: it belongs
 * to that record. */
#define ENVELOPE_OF_BYTE  8
#define ENVELOPE_OF_EMPTY 512

/* True when this event may repeat the envelope. */
static bool may_repeat(struct run *run, struct frame *frame)
{
    size_t own = ENVELOPE_OF_EMPTY + ENVELOPE_OF_BYTE * frame->record.bytes.size;
    if (frame->events == 1 && shared_text_cost_most(frame->envelope) < own)
        return true;
    if (!frame->envelope_cost)
        frame->envelope_cost = 1 + shared_text_cost_of_event(frame->envelope);
    return (frame->events == 1 && frame->envelope_cost <= own) ||
           shared_text_take(&run->context, frame->envelope_cost);
}

static bool apply_envelope(struct run *run, struct frame *frame, struct event *event)
{
    const struct parser_context *context = &run->context;
    struct event envelope;
    bool is_first = !frame->events++, repeats = may_repeat(run, frame);
    bool is_large = EVENT_HAS(frame->envelope, attributes) &&
                    frame->envelope->attributes.size > SHARED_ATTRIBUTES_MAX;
    if (repeats && (is_first || !is_large))
        return envelope_apply(context, frame->member, frame->envelope, event);
    envelope = *frame->envelope;
    event_unmark(&envelope, EVENT_attributes);
    if (!repeats)
        shared_text_shorten(&envelope);
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    return json_note_add(context, event, repeats ? RECORD_envelope_too_large : RECORD_not_repeated,
                         repeats ? "what holds the event is over 8 KiB and kept with the first "
                                   "event only"
                                 : SHARED_TEXT_DETAIL,
                         JSON_NOTE_NO_OFFSET) &&
           envelope_apply(context, frame->member, &envelope, event);
}

/* The envelope for events handed on: values of their own parser and of the outer formats. */
static bool complete_inner(struct run *run, struct event *event)
{
    if (!EVENT_HAS(event, parser_name)) {
        EVENT_SET(event, parser_name, slice_from_text(run->frame->parser->name));
        EVENT_SET(event, parser_version, slice_from_text(run->frame->parser->version));
    }
    for (struct frame *f = run->frame; f->below; f = f->below) {
        bool has_id = EVENT_HAS(event, source_event_id);
        if (!f->envelope)
            continue;
        if (!apply_envelope(run, f, event))
            return false;
        if (!has_id && EVENT_HAS(event, source_event_id) && !number_id(run, f, event))
            return false;
    }
    return true;
}

static void refuse_as(struct run *run, const struct event *event, enum record_code code,
                      const char *detail)
{
    const struct normalise_refusal refusal = {code, detail};
    refuse(run, event, run->options->normaliser->record, &refusal);
}

static void take_event(const struct parser_context *context, struct event *event)
{
    struct run *run = run_of(context);
    struct normaliser *n = run->options->normaliser;
    struct normalise_refusal refusal = {RECORD_malformed, NULL};
    uint32_t index;
    if (!pipeline_take_index(run, &index))
        return;
    const char *problem = run->frame->is_plugin ? plugin_guard_event(&run->context, event) : NULL;
    EVENT_SET(event, batch_index, index);
    n->record = locate(run, event);
    if (problem) {
        refuse_as(run, event, RECORD_bad_event, problem);
        return;
    }
    if (run->frame->below && !complete_inner(run, event)) {
        refuse_as(run, event, RECORD_no_memory, RECORD_MEMORY_TEXT);
        return;
    }
    if (n->record.size > run->options->event_bytes &&
        run->frame->parser->framing == PARSER_FRAMING_BODY) {
        pipeline_reject_too_large(run, index, n->record, (uint64_t)event->raw_offset);
        return;
    }
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
    pipeline_reject_flush(run);
    if (is_duplicate(run, event)) {
        run->result->duplicates++;
        if (run->options->on_duplicate)
            run->options->on_duplicate(run->options->arg, event);
    } else if (run->status == STATUS_OK) {
        run->result->accepted++;
        run->result->vin_flagged += EVENT_HAS(event, claimed_vehicle_pid);
        run->options->on_event(run->options->arg, event);
    }
}

/* ---- records ---- */

static void reject_as(struct run *run, enum record_code code, const char *detail)
{
    const struct record_reason reason = record_reason_make(code, detail);
    pipeline_reject_record(run, 0, &reason);
}

void pipeline_take_outcome(struct run *run, const struct parser_outcome *outcome)
{
    if (pipeline_is_starved(outcome)) {
        run->status = STATUS_NO_MEMORY;
    } else if (outcome->result == PARSER_MALFORMED) {
        struct record_reason reason =
            record_reason_of(outcome, "record does not follow its format");
        if (run->frame->is_plugin)
            plugin_guard_reason(&reason);
        pipeline_reject_record(run, outcome->offset, &reason);
    } else if (outcome->result == PARSER_NOT_MINE) {
        reject_as(run, RECORD_not_of_format, "record is not of the batch's format");
    }
}

/* Bytes after the message in a frame that should contain one message. */
static void reject_trailing(struct run *run, size_t consumed)
{
    uint32_t index;
    struct slice rest = slice_sub(run->own.record.bytes, consumed, run->own.record.bytes.size);
    if (rest.size && pipeline_take_index(run, &index))
        pipeline_reject_rest(run, index, rest, run->own.record.offset + consumed);
}

/* BODY: the bytes before the broken place are processed already. */
static void drop_read(struct run *run, struct parser_outcome *outcome)
{
    struct split_record *record = &run->own.record;
    struct slice rest = slice_sub(record->bytes, outcome->offset, record->bytes.size);
    record->offset += record->bytes.size - rest.size;
    record->bytes = rest;
    outcome->offset = 0;
}

static void read_record(struct run *run, struct split *split)
{
    const struct parser *parser = run->options->parser;
    bool stream = parser->framing == PARSER_FRAMING_STREAM;
    struct parser_outcome outcome = {.result = PARSER_OK};
    struct slice whole = run->own.record.bytes;
    scratch_reset(&run->scratch);
    parser->parse(whole, &run->context, &outcome);
    pipeline_count_work(run, stream && outcome.consumed ? outcome.consumed : whole.size);
    if (stream && outcome.consumed && outcome.consumed < whole.size)
        run->own.record.bytes = slice_sub(whole, 0, outcome.consumed);
    if (parser->framing == PARSER_FRAMING_BODY && outcome.result != PARSER_OK)
        drop_read(run, &outcome);
    pipeline_take_outcome(run, &outcome);
    if (stream && split->prefix != SPLIT_PREFIX_NONE && outcome.consumed) {
        run->own.record.bytes = whole;
        reject_trailing(run, outcome.consumed);
    }
    split_advance(split, outcome.consumed);
}

static void reject_large_record(struct run *run)
{
    uint32_t index;
    if (pipeline_take_index(run, &index))
        pipeline_reject_too_large(run, index, run->own.record.bytes, run->own.record.offset);
}

static void take_record(struct run *run, struct split *split)
{
    const struct pipeline_options *options = run->options;
    enum parser_framing framing = options->parser->framing;
    bool whole_body = framing == PARSER_FRAMING_BODY ||
                      (framing == PARSER_FRAMING_STREAM && options->prefix == SPLIT_PREFIX_NONE);
    if (run->own.record.broken) {
        reject_as(run, RECORD_malformed, run->own.record.broken);
        split_advance(split, 0);
    } else if (!whole_body && run->own.record.bytes.size > options->event_bytes) {
        reject_large_record(run);
        split_advance(split, 0);
    } else {
        read_record(run, split);
    }
}

/* From the batch's id, most of which is random: no sender knows it beforehand. */
static uint64_t id_seed(const struct normaliser *n)
{
    uint64_t seed;
    memcpy(&seed, n->batch_uid + sizeof n->batch_uid - sizeof seed, sizeof seed);
    return seed ^ (uint64_t)n->received_ns;
}

size_t pipeline_item_bytes(const struct parser *parser)
{
    if (parser == &parser_qsev)
        return PIPELINE_BYTES_OF_QSEV;
    return parser->framing == PARSER_FRAMING_SYSLOG || parser == &parser_otlp
               ? PIPELINE_BYTES_OF_SYSLOG_ITEM
               : PIPELINE_BYTES_OF_ITEM;
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
        .headers = options->headers,
        .header_count = options->header_count,
        .json_depth = options->json_depth,
        .event_bytes = options->event_bytes,
        .alloc = record_alloc,
        .emit = take_event,
        .reject = pipeline_reject_stretch,
        .hand_on = pipeline_hand_on,
        .mark = record_mark,
        .release = record_release,
        .server = run,
    };
    scratch_init(&run->scratch, RECORD_MEMORY_PER_BYTE * options->event_bytes);
    id_set_init(&run->ids, options->normaliser->arena, id_seed(options->normaliser));
    options->normaliser->dedup_prefix_of = DEDUP_PREFIX_NONE; /* of another tenant */
    options->normaliser->context = &run->context;
    run->own.parser = options->parser;
    pipeline_enter(run, &run->own);
    result->accepted = result->duplicates = result->quarantined = 0;
    result->vin_mismatches = result->vin_flagged = result->error_count = 0;
    result->truncated = result->too_short = false;
}

/* A text body without padding around its records; false: it is quarantined whole. */
static bool open_text(struct run *run, struct slice *body)
{
    if (!text_body_is_of(run->options->parser))
        return true;
    if (text_body_is_utf16(*body)) {
        run->own.record = (struct split_record){.bytes = *body};
        reject_as(run, RECORD_utf16, "UTF-16; send UTF-8");
        return false;
    }
    *body = text_body_trim_end(*body, run->options->parser->framing);
    return true;
}

static void read_records(struct run *run, struct slice body)
{
    struct split split;
    split_init(&split, body, run->options->parser->framing, run->options->prefix);
    split.work = run->options->work;
    json_parser_ahead(run->options->json, body);
    bool is_native = run->options->parser == &parser_vsoc_json;
    while (run->status == STATUS_OK) {
        if (is_native && pipeline_take_quick(run, &split))
            continue;
        if (split_next(&split, &run->own.record) != STATUS_OK)
            break;
        take_record(run, &split);
    }
    if (!body.size && run->options->parser->framing == PARSER_FRAMING_BODY)
        take_record(run, &split); /* an event may be in the headers alone */
    json_parser_ahead(run->options->json, SLICE_EMPTY);
}

enum status pipeline_run(const struct pipeline_options *options, struct slice body,
                         struct pipeline_result *result)
{
    struct run run;
    run_init(&run, options, result);
    result->item_bytes = pipeline_item_bytes(options->parser);
    run.items_by_size = PIPELINE_ITEMS_FREE + body.size / result->item_bytes;
    run.body = body;
    run.shared_left = SHARED_TEXT_FREE;
    if (open_text(&run, &body))
        read_records(&run, body);
    pipeline_reject_flush(&run);
    result->items = run.index;
    pipeline_count_work(&run, 0);
    scratch_fini(&run.scratch);
    options->normaliser->context = NULL;
    return run.status;
}
