/* spool_keeper.c: the keeper's thread: space for the next segment, indexes of sealed segments, one
 * after the other, and the end of keys that the window no longer needs. Does not write records,
 * create segments or remove them. All interleavings with the writer: tests/models/keeper.pml.
 *
 * The table of segments says what there is to do, so nothing is lost when a wake-up is: a sealed
 * segment without an index gets one, in this process or, by the next start, in another one. The
 * writer waits for the keeper only before it removes a segment whose keys are needed. */
#define LOG_COMPONENT "spool"
#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/log/log.h"
#include "core/wait/condition.h"
#include "storage/spool/index/spool_index.h"
#include "storage/spool/spool_internal.h"
#include "storage/spool/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_NS NS_PER_S
/* Time that a stop takes for indexes of segments that were just sealed. The next start reads those
 * that are left. */
#define STOP_NS (2 * NS_PER_S)
/* Wait of the writer for the index of a segment that is to be removed. */
#define RELEASE_NS (10 * NS_PER_S)
/* Batches become durable in the window in about the order of their positions: by at most as many
 * positions as batches may be in flight, an older one may follow a younger one. */
#define KEYS_MARGIN 65536

void spool_keeper_init(struct spool_keeper *keeper)
{
    pthread_mutex_init(&keeper->lock, NULL);
    condition_init(&keeper->wake);
    condition_init(&keeper->done);
    keeper->keys_from = UINT64_MAX;
    keeper->spare_fd = -1;
}

void spool_keeper_fini(struct spool_keeper *keeper)
{
    pthread_cond_destroy(&keeper->wake);
    pthread_cond_destroy(&keeper->done);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper->keys);
    keeper->keys = NULL;
}

void spool_keeper_wake(struct spool *spool)
{
    pthread_mutex_lock(&spool->keeper.lock);
    spool->keeper.work = true;
    pthread_cond_signal(&spool->keeper.wake);
    pthread_mutex_unlock(&spool->keeper.lock);
}

/* --- kept keys ------------------------------------------------------------------------------ */

enum status spool_keeper_add_keys(struct spool *spool, uint64_t first, uint64_t newest)
{
    struct spool_keeper *k = &spool->keeper;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&k->lock);
    bool known = k->key_count && k->keys[k->key_count - 1].first == first;
    if (!known && k->key_count == k->key_room) {
        size_t room = k->key_room ? 2 * k->key_room : 16;
        struct spool_keys *grown = realloc(k->keys, room * sizeof *grown);
        if (grown) {
            k->keys = grown;
            k->key_room = room;
        } else {
            status = STATUS_NO_MEMORY;
        }
    }
    if (status == STATUS_OK && !known)
        k->keys[k->key_count++] = (struct spool_keys){first, newest};
    pthread_mutex_unlock(&k->lock);
    return status;
}

uint64_t spool_keeper_keys_of(struct spool *spool, uint64_t position)
{
    struct spool_keeper *k = &spool->keeper;
    uint64_t first = 0;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->key_count; i++)
        if (k->keys[i].first <= position && position <= k->keys[i].newest)
            first = k->keys[i].first;
    pthread_mutex_unlock(&k->lock);
    return first;
}

void spool_keys_needed(struct spool *spool, uint64_t from)
{
    ensure(spool->magic == SPOOL_MAGIC);
    pthread_mutex_lock(&spool->keeper.lock);
    spool->keeper.keys_from = from == UINT64_MAX || from < KEYS_MARGIN ? from : from - KEYS_MARGIN;
    pthread_mutex_unlock(&spool->keeper.lock);
}

static bool needs_keys(struct spool *spool, uint64_t newest)
{
    pthread_mutex_lock(&spool->keeper.lock);
    bool needed = newest && newest >= spool->keeper.keys_from;
    pthread_mutex_unlock(&spool->keeper.lock);
    return needed;
}

/* Takes the oldest kept keys that are not needed any more. */
static bool take_old_keys(struct spool *spool, uint64_t *first)
{
    struct spool_keeper *k = &spool->keeper;
    pthread_mutex_lock(&k->lock);
    bool taken = k->key_count && k->keys[0].newest < k->keys_from;
    if (taken) {
        *first = k->keys[0].first;
        k->key_count--;
        memmove(k->keys, k->keys + 1, k->key_count * sizeof *k->keys);
    }
    pthread_mutex_unlock(&k->lock);
    return taken;
}

static void remove_old_keys(struct spool *spool)
{
    uint64_t first;
    while (take_old_keys(spool, &first))
        if (spool_index_remove(spool->dir_fd, first) != STATUS_OK)
            log_warn("keys of a removed segment could not be removed",
                     LOG_U64("first_position", first));
}

/* --- the next segment ----------------------------------------------------------------------- */

/* Called after every commit: takes the lock only in the writer's interest, and wakes once. */
void spool_keeper_want_spare(struct spool *spool)
{
    struct spool_keeper *k = &spool->keeper;
    if (spool->writer.spare_wanted)
        return;
    spool->writer.spare_wanted = true;
    pthread_mutex_lock(&k->lock);
    if (k->spare == SPOOL_SPARE_NONE) {
        k->spare = SPOOL_SPARE_WANTED;
        k->work = true;
        pthread_cond_signal(&k->wake);
    }
    pthread_mutex_unlock(&k->lock);
}

int spool_keeper_take_spare(struct spool *spool)
{
    struct spool_keeper *k = &spool->keeper;
    pthread_mutex_lock(&k->lock);
    int fd = k->spare_fd;
    k->spare_fd = -1;
    if (k->spare != SPOOL_SPARE_MAKING)
        k->spare = SPOOL_SPARE_NONE;
    pthread_mutex_unlock(&k->lock);
    return fd;
}

uint64_t spool_keeper_spare_bytes(struct spool *spool)
{
    pthread_mutex_lock(&spool->keeper.lock);
    bool there = spool->keeper.spare == SPOOL_SPARE_READY;
    pthread_mutex_unlock(&spool->keeper.lock);
    return there ? spool->options.segment_bytes : 0;
}

void spool_keeper_drop_spare(struct spool *spool)
{
    int fd = spool_keeper_take_spare(spool);
    if (fd >= 0)
        spool_segment_drop_spare(spool->dir_fd, fd);
}

/* Without room, or after a failure, the writer creates its segment itself, and sees why. */
static void make_spare(struct spool *spool)
{
    struct spool_keeper *k = &spool->keeper;
    int fd = -1;
    pthread_mutex_lock(&k->lock);
    bool wanted = k->spare == SPOOL_SPARE_WANTED && !k->ending;
    if (wanted)
        k->spare = SPOOL_SPARE_MAKING;
    pthread_mutex_unlock(&k->lock);
    if (!wanted)
        return;
    if (!spool_has_plenty(spool) ||
        spool_segment_make_spare(spool->dir_fd, spool->options.segment_bytes, &fd) != STATUS_OK)
        fd = -1;
    pthread_mutex_lock(&k->lock);
    k->spare = fd >= 0 ? SPOOL_SPARE_READY : SPOOL_SPARE_NONE;
    k->spare_fd = fd;
    pthread_mutex_unlock(&k->lock);
}

/* --- indexes -------------------------------------------------------------------------------- */

/* The oldest sealed segment without an index. */
static bool find_work(struct spool *spool, struct spool_segment *segment)
{
    bool found = false;
    pthread_mutex_lock(&spool->shared.lock);
    for (size_t i = 0; i + 1 < spool->shared.segment_count && !found; i++) {
        const struct spool_segment *s = &spool->shared.segments[i];
        found = !s->indexed && !s->no_index;
        if (found)
            *segment = *s;
    }
    pthread_mutex_unlock(&spool->shared.lock);
    return found;
}

/* Notes the result in the table. False: the segment is not there any more. */
static bool note_result(struct spool *spool, uint64_t first, enum status result)
{
    bool there = false;
    pthread_mutex_lock(&spool->shared.lock);
    for (size_t i = 0; i < spool->shared.segment_count && !there; i++) {
        struct spool_segment *s = &spool->shared.segments[i];
        there = s->first_position == first;
        if (!there)
            continue;
        s->indexed = result == STATUS_OK;
        s->no_index = !s->indexed;
        s->index_failed = s->no_index && result != STATUS_CORRUPT;
    }
    pthread_mutex_unlock(&spool->shared.lock);
    pthread_mutex_lock(&spool->keeper.lock);
    pthread_cond_broadcast(&spool->keeper.done);
    pthread_mutex_unlock(&spool->keeper.lock);
    return there;
}

/* The space that was allocated for it and not used. After a crash before this, the next start frees
 * it. */
static void free_rest(int fd, const struct spool_segment *segment)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && (uint64_t)st.st_size > segment->end &&
        ftruncate(fd, (off_t)segment->end) != 0)
        log_warn("unused space of a segment could not be freed",
                 LOG_STATUS(status_from_errno(errno)));
    fault_point(spool_segment_sealed);
}

static enum status make_index(struct spool *spool, const struct spool_segment *segment, bool sealed)
{
    int fd;
    enum status status = spool_segment_open(spool->dir_fd, segment->first_position, true, &fd);
    if (status != STATUS_OK)
        return status;
    if (sealed)
        free_rest(fd, segment);
    status = spool_index_write(spool->dir_fd, fd, segment);
    close(fd);
    return status;
}

/* A segment without an index costs the next start a reading of it, and nothing else. */
static void index_segment(struct spool *spool, const struct spool_segment *segment)
{
    char name[SPOOL_NAME_BYTES];
    enum status status = make_index(spool, segment, true);
    bool there = note_result(spool, segment->first_position, status);
    if (!there) {
        spool_index_remove(spool->dir_fd, segment->first_position);
    } else if (status != STATUS_OK) {
        spool_segment_name(segment->first_position, name);
        log_warn("no index could be made for a segment: the next start reads it",
                 LOG_TEXT("file", name), LOG_STATUS(status));
    }
}

/* True: the index is there, or none will come. Under keeper.lock. */
static bool is_settled(struct spool *spool)
{
    pthread_mutex_lock(&spool->shared.lock);
    const struct spool_segment *s = &spool->shared.segments[0];
    bool settled = s->indexed || s->no_index;
    pthread_mutex_unlock(&spool->shared.lock);
    return settled;
}

static bool is_indexed(struct spool *spool)
{
    pthread_mutex_lock(&spool->shared.lock);
    bool indexed = spool->shared.segments[0].indexed;
    pthread_mutex_unlock(&spool->shared.lock);
    return indexed;
}

/* The first one in the table is the oldest: the keeper makes its index next, also if it could not
 * when the disk was full. */
static void wait_for_index(struct spool *spool)
{
    struct spool_keeper *k = &spool->keeper;
    int64_t end_ns = condition_end_ns(RELEASE_NS);
    bool in_time = true;
    pthread_mutex_lock(&spool->shared.lock);
    struct spool_segment *s = &spool->shared.segments[0];
    s->no_index = s->no_index && !s->index_failed;
    s->index_failed = false;
    pthread_mutex_unlock(&spool->shared.lock);
    spool_keeper_wake(spool);
    pthread_mutex_lock(&k->lock);
    while (k->thread.started && !is_settled(spool) && in_time)
        in_time = condition_wait(&k->done, &k->lock, end_ns);
    pthread_mutex_unlock(&k->lock);
}

/* After a removal that failed they are kept already. */
static bool keep_keys(struct spool *spool, uint64_t first, uint64_t newest)
{
    if (spool_keeper_keys_of(spool, newest) == first)
        return true;
    wait_for_index(spool);
    if (!is_indexed(spool) || spool_index_keep(spool->dir_fd, first) != STATUS_OK)
        return false;
    if (spool_keeper_add_keys(spool, first, newest) != STATUS_OK)
        log_warn("keys of a removed segment are not kept: out of memory");
    return true;
}

bool spool_keeper_release(struct spool *spool)
{
    spool_assert_writer(spool);
    uint64_t first = spool->shared.segments[0].first_position;
    uint64_t newest = spool->shared.segments[0].newest;
    if (!needs_keys(spool, newest))
        return false;
    bool kept = keep_keys(spool, first, newest);
    if (!kept)
        log_warn("keys of a segment that is removed can't be kept: a repeat of a batch in it would "
                 "be stored again",
                 LOG_U64("first_position", first));
    return kept;
}

void spool_keeper_forget(struct spool *spool, uint64_t first)
{
    spool_assert_writer(spool);
    spool_index_remove(spool->dir_fd, first);
}

void spool_keeper_close(struct spool *spool)
{
    size_t count = spool->shared.segment_count;
    if (!count || atomic_load(&spool->now.failed))
        return;
    struct spool_segment *last = &spool->shared.segments[count - 1];
    if (last->indexed || last->no_index)
        return;
    enum status status = make_index(spool, last, false);
    if (status != STATUS_OK)
        log_warn("no index could be made for the last segment: the next start reads it",
                 LOG_STATUS(status));
    else
        last->indexed = true;
}

/* --- the thread ----------------------------------------------------------------------------- */

/* False: it ends. */
static bool wait_for_work(struct spool_keeper *k)
{
    int64_t end_ns = condition_end_ns(TICK_NS);
    bool in_time = true;
    pthread_mutex_lock(&k->lock);
    while (!k->work && !k->ending && in_time)
        in_time = condition_wait(&k->wake, &k->lock, end_ns);
    k->work = false;
    bool goes_on = !k->ending;
    pthread_mutex_unlock(&k->lock);
    return goes_on;
}

static bool is_ending(struct spool_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool ending = k->ending;
    pthread_mutex_unlock(&k->lock);
    return ending;
}

static void run(void *arg)
{
    thread_assert(THREAD_KEEPER);
    struct spool *spool = spool_cast(arg);
    struct spool_segment segment;
    int64_t stop_ns = 0;
    bool goes_on = true;
    while (goes_on) {
        goes_on = wait_for_work(&spool->keeper);
        make_spare(spool);
        while (find_work(spool, &segment)) {
            if (!stop_ns && is_ending(&spool->keeper))
                stop_ns = clock_monotonic_ns() + STOP_NS;
            if (stop_ns && clock_monotonic_ns() > stop_ns)
                break;
            index_segment(spool, &segment);
            make_spare(spool);
        }
        remove_old_keys(spool);
    }
}

enum status spool_keeper_start(struct spool *spool)
{
    spool->keeper.work = true;
    return thread_start(&spool->keeper.thread, THREAD_KEEPER, "vsoc-keeper", run, spool);
}

void spool_keeper_stop(struct spool *spool)
{
    pthread_mutex_lock(&spool->keeper.lock);
    spool->keeper.ending = true;
    pthread_cond_signal(&spool->keeper.wake);
    pthread_mutex_unlock(&spool->keeper.lock);
    thread_join(&spool->keeper.thread);
}
