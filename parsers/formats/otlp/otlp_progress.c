/* otlp_progress.c: limits of an OTLP body, counted while it is read. Pure, any thread. */
#include "parsers/formats/otlp/otlp_event.h"
#include "parsers/read/record_memory.h"

#define PARTS_SPARE      10000
#define PARTS_PER_RECORD 4

static void stop(struct otlp_progress *progress, size_t end, enum record_code code,
                 const char *detail)
{
    progress->stopped = true;
    progress->end = end;
    progress->code = code;
    progress->detail = detail;
}

bool otlp_count_part(struct otlp_progress *progress, size_t offset)
{
    if (++progress->parts > PARTS_SPARE + PARTS_PER_RECORD * progress->records)
        stop(progress, offset, RECORD_too_many_values,
             "more than 10,000 resources and scopes hold no record");
    return !progress->stopped;
}

const void *otlp_count_record(struct otlp_progress *progress, const struct parser_context *context,
                              size_t offset)
{
    const void *mark = context->mark(context);
    progress->records++;
    if (!mark)
        stop(progress, offset, RECORD_no_memory, RECORD_MEMORY_TEXT);
    return mark;
}
