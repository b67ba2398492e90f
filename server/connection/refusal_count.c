/* refusal_count.c: counts refusals by reason. Any thread. Does not log or audit them. */
#include "server/connection/refusal_count.h"

#include <stdio.h>
#include "core/metrics/metrics.h"

void refusal_count_add(const char *reason)
{
    char labels[96];
    snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
    metric_add(metric_series(METRIC_vsocd_refusals_total, labels), 1);
}
