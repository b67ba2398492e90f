/* sink_history.h: whether a sink's position belongs to this spool's history. A spool that was
 * restored from an older copy assigns positions again that its sinks know with other batches. For
 * sink_resume.c and sink_replay.c. Thread: the reader's. */
#ifndef VSOC_STORAGE_SINK_HISTORY_H
#define VSOC_STORAGE_SINK_HISTORY_H

#include "storage/sink.h"
#include "storage/spool/spool.h"

enum sink_history {
    HISTORY_OWN,       /* its batch is there, or can't be checked any more: trusted */
    HISTORY_OTHER,     /* another batch is there */
    HISTORY_UNREACHED, /* the spool ends before it */
};

/* Checks *there, which is not position 0. reader: opened after the previous position and not read
 * yet; it has moved afterwards. IO, NO_MEMORY, VERSION: unknown, *history is unchanged.
 */
enum status sink_history_judge(struct spool_reader *reader, const struct sink_position *there,
                               enum sink_history *history) must_check;

#endif
