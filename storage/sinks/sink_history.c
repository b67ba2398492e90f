/* sink_history.c: compares the batch at a sink's position. Does not decide what follows from it. */
#include "storage/sinks/sink_history.h"

enum status sink_history_judge(struct spool_reader *reader, const struct sink_position *there,
                               enum sink_history *history)
{
    struct batch_record record;
    bool damaged = false;
    enum status status;
    while ((status = spool_reader_next(reader, &record)) == STATUS_CORRUPT)
        damaged = true;
    if (status == STATUS_END) {
        *history = damaged ? HISTORY_OWN : HISTORY_UNREACHED;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    bool other = record.meta.position == there->position &&
                 memcmp(record.meta.batch_uid, there->batch_uid, UUID_BYTES) != 0;
    *history = other ? HISTORY_OTHER : HISTORY_OWN;
    return STATUS_OK;
}
