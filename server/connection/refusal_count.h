/* refusal_count.h: counts refusals of connections and requests by reason. Thread: any. */
#ifndef VSOC_SERVER_REFUSAL_COUNT_H
#define VSOC_SERVER_REFUSAL_COUNT_H

#include "core/reasons/refusal.h"

/* Counts vsocd_refusals_total{reason}. */
void refusal_count_add(enum refusal_reason reason);

#endif
