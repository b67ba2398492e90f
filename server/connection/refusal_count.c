/* refusal_count.c: counts refusals by reason. Any thread. Does not log or audit them. */
#include "server/connection/refusal_count.h"

#include "core/metrics/metrics.h"

static metric_cell counters[REFUSAL_COUNT];

void refusal_count_add(enum refusal_reason reason)
{
    metric_add(metric_series_in(&counters[reason], METRIC_vsocd_refusals_total, "reason",
                                refusal_code(reason)),
               1);
}
