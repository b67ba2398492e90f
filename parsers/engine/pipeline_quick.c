/* pipeline_quick.c: native events whose records end where their reader says. Runs on the thread
 * that owns the batch. Refuses nothing: what is not plain goes through split_next. */
#include "parsers/engine/pipeline_run.h"
#include "parsers/registry/builtin.h"

bool pipeline_take_quick(struct run *run, struct split *split)
{
    const struct pipeline_options *options = run->options;
    struct event event;
    size_t size, at = split_object_at(split);
    if (at == split->body.size ||
        !parser_vsoc_json_quick(split->body.data + at, &run->context, &event, &size) ||
        size > options->event_bytes || !split_take_object(split, at, at + size, &run->own.record))
        return false;
    scratch_reset(&run->scratch);
    /* Its limits were checked; what the request says of its ECU was not. */
    options->normaliser->is_within = !options->ecu_id.size && !options->sw_baseline.size;
    run->context.emit(&run->context, &event);
    options->normaliser->is_within = false;
    pipeline_count_work(run, size);
    return true;
}
