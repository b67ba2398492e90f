/* pipeline_reject.c: quarantines records that can't become an event: one by one, or several
 * consecutive ones as one. Runs on the thread that owns the batch. Does not decide what is
 * rejected. */
#include "parsers/engine/pipeline_run.h"
#include "parsers/read/record_memory.h"
#include "parsers/engine/normalise.h"
#include "core/utf8.h"
#include "parsers/engine/plugin_guard.h"

#include <stdio.h>

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

static void hand_over(struct run *run, const struct event_reject *reject, uint64_t wrong_at,
                      const char *code, const char *detail)
{
    report_error(run, reject->index, wrong_at, code, detail);
    if (run->status != STATUS_OK)
        return;
    run->result->quarantined++;
    run->options->on_reject(run->options->arg, reject);
}

/* ---- many in a row ---- */

static bool joins(const struct run *run, uint64_t start, uint64_t end, const char *code)
{
    const struct reject_row *row = &run->row;
    if (!row->records || start < row->start || end - row->start > run->options->event_bytes ||
        row->end - row->start > run->options->event_bytes)
        return false;
    return run->result->quarantined >= PIPELINE_REJECTS_BY_CODE ||
           (!strcmp(row->code, code) && row->parser == run->frame->parser->name);
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
                       const char *code, const char *detail)
{
    struct reject_row *row = &run->row;
    if (joins(run, start, start + size, code)) {
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
    row->code = code;
    keep_detail(row, without_vins(run, detail));
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
        .code = slice_from_text(row->code),
        .detail = slice_from_text(detail),
    };
    hand_over(run, &reject, row->start, row->code, detail);
}

/* ---- one ---- */

void pipeline_reject(struct run *run, uint32_t index, struct slice bytes, uint64_t offset,
                     size_t wrong_at, const char *code, const char *detail)
{
    size_t size = run->frame->below ? run->frame->record.bytes.size : bytes.size;
    if (run->frame->is_plugin)
        plugin_guard_reason(&code, &detail);
    if (run->result->quarantined >= PIPELINE_REJECTS_SINGLE) {
        add_to_row(run, index, offset, size, code, detail);
        return;
    }
    detail = without_vins(run, detail);
    struct event_reject reject = {
        .index = index,
        .raw_offset = offset,
        .raw_size = size,
        .raw = slice_sub(bytes, 0, run->options->event_bytes),
        .parser = slice_from_text(run->frame->parser->name),
        .code = slice_from_text(code),
        .detail = slice_from_text(detail),
    };
    hand_over(run, &reject, offset + wrong_at, code, detail);
}

void pipeline_reject_record(struct run *run, size_t wrong_at, const char *code, const char *detail)
{
    const struct frame *frame = run->frame;
    uint32_t index;
    if (pipeline_take_index(run, &index))
        pipeline_reject(run, index, frame->below ? frame->inner : frame->record.bytes,
                        frame->record.offset, wrong_at, code, detail);
}

void pipeline_reject_stretch(const struct parser_context *context, size_t offset, size_t size,
                             const char *code, const char *detail)
{
    struct run *run = context->server;
    const struct frame *frame = run->frame;
    bool handed_on = frame->below != NULL;
    struct slice bytes = handed_on ? frame->inner : frame->record.bytes;
    uint32_t index;
    if (pipeline_take_index(run, &index))
        pipeline_reject(run, index, slice_sub(bytes, offset, size),
                        frame->record.offset + (handed_on ? 0 : offset), 0, code, detail);
}

void pipeline_reject_too_large(struct run *run, uint32_t index, struct slice raw, uint64_t offset)
{
    char detail[96];
    snprintf(detail, sizeof detail, "record has %zu bytes, limits.event_bytes is %zu", raw.size,
             run->options->event_bytes);
    pipeline_reject(run, index, raw, offset, 0, "event_too_large", detail);
}
