/* hand_on.c: bytes of another format inside a record go to the parser of that format. Runs on the
 * thread that owns the batch. Does not find them: that is the outer parser's work. */
#include "parsers/builtin.h"
#include "parsers/pipeline_run.h"
#include "parsers/plugin_guard.h"

/* Formats inside each other: a CloudEvent that carries CEF behind a header, which makes it syslog
 * that carries CEF. */
#define FRAMES_MAX 4

/* True when another parser can begin its work above the one at work. */
static bool has_room(const struct run *run, const struct parser *parser)
{
    size_t frames = 1, json = pipeline_uses_json(parser);
    for (const struct frame *f = run->frame; f; f = f->below) {
        frames++;
        json += pipeline_uses_json(f->parser);
    }
    return frames <= FRAMES_MAX && json <= (run->options->json_inner ? 2 : 1);
}

static const struct parser *find(const struct run *run, const struct parser_inner *inner)
{
    const struct registry *registry = run->options->registry;
    if (!registry)
        return NULL;
    if (!inner->format.size || registry_is_probed_type(inner->format)) {
        const struct parser *parser = registry_probe(registry, inner->bytes);
        return parser != run->frame->parser ? parser : NULL;
    }
    return memchr(inner->format.data, '/', inner->format.size)
               ? registry_by_content_type(registry, inner->format)
               : registry_by_name(registry, inner->format);
}

static uint32_t items(const struct run *run)
{
    return run->result->accepted + run->result->duplicates + run->result->quarantined;
}

/* Reads one inner record; what the parser allocates for it is given back at its end. */
static void read_record(struct run *run, const struct split_record *record,
                        struct parser_outcome *outcome)
{
    *outcome = (struct parser_outcome){.result = PARSER_OK};
    run->frame->inner = record->bytes;
    if (record->broken)
        parser_malformed(outcome, 0, NULL, record->broken);
    else
        run->frame->parser->parse(record->bytes, &run->context, outcome);
}

/* Reads the inner records. Not OK only when there is none, or the first one is not and nothing came
 * of it. */
static enum parser_result read_records(struct run *run, struct slice bytes,
                                       struct parser_outcome *outcome)
{
    struct split split;
    struct split_record record;
    enum parser_result result = PARSER_NOT_MINE;
    uint32_t before = items(run);
    split_init(&split, bytes, run->frame->parser->framing, SPLIT_PREFIX_NONE);
    while (run->status == STATUS_OK && split_next(&split, &record) == STATUS_OK) {
        const void *mark = run->context.mark(&run->context);
        read_record(run, &record, outcome);
        if (outcome->result != PARSER_OK && items(run) == before && !pipeline_is_starved(outcome))
            return outcome->result; /* whose detail may be what was allocated */
        result = PARSER_OK;
        pipeline_take_outcome(run, outcome);
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
    if (problem)
        parser_malformed(outcome, inner->offset, PLUGIN_GUARD_CODE, problem);
    return !problem;
}

enum parser_result pipeline_hand_on(const struct parser_context *context,
                                    const struct parser_inner *inner,
                                    struct parser_outcome *outcome)
{
    struct run *run = context->server;
    const struct split_record *outer = &run->frame->record;
    const struct parser *parser = find(run, inner);
    if (!parser || !has_room(run, parser))
        return PARSER_NOT_MINE;
    if (!envelope_is_good(run, inner, outcome))
        return PARSER_MALFORMED;
    struct frame frame = {.parser = parser, .envelope = inner->envelope, .record = *outer};
    if (!run->frame->below) {
        frame.record.offset += inner->offset;
        frame.record.bytes = slice_sub(outer->bytes, inner->offset, inner->size);
    }
    pipeline_enter(run, &frame);
    enum parser_result result = read_records(run, inner->bytes, outcome);
    pipeline_leave(run);
    return result;
}
