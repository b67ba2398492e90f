/* keeper.pml: the thread beside the writer (storage/spool/index/spool_keeper.c): indexes of sealed segments, the file for the next
 * segment (SPARES), and the keys that stay when the writer removes a segment (storage/spool/spool_roll.c, storage/spool/spool_retain.c), while
 * the window moves and a repeat is looked up (REPEATS; storage/spool/index/spool_recall.c).
 *
 * No wait has a time-out here, so a lost wake-up is a deadlock. All interleavings for SEGMENTS segments, in which FAILURES indexes
 * can't be made. The limits of 10 s for the writer's wait and of 2 s for a stop are left out.
 *
 * Claims, which hold whenever the power goes: when a segment is gone whose keys the window needs, its keys are synced, unless no index
 * could be made; a repeat finds the segment or the keys; only a whole spare file becomes a segment. After a stop each segment has an
 * index that fits its file, or none could be made; no index of a removed segment, no key that nobody knows of and no spare file stays.
 *
 * Planted faults: UNLINK_BEFORE_KEEP, UNLINK_WITHOUT_SYNC, LIST_AFTER_REMOVAL, LOOK_WITHOUT_LOCK, CLEAR_AFTER_LOOK, KEEP_INDEX_OF_GONE,
 * REMOVE_INDEX_FIRST, TRUNCATE_AFTER_INDEX, INDEX_THE_ACTIVE, READY_BEFORE_SYNC, WANT_BEFORE_RENAME. */
#ifndef SEGMENTS
#define SEGMENTS 3
#endif
#ifndef FAILURES
#define FAILURES 1
#endif

#define LOCKED d_step /* a section under a mutex, or one system call */

mtype:index = { FITS, STALE }
mtype:spare = { WANTED, MAKING, READY, PART, WHOLE }
#define NONE 0

/* The disk: names as processes see them, and what a power cut leaves for certain */
bool file[SEGMENTS], full_size[SEGMENTS], keys[SEGMENTS], keys_synced[SEGMENTS];
mtype:index idx[SEGMENTS];
mtype:spare spare_file;
/* Memory: spool->shared; the table has oldest to newest */
byte oldest, newest;
bool indexed[SEGMENTS], no_index[SEGMENTS];
/* spool->keeper: the kept keys, those that are needed, the spare file, who sleeps */
bool listed[SEGMENTS];
byte needed_from;
mtype:spare spare;
bool work = true, ending, keeper_asleep, writer_asleep;
/* Ends */
bool writer_ended, keeper_ended;

#define SETTLED(s) (indexed[s] || no_index[s])

inline wake_keeper()
{
    LOCKED {
        work = true;
        keeper_asleep = false /* pthread_cond_signal */
    }
}

inline spool_index_remove(s)
{
    idx[s] = NONE;
    keys[s] = false
}

/* --- writer ----------------------------------------------------------------------------------------------------------------------- */

inline want_spare()
{
    LOCKED {
        if
        :: spare == NONE -> spare = WANTED; work = true; keeper_asleep = false
        :: else
        fi
    }
}

inline take_spare()
{
    LOCKED {
        have = spare == READY;
        if
        :: spare != MAKING -> spare = NONE
        :: else
        fi
    }
}

inline drop_spare()
{
    take_spare();
    if
    :: have -> spare_file = NONE
    :: else
    fi
}

/* The newest segment may have been half full before, and then a spare file was wanted. */
inline spool_roll()
{
#ifdef SPARES
    if
    :: want_spare()
    :: skip
    fi;
#endif
    take_spare();
#ifdef WANT_BEFORE_RENAME
    want_spare();
#endif
    if
    :: have -> atomic {
        assert(spare_file == WHOLE);
        spare_file = NONE;
        file[newest + 1] = true
       }
    :: else -> file[newest + 1] = true
    fi;
    full_size[newest + 1] = true;
    LOCKED { newest++ };
    wake_keeper()
}

inline wait_for_index(s)
{
    wake_keeper();
    do
#ifdef LOOK_WITHOUT_LOCK
    :: settled = SETTLED(s);
       if
       :: settled -> break
       :: else -> writer_asleep = true
       fi;
#else
    :: LOCKED { /* pthread_cond_wait gives the lock up and sleeps in one step */
        settled = SETTLED(s);
        writer_asleep = !settled
       }
       if
       :: settled -> break
       :: else
       fi;
#endif
       !writer_asleep
    od
}

inline keep_keys(s)
{
    if
    :: indexed[s] -> LOCKED { kept = true; keys[s] = idx[s] != NONE; idx[s] = NONE } /* renameat */
#ifndef LIST_AFTER_REMOVAL
        LOCKED { listed[s] = true }
#endif
    :: else -> skip /* a warning */
    fi
}

inline spool_keeper_release(s)
{
    LOCKED { needed = s >= needed_from };
    kept = false;
    if
    :: needed -> wait_for_index(s); keep_keys(s)
    :: else
    fi
}

/* fsync of the directory, then unlinkat */
inline unlink_segment(s)
{
#ifndef UNLINK_WITHOUT_SYNC
    keys_synced[s] = keys[s];
#endif
    file[s] = false
}

inline remove_index()
{
    if
    :: !kept -> spool_index_remove(gone)
    :: else
    fi
}

inline remove_first()
{
    gone = oldest;
#ifdef UNLINK_BEFORE_KEEP
    unlink_segment(gone);
    spool_keeper_release(gone);
#else
    spool_keeper_release(gone);
#ifdef REMOVE_INDEX_FIRST
    remove_index();
#endif
    unlink_segment(gone);
#endif
    LOCKED { oldest++ }; /* out of the table */
#ifdef LIST_AFTER_REMOVAL
    LOCKED { listed[gone] = keys[gone] };
#endif
#ifndef REMOVE_INDEX_FIRST
    remove_index();
#endif
    skip;
    d_step { gone = 0; kept = false; needed = false; settled = false }
}

proctype spool_writer_run()
{
    byte gone;
    bool have, settled, needed, kept, dropped;
    do
    :: newest + 1 < SEGMENTS -> spool_roll()
    :: oldest < newest -> remove_first()
#ifdef SPARES
    :: spare != NONE && !dropped -> drop_spare(); dropped = true /* the disk is full */
#endif
    :: newest + 1 == SEGMENTS -> break
    od;
    writer_ended = true
}

/* --- keeper ----------------------------------------------------------------------------------------------------------------------- */

inline make_spare()
{
    LOCKED {
        wanted = spare == WANTED && !ending;
        if
        :: wanted -> spare = MAKING
        :: else
        fi
    }
    if
    :: wanted ->
        if
        :: spare_file = PART; /* openat with O_TRUNC, fallocate */
#ifdef READY_BEFORE_SYNC
            spare = READY;
            spare_file = WHOLE
#else
            spare_file = WHOLE;
            spare = READY
#endif
        :: spare = NONE /* no room */
        fi
    :: else
    fi
}

inline find_work()
{
    LOCKED {
        s = oldest;
        do
#ifdef INDEX_THE_ACTIVE
        :: s <= newest && SETTLED(s) -> s++
#else
        :: s < newest && SETTLED(s) -> s++
#endif
        :: else -> break
        od;
#ifdef INDEX_THE_ACTIVE
        found = s <= newest
#else
        found = s < newest
#endif
    }
}

/* A segment that goes on grows: an index of it fits no more. */
#define STATE_OF(s) (s == newest || full_size[s] -> STALE : FITS)

inline make_index(s)
{
    made = file[s]; /* spool_segment_open */
    if
    :: made && failures < FAILURES -> failures++; made = false
    :: made ->
#ifdef TRUNCATE_AFTER_INDEX
        idx[s] = STATE_OF(s);
        full_size[s] = false
#else
        full_size[s] = false; /* ftruncate */
        idx[s] = STATE_OF(s)  /* fsync of the index, renameat */
#endif
    :: else
    fi
}

inline index_segment(s)
{
    make_index(s);
    LOCKED { /* note_result */
        there = s >= oldest;
        indexed[s] = there && made;
        no_index[s] = there && !made
    }
    LOCKED { writer_asleep = false };
#ifndef KEEP_INDEX_OF_GONE
    if
    :: !there -> spool_index_remove(s)
    :: else
    fi
#endif
}

inline remove_old_keys()
{
    s = 0;
    do
    :: s < SEGMENTS ->
        LOCKED {
            there = listed[s] && s < needed_from;
            if
            :: there -> listed[s] = false
            :: else
            fi
        }
        if
        :: there -> spool_index_remove(s)
        :: else
        fi;
        s++
    :: else -> break
    od
}

inline wait_for_work()
{
    do
    :: LOCKED {
        keeper_asleep = !work && !ending;
        goes_on = !ending;
#ifndef CLEAR_AFTER_LOOK
        work = false
#endif
       }
       if
       :: keeper_asleep -> !keeper_asleep
       :: else -> break
       fi
    od
}

proctype run_keeper()
{
    byte s, failures;
    bool wanted, found, made, there, goes_on = true;
    do
    :: goes_on ->
        wait_for_work();
        make_spare();
        do
        :: find_work();
            if
            :: found -> index_segment(s); make_spare()
            :: else -> break
            fi
        od;
#ifdef CLEAR_AFTER_LOOK
        work = false;
#endif
        remove_old_keys();
        skip;
        d_step { s = 0; wanted = false; found = false; made = false; there = false }
    :: else -> break
    od;
    keeper_ended = true
}

/* --- the window, and a repeat ------------------------------------------------------------------------------------------------------- */

proctype window()
{
    do
    :: needed_from < SEGMENTS -> LOCKED { needed_from++ }
    :: break
    od
}

#define EXCUSED(s) (s < needed_from || no_index[s])

proctype recall(byte s)
{
    bool known, found;
    s <= newest; /* it has a record */
    LOCKED { known = s >= oldest };
    found = known && file[s];
    if
    :: !found ->
        LOCKED { known = listed[s] || s >= oldest };
        if
        :: known -> LOCKED { found = keys[s] || idx[s] != NONE }
        :: else
        fi;
        assert(found || EXCUSED(s))
    :: else
    fi
}

/* --- stop, and the power goes ------------------------------------------------------------------------------------------------------- */

proctype spool_close()
{
    byte s;
    bool have;
    writer_ended;
    LOCKED { ending = true; keeper_asleep = false };
    keeper_ended;
    drop_spare();
    assert(spare_file == NONE);
    do
    :: s < oldest -> assert(!file[s] && idx[s] == NONE && (!keys[s] || listed[s])); s++
    :: s >= oldest && s < newest -> assert(file[s] && (indexed[s] && idx[s] == FITS || no_index[s])); s++
    :: else -> break
    od
}

#define BROKEN(s) (s < newest && !file[s] && !keys_synced[s] && !EXCUSED(s))

active proctype power()
{
end:
    atomic { BROKEN(0) || BROKEN(SEGMENTS - 2) -> assert(false) }
}

init
{
    atomic {
        file[0] = true;
        full_size[0] = true;
        run spool_writer_run();
        run run_keeper();
        run window();
#ifdef REPEATS
        run recall(0);
#endif
        run spool_close()
    }
}
