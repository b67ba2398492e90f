/* sink_check.h: checks whether this program can use a sink that was built separately. Thread: any.
 */
#ifndef VSOC_STORAGE_SINK_CHECK_H
#define VSOC_STORAGE_SINK_CHECK_H

#include "storage/sink.h"

#define SINK_CHECK_REASON 256

/* False with a sentence for people: versions and sizes of the ABI differ, a member is missing or
 * breaks its rule, or a built-in sink has its name. Of a sink of another ABI only the
 * versions and sizes are read. */
bool sink_check(const struct sink *sink, char reason[SINK_CHECK_REASON]);
/* False with a sentence: the limits are out of range. */
bool sink_check_limits(const struct sink_limits *limits, char reason[SINK_CHECK_REASON]);

#endif
