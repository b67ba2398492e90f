/* hand_on.c: passes bytes of another format inside a record to the parser of that format. Runs on
 * the thread that owns the batch. Does not find them: the outer parser does. */
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "core/utf8.h"
#include "parsers/engine/media_type.h"
#include "parsers/engine/pipeline_run.h"
#include "parsers/engine/plugin_guard.h"
#include "parsers/engine/shared_text.h"
#include "parsers/read/text.h"

/* Limit of formats inside each other, such as a CloudEvent that carries syslog that carries CEF. */
#define FRAMES_MAX 4

/* True when another parser can start above the running one. */
static bool has_room(const struct run *run, const struct parser *parser)
{
    size_t frames = 1, json = pipeline_uses_json(parser);
    for (const struct frame *f = run->frame; f; f = f->below) {
        frames++;
        json += f->uses_json;
    }
    return frames <= FRAMES_MAX && json <= (run->options->json_inner ? 2 : 1);
}

static const struct parser *find(struct run *run, const struct parser_inner *inner,
                                 enum split_prefix *prefix)
{
    const struct registry *registry = run->options->registry;
    struct slice media;
    if (!registry || media_type_read(inner->format, &media, prefix) != STATUS_OK)
        return NULL;
    if (!media.size || registry_is_probed_type(media)) {
        const struct parser *parser = registry_probe_again(registry, inner->bytes, &run->hints);
        return parser != run->frame->parser ? parser : NULL;
    }
    return memchr(media.data, '/', media.size) ? registry_by_content_type(registry, media)
                                               : registry_by_name(registry, media);
}

/* Records of these framings are checked here; others by the parser or per event. */
static bool is_too_large(const struct run *run, const struct split_record *record)
{
    enum parser_framing framing = run->frame->parser->framing;
    return (framing == PARSER_FRAMING_JSON || framing == PARSER_FRAMING_LINES) &&
           record->bytes.size > run->options->event_bytes;
}

/* Reads one inner record and frees what the parser allocated for it. */
static void read_record(struct run *run, const struct split_record *record,
                        struct parser_outcome *outcome)
{
    *outcome = (struct parser_outcome){.result = PARSER_OK};
    run->frame->inner = record->bytes;
    if (!run->frame->below->below)
        shared_text_read(&run->context, record->bytes.size);
    if (record->broken)
        record_refuse(outcome, 0, RECORD_malformed, record->broken);
    else if (is_too_large(run, record))
        record_refuse(outcome, 0, RECORD_event_too_large,
                      "an inner record is over limits.event_bytes");
    else
        run->frame->parser->parse(record->bytes, &run->context, outcome);
    pipeline_count_work(run, record->bytes.size);
}

/* Bytes after the message in a frame that should contain one message. */
static void reject_trailing(struct run *run, size_t consumed)
{
    struct slice *inner = &run->frame->inner;
    uint32_t index;
    *inner = slice_sub(*inner, consumed, inner->size);
    if (inner->size && pipeline_take_index(run, &index))
        pipeline_reject_rest(run, index, *inner, run->frame->record.offset);
}

/* The result of the first record, whose reason the outer parser may put into a note. */
static enum parser_result refused(const struct run *run, struct parser_outcome *outcome)
{
    if (run->frame->is_plugin && outcome->result == PARSER_MALFORMED) {
        struct record_reason reason = record_reason_of(outcome, NULL);
        plugin_guard_reason(&reason);
        outcome->code = reason.word;
        outcome->detail = reason.detail;
    }
    return outcome->result;
}

/* Reads the inner records. Not OK only when there are none, or when the first one is not OK and
 * produced nothing. */
static enum parser_result read_records(struct run *run, struct slice bytes,
                                       enum split_prefix prefix, struct parser_outcome *outcome)
{
    struct split split;
    struct split_record record;
    enum parser_result result = PARSER_NOT_MINE;
    uint32_t before = run->index;
    split_init(&split, bytes, run->frame->parser->framing, prefix);
    split.work = run->options->work;
    while (run->status == STATUS_OK && split_next(&split, &record) == STATUS_OK) {
        const void *mark = run->context.mark(&run->context);
        read_record(run, &record, outcome);
        if (outcome->result != PARSER_OK && run->index == before && !pipeline_is_starved(outcome))
            return refused(run, outcome); /* whose detail may be what was allocated */
        result = PARSER_OK;
        pipeline_take_outcome(run, outcome);
        if (prefix != SPLIT_PREFIX_NONE && outcome->consumed)
            reject_trailing(run, outcome->consumed);
        run->context.release(&run->context, mark);
        split_advance(&split, outcome->consumed);
    }
    return result;
}

static bool envelope_is_good(const struct run *run, const struct parser_inner *inner,
                             struct parser_outcome *outcome)
{
    const char *problem = run->frame->is_plugin && inner->envelope
                              ? plugin_guard_event(&run->context, inner->envelope)
                              : NULL;
    if (inner->member && utf8_check(slice_from_text(inner->member)) != STATUS_OK)
        problem = "the member's name is no UTF-8";
    if (problem)
        record_refuse(outcome, inner->offset, RECORD_bad_event, problem);
    return !problem;
}

enum parser_result pipeline_hand_on(const struct parser_context *context,
                                    const struct parser_inner *inner,
                                    struct parser_outcome *outcome)
{
    struct run *run = context->server;
    const struct split_record *outer = &run->frame->record;
    enum split_prefix prefix;
    const struct parser *parser = find(run, inner, &prefix);
    if (!parser || !has_room(run, parser))
        return PARSER_NOT_MINE;
    if (!envelope_is_good(run, inner, outcome))
        return PARSER_MALFORMED;
    struct frame frame = {.parser = parser,
                          .envelope = inner->envelope,
                          .member = inner->member ? inner->member : run->frame->parser->name,
                          .record = *outer};
    if (!run->frame->below) {
        if (inner->size > inner->bytes.size) /* the envelope's bytes */
            shared_text_read(context, inner->size - inner->bytes.size);
        frame.record.offset += inner->offset;
        frame.record.bytes = slice_sub(outer->bytes, inner->offset, inner->size);
    }
    pipeline_enter(run, &frame);
    enum parser_result result = read_records(run, inner->bytes, prefix, outcome);
    pipeline_leave(run);
    return result;
}
