/* retire.pml: when a segment may go: the writer publishes, stores cursors and unlinks (storage/spool/spool_writer.c, storage/spool/spool_roll.c)
 * while lanes read, deliver and advance (storage/spool/spool_reader.c, storage/sinks/feed/feed_spool.c,
 * storage/sinks/sink_loader.c).
 *
 * No wait has a time-out here, so a lost wake-up is a deadlock. All interleavings for RECORDS records, PER_SEGMENT to a segment, LANES
 * lanes, each of which delivers to a sink that fails before or after it has committed, and once may be restored from an older copy.
 *
 * Claims, which hold whenever the power goes: no sink has what is not synced; no cursor on disk is ahead of its sink; a segment is
 * unlinked only when the cursors on disk and the sinks have all of it, and when a record says so; a lane never needs a segment that is gone, unless its sink was
 * restored; each sink gets each record once, in order; all lanes end.
 *
 * Planted faults: PUBLISH_BEFORE_SYNC, ADVANCE_BEFORE_DELIVERY, UNLINK_BEFORE_STORE, UNLINK_PASSED_BY_ONE, UNLINK_BEFORE_RECORD,
 * WAIT_WITHOUT_LOOK, FORGET_TRIED_LOAD. */
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef PER_SEGMENT
#define PER_SEGMENT 2
#endif
#ifndef LANES
#define LANES 2
#endif

#ifndef FAILURES
#define FAILURES 2 /* of a lane */
#endif

#define LOCKED            d_step /* a section under a mutex, or one atomic operation */
#define SEGMENT(position) (((position) - 1) / PER_SEGMENT)
#define NEWEST(segment)   (((segment) + 1) * PER_SEGMENT)
#define ACTIVE            (written == 0 -> 0 : SEGMENT(written))

/* The disk */
byte written, synced, unlinked; /* positions; segments that are gone */
byte recorded;                  /* segments whose removal is on record, durably */
byte stored[LANES];             /* cursors */
/* The other sides */
byte there[LANES];
bool restored[LANES];
/* Memory: what readers see, cursors, who sleeps on spool->shared.grown */
byte published, cursor[LANES];
bool asleep[LANES];
byte ended;

/* --- writer --------------------------------------------------------------------------------------------------------------------- */

inline publish()
{
    LOCKED {
        published = written;
        asleep[0] = false; /* pthread_cond_broadcast */
#if LANES > 1
        asleep[1] = false
#endif
    }
}

inline least_cursor(position)
{
    LOCKED {
        position = cursor[0];
#if LANES > 1
        if
        :: cursor[1] < position -> position = cursor[1]
        :: else
        fi
#endif
    }
}

/* gather_cursors copies each cursor on its own: they move meanwhile */
inline store_cursors()
{
    copy[0] = cursor[0];
    passed = copy[0];
#if LANES > 1
    copy[1] = cursor[1];
    if
    :: copy[1] < passed -> passed = copy[1]
    :: else
    fi;
#endif
#ifndef UNLINK_BEFORE_STORE
    store()
#endif
}

inline store()
{
    LOCKED {
        stored[0] = copy[0];
#if LANES > 1
        stored[1] = copy[1]
#endif
    }
}

inline remove()
{
#ifdef UNLINK_BEFORE_RECORD
    unlinked++;
    recorded = unlinked
#else
    recorded = unlinked + 1; /* spool_removal_record */
    unlinked++
#endif
}

inline spool_retire()
{
    store_cursors();
    do
#ifdef UNLINK_PASSED_BY_ONE
    :: unlinked < ACTIVE && NEWEST(unlinked) <= passed + 1 -> remove()
#else
    :: unlinked < ACTIVE && NEWEST(unlinked) <= passed -> remove()
#endif
    :: else -> break
    od;
#ifdef UNLINK_BEFORE_STORE
    store();
#endif
    skip;
    d_step { passed = 0; copy[0] = 0; copy[LANES - 1] = 0 }
}

proctype spool_writer_run()
{
    byte passed, copy[LANES], ticks;
    do
    :: written < RECORDS ->
        written++;
        if
        :: written < RECORDS -> written++ /* a group */
        :: skip
        fi;
#ifdef PUBLISH_BEFORE_SYNC
        publish();
        synced = written
#else
        synced = written;
        publish()
#endif
    :: ticks < 3 -> ticks++; spool_retire()
    :: written == RECORDS && ended == LANES -> break
    od;
    spool_retire()
}

/* --- lane ----------------------------------------------------------------------------------------------------------------------- */

inline cursor_advance(to)
{
    LOCKED {
        if
        :: cursor[me] < to -> cursor[me] = to
        :: else
        fi
    }
}

/* lane_connect: the sink's word counts. */
inline connect()
{
    if
    :: there[me] != position ->
        position = there[me];
        seen = position; /* lane_reopen, or the load in hand was committed and its answer lost */
        if
        :: position < cursor[me] -> cursor[me] = position /* spool_cursor_return */
        :: else -> cursor_advance(position)
        fi
    :: else -> skip /* the load in hand is delivered again */
    fi
}

/* One step of the sink: nothing, or all of the load, whatever the lane hears of it. */
inline commit(from, to)
{
    atomic {
        assert(there[me] == from); /* once, in order */
        there[me] = to
    }
}

inline deliver()
{
#ifdef ADVANCE_BEFORE_DELIVERY
    cursor_advance(seen);
#endif
    if
    :: commit(position, seen); position = seen; cursor_advance(position)
    :: failures < FAILURES -> failures++; connect() /* not committed */
    :: failures < FAILURES -> failures++; commit(position, seen);
#ifndef FORGET_TRIED_LOAD
        connect()
#endif
    fi
}

inline wait_for_more()
{
#ifdef WAIT_WITHOUT_LOOK
    published <= seen;
    asleep[me] = true;
    !asleep[me]
#else
    LOCKED {
        sleeps = published <= seen;
        asleep[me] = sleeps
    }
    !sleeps || !asleep[me]
#endif
}

proctype sink_lane_run(byte me)
{
    byte position, seen, failures;
    bool sleeps;
    do
    :: seen < published ->
        if
        :: SEGMENT(seen + 1) >= unlinked -> seen++
        :: SEGMENT(seen + 1) < unlinked -> assert(restored[me]); /* lane_note_gap */
            atomic { seen = unlinked * PER_SEGMENT; position = seen; there[me] = seen }
        fi
    :: seen > position -> deliver()
    :: seen == position && seen == published && published < RECORDS -> wait_for_more()
#ifdef RESTORES
    :: seen == position && position > 0 && !restored[me] -> /* between two loads its sink is set back */
        atomic { restored[me] = true; there[me] = position - 1 };
        connect()
#endif
    :: position == RECORDS -> break
    od;
    ended++
}

/* --- the power goes --------------------------------------------------------------------------------------------------------------- */

#define AHEAD(lane)  (stored[lane] > there[lane])
#define GONE(lane)   (unlinked * PER_SEGMENT > stored[lane] || unlinked * PER_SEGMENT > there[lane])
#define BROKEN(lane) (!restored[lane] && (AHEAD(lane) || GONE(lane)) || there[lane] > synced)

active proctype power()
{
end:
    atomic { BROKEN(0) || BROKEN(LANES - 1) || unlinked > recorded -> assert(false) }
}

init
{
    byte lane;
    atomic {
        run spool_writer_run();
        lane = 0;
        do
        :: lane < LANES -> run sink_lane_run(lane); lane++
        :: else -> break
        od
    }
}
