/* evidence.pml: the order of durability of the transparency tree (storage/evidence/evidence_follow.c, evidence_sign.c, heads_write.c) beside the
 * spool's writer, which syncs records, stores cursors and removes records that the stored cursor has passed.
 *
 * RECORDS records; the power goes up to CRASHES times, between any two steps. What was written and not synced is then there or not.
 *
 * Claims: a stored head has its hashes; a leaf that a shown head covers never changes; the second place never has a head that the tree does not
 * continue; a record is removed only when a stored head covers it; the spool has the records of the tree; at the end the tree has the leaf of each
 * record, none of them lost.
 *
 * Planted faults: SIGN_BEFORE_SYNC, SHOW_BEFORE_STORE, ADVANCE_BEFORE_STORE, READ_BEFORE_SYNC. */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define LEAF 1
#define LOST 2

/* The disk. tree: hashes; written may be lost by a crash, synced not. */
byte spool_written, spool_synced, spool_first; /* records; those before spool_first are removed */
byte tree_written, tree_synced;
byte head_written, head_synced; /* size of the newest head */
byte stored_cursor;
byte leaf[RECORDS], version[RECORDS]; /* as hashed; the record that it was made of */
byte record[RECORDS];                 /* what a record says: another one after it was lost */
/* Elsewhere */
byte place;         /* head in the second place */
byte shown;         /* the largest head that anybody has seen, */
byte said[RECORDS]; /* and what it says of each leaf */
byte said_version[RECORDS];
/* Memory */
byte size, cursor;
byte crashes;
bool down, done;

/* The power goes: what was not synced is kept or lost, in any part. */
inline lose_power()
{
    d_step { crashes++; size = 0 };
    do
    :: spool_written > spool_synced -> d_step { spool_written--; record[spool_written] = record[spool_written] + 1 }
    :: spool_written > spool_synced -> spool_synced = spool_written
    :: spool_written == spool_synced -> break
    od;
    do
    :: tree_written > tree_synced -> tree_written--
    :: tree_written > tree_synced -> tree_synced = tree_written
    :: tree_written <= tree_synced -> break
    od;
    if
    :: head_written = head_synced
    :: head_synced = head_written
    fi;
    cursor = stored_cursor
}

/* A step, after which the power may go. */
#define STEP(statement) \
    statement; \
    if \
    :: crashes < CRASHES -> goto crashed \
    :: true \
    fi

/* evidence_open: what no stored head covers is cut. */
inline restore()
{
    assert(tree_written >= head_written);
    d_step { tree_written = head_written; tree_synced = head_written; size = head_written };
    assert(place <= size);
    assert(size <= spool_synced) /* compare_ends: the spool has the records of the tree */
}

inline append()
{
    d_step {
        if
        :: size < spool_first -> leaf[size] = LOST
        :: else -> leaf[size] = LEAF
        fi;
        version[size] = record[size];
        size++
    }
}

inline show_head()
{
    d_step {
        shown = 0;
        do
        :: shown < size ->
            assert(said[shown] == 0 || (said[shown] == leaf[shown] && said_version[shown] == version[shown]));
            said[shown] = leaf[shown];
            said_version[shown] = version[shown];
            shown++
        :: else -> break
        od
    }
}

#ifdef READ_BEFORE_SYNC
#define READABLE spool_written
#else
#define READABLE spool_synced
#endif

active proctype evidence()
{
start:
    restore();
    do
    :: size < READABLE ->
        do
        :: size < READABLE -> append()
        :: size > 0 -> break
        od;
        STEP(tree_written = size);
#ifndef SIGN_BEFORE_SYNC
        STEP(tree_synced = tree_written);
#endif
#ifdef SHOW_BEFORE_STORE
        place = size;
        STEP(show_head());
#endif
#ifdef ADVANCE_BEFORE_STORE
        STEP(cursor = size);
#endif
        STEP(head_written = size);
        STEP(head_synced = head_written);
        STEP(place = size);
        STEP(show_head());
        STEP(cursor = size)
    :: size == RECORDS && head_synced == RECORDS -> break
    od;
    cursor = size; /* evidence_sign moves it also when nothing has grown */
    done = true;
    byte n = 0;
    do
    :: n < RECORDS -> assert(leaf[n] == LEAF && version[n] == record[n]); n++
    :: else -> break
    od;
    goto ended;
crashed:
    lose_power();
    goto start;
ended:
    skip
}

/* The spool's writer: syncs, stores cursors, removes. It dies with the rest; what it does between two steps of the other is the same before and
 * after a crash. */
active proctype writer()
{
    do
    :: spool_written < RECORDS -> spool_written++
    :: spool_written > spool_synced -> spool_synced = spool_written
    :: stored_cursor < cursor -> stored_cursor = cursor
    :: spool_first < stored_cursor ->
        assert(spool_first < head_synced);
        spool_first++
    :: done && spool_first == RECORDS -> break
    od
}
