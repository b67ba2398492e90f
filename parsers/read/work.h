/* work.h: counts the progress of a long parse, so that its thread can do something else in between.
 * Pure: no clock; the owner of the thread decides in `pause`. Thread: any, one owner. */
#ifndef VSOC_PARSERS_WORK_H
#define VSOC_PARSERS_WORK_H

#include "core/slice.h"

/* Work between two calls of pause: bytes read or written, weighted by their cost. A piece takes
 * well below a tenth of a millisecond, in the worst input well below one. */
#define WORK_PIECE 16384
/* Cost of an item (event, quarantined record) in addition to its bytes. */
#define WORK_OF_ITEM 512

struct work {
    size_t done;  /* since the last call of pause */
    bool stopped; /* pause returned false: the result is no longer wanted */
    /* May take its time: parsing continues when it returns. False: stop. */
    bool (*pause)(void *arg);
    void *arg;
};

bool work_pause(struct work *work);

/* Adds to the work done. False: stop as soon as possible. work may be NULL: never pauses. */
static inline bool work_add(struct work *work, size_t amount)
{
    if (!work)
        return true;
    work->done += amount;
    return work->done < WORK_PIECE ? !work->stopped : work_pause(work);
}

/* Offset of the first `byte` at or after `at`; text.size when it does not occur or the work was
 * stopped. */
size_t work_find(struct work *work, struct slice text, size_t at, uint8_t byte);
/* Offset of the first byte that is not a blank, tab, line feed or carriage return; otherwise the
 * same. */
size_t work_skip_space(struct work *work, struct slice text, size_t at);

#endif
