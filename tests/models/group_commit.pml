/* group_commit.pml: who owns a batch, from spool_submit to its verdict: the mailboxes (core/wait/mailbox.c), the group commit
 * (storage/spool/spool_writer.c), its verdicts at the workers (server/daemon/worker.c), stop in any order.
 *
 * Without TIMEOUTS no wait has one, so that a lost wake-up is a deadlock. All interleavings for WORKERS * BATCHES batches.
 *
 * Claims: each batch that was taken comes back exactly once, or is destroyed by the writer once when its owner is gone; OK only for
 * batches that are synced, and for none after a write or sync failed; nothing is written after a failure; spool_stop ends with empty
 * mailboxes.
 *
 * Planted faults: NOTIFY_BEFORE_PUSH, CLEAR_AFTER_TAKE, VERDICT_BEFORE_SYNC, CLOSED_AFTER_WAIT (with TIMEOUTS), STOP_WITHOUT_DRAIN,
 * GO_ON_AFTER_FAILURE, GIVE_BACK_TWICE. */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef BATCHES
#define BATCHES 2 /* of a worker */
#endif
#define ALL   (WORKERS * BATCHES)
#define INBOX WORKERS /* boxes: the verdicts of each worker, then the writer's */

#define BIT(n)         (1 << (n))
#define HAS(set, n)    ((set) & BIT(n))
#define OWNER(batch)   ((batch) / BATCHES)
#define LOCKED         d_step /* a section under a mutex: nobody sees its middle */

mtype:verdict = { OK, NO_SPACE, IO, CLOSED }
#define NONE 0

/* struct mailbox: the list as a set, closed, its eventfd, and whether its reader sleeps on the condition variable */
byte mail[WORKERS + 1];
bool closed[WORKERS + 1], event_fd[WORKERS + 1], asleep[WORKERS + 1];

mtype:verdict verdict[ALL];
byte verdicts[ALL]; /* given so far */
byte destroyed, synced;
bool failed, write_failed, writer_ended, stop_word[WORKERS];
byte workers_ended;

inline mailbox_notify(box)
{
    event_fd[box] = true;
    asleep[box] = false;
}

/* taken: false when the box is closed */
inline mailbox_put(box, batch, taken)
{
#ifdef NOTIFY_BEFORE_PUSH
    LOCKED {
        taken = !closed[box];
        if
        :: taken && mail[box] == 0 -> mailbox_notify(box)
        :: else
        fi
    }
    if
    :: taken -> mail[box] = mail[box] | BIT(batch)
    :: else
    fi
#else
    LOCKED {
        taken = !closed[box];
        if
        :: taken ->
            if
            :: mail[box] == 0 -> mailbox_notify(box)
            :: else
            fi;
            mail[box] = mail[box] | BIT(batch)
        :: else
        fi
    }
#endif
}

inline mailbox_take(box, all)
{
#ifdef CLEAR_AFTER_TAKE
    LOCKED {
        all = mail[box];
        mail[box] = 0
    }
    event_fd[box] = false
#else
    LOCKED {
        all = mail[box];
        mail[box] = 0;
        event_fd[box] = false
    }
#endif
}

/* Until there is mail or the box is closed; with TIMEOUTS also sooner. */
inline mailbox_wait(box, all)
{
    do
    :: LOCKED { /* pthread_cond_wait gives the lock up and sleeps in one step */
        sleeps = mail[box] == 0 && !closed[box];
        asleep[box] = sleeps;
        if
        :: !sleeps -> all = mail[box]; mail[box] = 0; event_fd[box] = false
        :: else
        fi
       }
       if
       :: !sleeps -> break
       :: sleeps && !asleep[box]
#ifdef TIMEOUTS
       :: sleeps -> all = 0; break
#endif
       fi
    od
}

inline mailbox_close(box)
{
    LOCKED {
        closed[box] = true;
        mailbox_notify(box)
    }
}

/* --- spool_writer.c ------------------------------------------------------------------------------------------------------------- */

inline give_back(batch, word)
{
    atomic {
        assert(word != OK || HAS(synced, batch));
        assert(verdict[batch] == NONE);
        verdict[batch] = word
    }
    mailbox_put(OWNER(batch), batch, taken);
    if
    :: !taken -> atomic { assert(!HAS(destroyed, batch)); destroyed = destroyed | BIT(batch) }
    :: else
    fi
}

inline give_back_pending(word)
{
    b = 0;
    do
    :: b < ALL && HAS(pending, b) -> pending = pending & ~BIT(b); give_back(b, word); b++
    :: b < ALL && !HAS(pending, b) -> b++
    :: b == ALL -> break
    od
}

/* What is staged is written, synced, published; or it failed; or there was no space and it was taken back. */
inline commit()
{
    if
    :: pending ->
        assert(!write_failed);
#ifdef VERDICT_BEFORE_SYNC
        give_back_pending(OK);
#endif
        if
        :: synced = synced | pending; word = OK
        :: word = NO_SPACE
        :: write_failed = true; word = IO
        fi;
        if
        :: word == IO ->
#ifndef GO_ON_AFTER_FAILURE
            failed = true
#else
            skip
#endif
        :: else
        fi;
        give_back_pending(word)
    :: else
    fi
}

/* It fits; or a segment is begun for it first, for which there is space or not, or which fails. */
inline take_batch(batch)
{
    word = OK;
    if
    :: failed -> word = IO
    :: !failed -> skip
    :: !failed ->
        next = batch;
        commit();
        b = next;
        if
        :: failed -> word = IO
        :: !failed -> word = OK
        :: !failed -> word = NO_SPACE
        :: !failed -> failed = true; word = IO
        fi
    fi;
    if
    :: word == OK -> pending = pending | BIT(batch)
    :: else -> give_back(batch, word)
#ifdef GIVE_BACK_TWICE
        ; give_back(batch, word)
#endif
    fi
}

proctype spool_writer_run()
{
    byte group, more, pending, b, next;
    mtype:verdict word;
    bool taken, sleeps, was_closed;
    do
    :: was_closed = closed[INBOX]; /* before looking: nothing comes after that */
       mailbox_take(INBOX, group);
        if
        :: group && !closed[INBOX] -> mailbox_take(INBOX, more); group = group | more; more = 0 /* gather */
        :: group
        :: !group && !was_closed -> mailbox_wait(INBOX, group)
        :: !group && was_closed
        fi;
#ifdef CLOSED_AFTER_WAIT
        was_closed = closed[INBOX];
#endif
#ifdef STOP_WITHOUT_DRAIN
        if
        :: closed[INBOX] -> break
        :: else
        fi;
#endif
        if
        :: group ->
            b = 0;
            do
            :: b < ALL && HAS(group, b) -> group = group & ~BIT(b); take_batch(b); b++
            :: b < ALL && !HAS(group, b) -> b++
            :: b == ALL -> break
            od;
            commit()
        :: !group && was_closed -> break
        :: !group && !was_closed
        fi;
        skip;
        d_step { b = 0; next = 0; word = 0; taken = 0; sleeps = 0; was_closed = 0 }
    od;
    writer_ended = true
}

/* --- worker.c ------------------------------------------------------------------------------------------------------------------- */

inline take_verdicts()
{
    mailbox_take(me, mine);
    d_step {
        b = 0;
        do
        :: b < ALL && HAS(mine, b) ->
            assert(OWNER(b) == me && verdict[b] != NONE && !HAS(destroyed, b));
            verdicts[b]++;
            in_flight--;
            b++
        :: b < ALL && !HAS(mine, b) -> b++
        :: b == ALL -> break
        od;
        b = 0;
        mine = 0
    }
}

/* Submits while it runs; after the word to stop it waits for what is in flight. */
proctype worker(byte me)
{
    byte mine, b, in_flight, next = me * BATCHES;
    bool taken;
    do
    :: next < (me + 1) * BATCHES && !stop_word[me] ->
        if
        :: failed -> skip /* spool_submit refuses */
        :: else ->
            in_flight++;
            mailbox_put(INBOX, next, taken);
            if
            :: !taken -> atomic { in_flight--; verdict[next] = CLOSED; verdicts[next]++ }
            :: else
            fi
        fi;
        next++
    :: event_fd[me] -> take_verdicts()
    :: stop_word[me] -> break
    od;
#ifdef OWNER_GOES
    mailbox_close(me);
    take_verdicts();
#else
    do
    :: in_flight -> event_fd[me]; take_verdicts()
    :: else -> break
    od;
#endif
    workers_ended++
}

/* --- spool_stop, after the workers (app.c) or before they know of it -------------------------------------------------------------- */

proctype stop()
{
    byte w;
    bool spool_first;
    if
    :: spool_first = true
    :: spool_first = false
    fi;
    if
    :: spool_first -> mailbox_close(INBOX)
    :: else
    fi;
    w = 0;
    do
    :: w < WORKERS -> stop_word[w] = true; w++
    :: else -> break
    od;
    workers_ended == WORKERS;
    if
    :: !spool_first -> mailbox_close(INBOX)
    :: else
    fi;
    writer_ended;
    assert(mail[INBOX] == 0);
    w = 0;
    do
    :: w < ALL ->
        assert(verdict[w] == NONE || verdicts[w] + (HAS(destroyed, w) != 0) == 1);
        w++
    :: else -> break
    od
}

init
{
    byte w;
    atomic {
        run spool_writer_run();
        w = 0;
        do
        :: w < WORKERS -> run worker(w); w++
        :: else -> break
        od;
        run stop()
    }
}
