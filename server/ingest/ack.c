/* ack.c: levels of VSOC-Ack. Worker threads. Does not wait: ingest.c keeps the waiting submissions.
 */
#include "server/ingest/ack.h"

#include "storage/sinks/registry/sink_registry.h"

static ack_mask_t all_of(const struct ack_sinks *sinks)
{
    return (ack_mask_t)((1u << sinks->count) - 1);
}

enum status ack_parse(struct slice value, const struct ack_sinks *sinks, ack_mask_t *mask)
{
    if (slice_equal_nocase(value, "spool")) {
        *mask = 0;
        return STATUS_OK;
    }
    if (slice_equal_nocase(value, "all")) {
        *mask = all_of(sinks);
        return STATUS_OK;
    }
    for (size_t i = 0; i < sinks->count; i++)
        if (sink_runner_is_awaited(sinks->runners[i]) &&
            slice_equal_nocase(value, sink_runner_name(sinks->runners[i]))) {
            *mask = 1u << i;
            return STATUS_OK;
        }
    const struct sink *known = sink_by_name(value);
    return known && known->awaited ? STATUS_UNSUPPORTED : STATUS_MALFORMED;
}

ack_mask_t ack_missing(const struct ack_sinks *sinks, ack_mask_t mask, uint64_t position)
{
    ack_mask_t missing = 0;
    for (size_t i = 0; i < sinks->count; i++)
        if (mask >> i & 1 && sink_runner_position(sinks->runners[i]) < position)
            missing |= 1u << i;
    return missing;
}

const char *ack_level(const struct ack_sinks *sinks, ack_mask_t mask, ack_mask_t missing)
{
    ack_mask_t reached = mask & ~missing;
    if (!reached)
        return "spool";
    if (!missing && mask == all_of(sinks) && sinks->count > 1)
        return "all";
    for (size_t i = 0; i < sinks->count; i++)
        if (reached >> i & 1)
            return sink_runner_name(sinks->runners[i]);
    return "spool";
}
