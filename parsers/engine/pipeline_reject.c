/* pipeline_reject.c: quarantines records that can't become an event: one by one, or several
 * consecutive ones as one. Runs on the thread that owns the batch. Does not decide what is
 * rejected. */
#include "parsers/engine/pipeline_run.h"
#include "parsers/read/record_memory.h"
#include "parsers/engine/normalise.h"
#include "core/thread.h"
#include "core/utf8.h"
#include "parsers/engine/plugin_guard.h"

#include <stdio.h>

static void report_error(struct run *run, uint32_t index, uint64_t offset,
                         const struct record_reason *reason)
{
    struct pipeline_result *result = run->result;
    if (result->error_count == PIPELINE_ERRORS) {
        result->truncated = true;
        return;
    }
    struct slice text;
    if (arena_copy(run->options->normaliser->arena,
                   slice_make(reason->detail, strlen(reason->detail) + 1), &text) != STATUS_OK) {
        run->status = STATUS_NO_MEMORY;
        return;
    }
    result->errors[result->error_count++] = (struct pipeline_error){index, offset, *reason};
    result->errors[result->error_count - 1].reason.detail = (const char *)text.data;
}

/* What a parser says of a record may quote it. */
static const char *without_vins(struct run *run, const char *detail)
{
    struct slice text = slice_from_text(detail);
    if (!normalise_text(run->options->normaliser, &text))
        return RECORD_MEMORY_TEXT;
    if ((const char *)text.data == detail)
        return detail;
    const char *copy = arena_format(run->options->normaliser->arena, "%.*s", SLICE_ARGS(text));
    return copy ? copy : RECORD_MEMORY_TEXT;
}

static void hand_over(struct run *run, struct event_reject *reject, uint64_t wrong_at,
                      const struct record_reason *reason)
{
    reject->code = slice_from_text(reason->word);
    reject->detail = slice_from_text(reason->detail);
    report_error(run, reject->index, wrong_at, reason);
    if (run->status != STATUS_OK)
        return;
    run->result->quarantined++;
    run->options->on_reject(run->options->arg, reject);
}

/* ---- many in a row ---- */

static bool joins(const struct run *run, uint64_t start, uint64_t end,
                  const struct record_reason *reason)
{
    const struct reject_row *row = &run->row;
    if (!row->records || start < row->start || end - row->start > run->options->event_bytes ||
        row->end - row->start > run->options->event_bytes)
        return false;
    return run->result->quarantined >= PIPELINE_REJECTS_BY_CODE ||
           (record_reason_is_same_code(&row->reason, reason) &&
            row->parser == run->frame->parser->name);
}

/* The detail, without half a character at its end. */
static void keep_detail(struct reject_row *row, const char *detail)
{
    struct slice kept = utf8_cut(slice_from_text(detail), sizeof row->detail - 1);
    memcpy(row->detail, kept.data, kept.size);
    row->detail[kept.size] = 0;
}

/* A record's offset in the body is known; its inner bytes may be freed before the row is complete.
 */
static void add_to_row(struct run *run, uint32_t index, uint64_t start, size_t size,
                       const struct record_reason *reason)
{
    struct reject_row *row = &run->row;
    if (joins(run, start, start + size, reason)) {
        row->records++;
        row->end = start + size > row->end ? start + size : row->end;
        return;
    }
    pipeline_reject_flush(run);
    row->records = 1;
    row->index = index;
    row->start = start;
    row->end = start + size;
    row->parser = run->frame->parser->name;
    row->reason = *reason;
    keep_detail(row, without_vins(run, reason->detail));
}

void pipeline_reject_flush(struct run *run)
{
    struct reject_row *row = &run->row;
    char detail[REJECT_DETAIL_BYTES + 64];
    if (!row->records)
        return;
    if (row->records > 1)
        snprintf(detail, sizeof detail, "%u records in a row, the first: %s", row->records,
                 row->detail);
    else
        snprintf(detail, sizeof detail, "%s", row->detail);
    row->records = 0;
    struct slice raw = slice_sub(run->body, (size_t)row->start, (size_t)(row->end - row->start));
    struct event_reject reject = {
        .index = row->index,
        .raw_offset = row->start,
        .raw_size = row->end - row->start,
        .raw = slice_sub(raw, 0, run->options->event_bytes),
        .parser = slice_from_text(row->parser),
    };
    row->reason.detail = detail;
    hand_over(run, &reject, row->start, &row->reason);
}

/* ---- one ---- */

void pipeline_reject(struct run *run, uint32_t index, struct slice bytes, uint64_t offset,
                     size_t wrong_at, const struct record_reason *reason)
{
    struct record_reason own = *reason;
    size_t size = run->frame->below ? run->frame->record.bytes.size : bytes.size;
    ensure(run->frame->is_plugin || own.code != RECORD_OTHER);
    if (run->result->quarantined >= PIPELINE_REJECTS_SINGLE) {
        add_to_row(run, index, offset, size, &own);
        return;
    }
    own.detail = without_vins(run, own.detail);
    struct event_reject reject = {
        .index = index,
        .raw_offset = offset,
        .raw_size = size,
        .raw = slice_sub(bytes, 0, run->options->event_bytes),
        .parser = slice_from_text(run->frame->parser->name),
    };
    hand_over(run, &reject, offset + wrong_at, &own);
}

void pipeline_reject_record(struct run *run, size_t wrong_at, const struct record_reason *reason)
{
    const struct frame *frame = run->frame;
    uint32_t index;
    if (pipeline_take_index(run, &index))
        pipeline_reject(run, index, frame->below ? frame->inner : frame->record.bytes,
                        frame->record.offset, wrong_at, reason);
}

void pipeline_reject_stretch(const struct parser_context *context, size_t offset, size_t size,
                             const char *code, const char *detail)
{
    struct run *run = context->server;
    const struct frame *frame = run->frame;
    struct record_reason reason = record_reason_read(code, detail);
    if (frame->is_plugin)
        plugin_guard_reason(&reason);
    bool handed_on = frame->below != NULL;
    struct slice bytes = handed_on ? frame->inner : frame->record.bytes;
    uint32_t index;
    if (pipeline_take_index(run, &index))
        pipeline_reject(run, index, slice_sub(bytes, offset, size),
                        frame->record.offset + (handed_on ? 0 : offset), 0, &reason);
}

void pipeline_reject_too_large(struct run *run, uint32_t index, struct slice raw, uint64_t offset)
{
    char detail[96];
    snprintf(detail, sizeof detail, "record has %zu bytes, limits.event_bytes is %zu", raw.size,
             run->options->event_bytes);
    const struct record_reason reason = record_reason_make(RECORD_event_too_large, detail);
    pipeline_reject(run, index, raw, offset, 0, &reason);
}

void pipeline_reject_rest(struct run *run, uint32_t index, struct slice rest, uint64_t offset)
{
    const struct record_reason reason =
        record_reason_make(RECORD_trailing_bytes, "bytes left in the frame after the message");
    pipeline_reject(run, index, rest, offset, 0, &reason);
}
