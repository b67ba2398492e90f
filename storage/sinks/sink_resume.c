/* sink_resume.c: where a lane goes on when it has connected and the sink says which batch it had
 * last, by position and uid. Runs on the lane's thread. The spool's batch at that position
 *
 * - has the uid: the lane goes on after it. It may be ahead of the local cursor (a load was
 *   committed, its answer lost) or behind (the sink was restored from an older copy: what is
 * between comes again).
 * - has another uid, or is not reached yet: the spool was restored from an older copy. Its cursors
 *   are of that copy and say what the sink had then: the lane goes on after the local cursor.
 * Unless the position is behind the cursor. Only a delivery moves that, and leaves a new position,
 * so the sink was restored later than the spool; where the two histories part nobody knows, and all
 *   that the spool has comes again.
 * - is not there any more: as if it had the uid. Retention removes only what the cursors have
 *   passed, so the position is not ahead of the cursor. A damaged one is rather the last before a
 *   crash than one of another history.
 *
 * The last batch is the lane's own: what others have behind it makes no difference. */
#define LOG_COMPONENT "sink"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "storage/sinks/sink_history.h"
#include "storage/sinks/sink_lane.h"

/* True if the current load was tried and *there is its end: it was committed, and the answer lost.
 */
static bool is_load_tried(const struct sink_lane *lane, const struct sink_position *there)
{
    const struct sink_load *load = &lane->loader.gather.load;
    if (load->batch_count == 0 || !lane->loader.tried)
        return false;
    struct sink_position end = sink_load_end(load);
    return end.position == there->position &&
           memcmp(end.batch_uid, there->batch_uid, UUID_BYTES) == 0;
}

static enum status lane_judge(const struct sink_lane *lane, const struct sink_position *there,
                              enum sink_history *history)
{
    struct spool_reader *reader;
    *history = HISTORY_OWN;
    if (there->position == 0)
        return STATUS_OK;
    enum status status = spool_reader_open(lane->runner->spool, there->position - 1, &reader);
    if (status != STATUS_OK)
        return status;
    status = sink_history_judge(reader, there, history);
    spool_reader_close(reader);
    return status;
}

/* The position belongs to batches that the spool does not have. */
static void lane_note_foreign(struct sink_lane *lane, uint64_t here, uint64_t there)
{
    if (there != lane->foreign)
        log_error("sink has a position that does not belong to this spool's history: was the spool "
                  "restored from an older copy? Continuing after the local cursor",
                  LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("lane", lane->number),
                  LOG_U64("sink_position", there), LOG_U64("cursor", here));
    lane->foreign = there;
}

/* The position before the first batch of the spool. */
static uint64_t before_all(const struct sink_lane *lane)
{
    struct spool_stats stats;
    spool_stats(lane->runner->spool, &stats);
    return stats.first_position ? stats.first_position - 1 : 0;
}

/* Where to continue when the sink has reported its position: see above. */
static void lane_go_on(struct sink_lane *lane, uint64_t there)
{
    const char *name = lane->runner->options.sink->name;
    uint64_t here = atomic_load(&lane->feed.position);
    bool ahead = there > here && feed_spool_owns_between(&lane->feed, here, there);
    bool behind = there < here && feed_spool_owns_between(&lane->feed, there, here);
    if (!ahead && !behind)
        return;
    if (behind)
        log_warn("sink is behind the local cursor: delivering again what the spool still has",
                 LOG_TEXT("sink", name), LOG_U64("lane", lane->number),
                 LOG_U64("sink_position", there), LOG_U64("cursor", here));
    sink_loader_drop(&lane->loader);
    feed_spool_move(&lane->feed, there);
    if (behind) {
        spool_cursor_return(lane->runner->spool, lane->cursor, there);
        spool_cursor_return(lane->runner->spool, lane->runner->cursor, there);
        fault_point(lane_returned);
    }
}

/* A sink that was emptied, or one that never had a position. Delivering the whole spool again would
 * duplicate what it still has. */
static void lane_note_unknown(struct sink_lane *lane)
{
    uint64_t here = atomic_load(&lane->feed.position);
    if (here > lane->unknown && !lane->lanes_changed)
        log_warn("sink has no position of this spool: continuing after the local cursor; events "
                 "that it had before and has lost are not delivered again",
                 LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("lane", lane->number),
                 LOG_U64("cursor", here));
    lane->unknown = here;
}

enum status sink_lane_resume(struct sink_lane *lane, const struct sink_position *there)
{
    uint64_t here = atomic_load(&lane->feed.position);
    enum sink_history history;
    if (!there->known) {
        lane_note_unknown(lane);
        return STATUS_OK;
    }
    if (is_load_tried(lane, there)) {
        sink_loader_settle(&lane->loader);
        return STATUS_OK;
    }
    if (lane->lanes_changed)
        return STATUS_OK;
    enum status status = lane_judge(lane, there, &history);
    if (status != STATUS_OK)
        return status;
    if (history != HISTORY_OWN && there->position > here)
        lane_note_foreign(lane, here, there->position);
    else
        lane_go_on(lane, history == HISTORY_OTHER ? before_all(lane) : there->position);
    return STATUS_OK;
}
