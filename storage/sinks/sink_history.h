/* sink_history.h: whether a position that a sink has is one of this spool's history. A spool that
 * was restored from an older copy gives positions again that its sinks know with other batches. For
 * sink_resume.c and sink_replay.c. Thread: the reader's. */
#ifndef VSOC_STORAGE_SINK_HISTORY_H
#define VSOC_STORAGE_SINK_HISTORY_H

#include "storage/sink.h"
#include "storage/spool/spool.h"

enum sink_history {
    HISTORY_OWN,       /* its batch stands there, or can't be looked at any more: believed */
    HISTORY_OTHER,     /* another batch stands there */
    HISTORY_UNREACHED, /* the spool ends before it */
};

/* Judges *there, which is not position 0. reader: opened behind the position before it, not read
 * from; it has moved afterwards. IO, NO_MEMORY, VERSION: nothing is known, *history is as it was.
 */
enum status sink_history_judge(struct spool_reader *reader, const struct sink_position *there,
                               enum sink_history *history) must_check;

#endif
