/* spool_fixture.h: a spool in a directory of its own, and batches to put in it. For cmocka tests.
 */
#ifndef VSOC_TESTS_SPOOL_FIXTURE_H
#define VSOC_TESTS_SPOOL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "storage/spool/seal/seal_keys.h"
#include "storage/spool/spool.h"
#include "storage/spool/spool_frame.h"
#include "storage/spool/spool_segment.h"

struct spool_fixture {
    char dir[256];
    struct spool_options options;
    struct spool *spool;
    struct mailbox replies;
    struct problem problem;
    struct seal_keys keys; /* of options: one key, which encrypts */
    uint64_t made;         /* batches made so far: their content follows from their number */
};

static inline void fixture_remove_tree(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[600];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%.300s/%.255s", dir, e->d_name);
        if (unlink(path) != 0)
            fixture_remove_tree(path);
    }
    closedir(d);
    rmdir(dir);
}

static inline int fixture_setup(void **state)
{
    static struct spool_fixture fixture;
    struct spool_fixture *f = &fixture;
    *f = (struct spool_fixture){0};
    /* In memory where there is such a place: some tests start a spool thousands of times. */
    const char *tmp = getenv("TMPDIR"),
               *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f->dir, sizeof f->dir, "%.200s/vsoc-spool-XXXXXX", tmp ? tmp : memory);
    if (!mkdtemp(f->dir))
        return -1;
    f->options = (struct spool_options){
        .dir = f->dir,
        .segment_bytes = 1 << 20,
        .max_bytes = UINT64_C(1) << 30,
        .queue_batches = 100000,
        .queue_bytes = SIZE_MAX / 2,
    };
    static const uint8_t master[SHA256_BYTES] = {42};
    f->options.keys = &f->keys;
    if (seal_keys_add(&f->keys, 1, master) != STATUS_OK)
        return -1;
    log_configure(LOG_ERROR + 1, LOG_PLAIN);
    *state = f;
    return mailbox_init(&f->replies, false) == STATUS_OK ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
    struct spool_fixture *f = *state;
    clock_fake(NULL, NULL);
    spool_close(f->spool);
    mailbox_fini(&f->replies);
    fixture_remove_tree(f->dir);
    return 0;
}

static inline void fixture_open(struct spool_fixture *f)
{
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
}

static inline void fixture_close(struct spool_fixture *f)
{
    spool_close(f->spool);
    f->spool = NULL;
}

/* Content of batch number n: body and events of different sizes that can be recomputed. */
static inline void fixture_fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)x;
    }
}

static inline size_t fixture_body_bytes(uint64_t n)
{
    return 20 + n * 7 % 61;
}

static inline size_t fixture_events_bytes(uint64_t n)
{
    return 10 + n * 5 % 37;
}

static inline struct batch *fixture_batch_sized(struct spool_fixture *f, uint64_t n,
                                                size_t body_bytes)
{
    struct batch *b = batch_create(body_bytes + 65536);
    assert_non_null(b);
    uint8_t *body = arena_alloc(&b->arena, body_bytes);
    uint8_t *events = arena_alloc(&b->arena, fixture_events_bytes(n));
    b->body = arena_alloc(&b->arena, 2 * sizeof *b->body);
    assert_non_null(body);
    assert_non_null(events);
    assert_non_null(b->body);
    fixture_fill(body, body_bytes, n);
    fixture_fill(events, fixture_events_bytes(n), n + 1000003);
    b->body[0] = slice_make(body, body_bytes / 3);
    b->body[1] = slice_make(body + body_bytes / 3, body_bytes - body_bytes / 3);
    b->body_count = 2;
    writer_bytes(&b->events, events, fixture_events_bytes(n));
    uuid7_make((int64_t)n * NS_PER_S, b->meta.batch_uid);
    fixture_fill(b->meta.body_digest, sizeof b->meta.body_digest, n + 2000003);
    memset(b->meta.key, (int)n, sizeof b->meta.key);
    b->meta.received_ns = (int64_t)n;
    b->meta.inflated_bytes = n * 3;
    b->meta.accepted = (uint32_t)(n % 5 + 1);
    b->meta.duplicates = 1;
    b->meta.quarantined = (uint32_t)(n % 3);
    b->meta.tenant = SLICE_LITERAL("oem");
    b->meta.sender = SLICE_LITERAL("gateway-17");
    b->meta.content_type = SLICE_LITERAL("application/x-ndjson");
    b->meta.report_errors = SLICE_LITERAL("[]");
    b->reply_to = &f->replies;
    return b;
}

static inline struct batch *fixture_batch(struct spool_fixture *f, uint64_t n)
{
    return fixture_batch_sized(f, n, fixture_body_bytes(n));
}

/* The next verdict; the batch is freed. */
static inline enum status fixture_verdict_of(struct spool_fixture *f, uint64_t *position)
{
    struct mail *mail = mailbox_wait(&f->replies, 20 * NS_PER_S);
    assert_non_null(mail);
    struct mail *rest = mail->next;
    struct batch *b = batch_from_mail(mail);
    enum status verdict = b->verdict;
    if (position)
        *position = b->meta.position;
    batch_destroy(b);
    while (rest) {
        struct mail *next = rest->next;
        assert_int_equal(mailbox_put(&f->replies, rest), STATUS_OK);
        rest = next;
    }
    return verdict;
}

/* Puts batch number ++made and waits for its verdict. */
static inline enum status fixture_put(struct spool_fixture *f)
{
    struct batch *b = fixture_batch(f, ++f->made);
    enum status status = spool_submit(f->spool, &b);
    if (status != STATUS_OK) {
        batch_destroy(b);
        return status;
    }
    return fixture_verdict_of(f, NULL);
}

static inline void fixture_put_many(struct spool_fixture *f, unsigned n)
{
    while (n--)
        assert_int_equal(fixture_put(f), STATUS_OK);
}

/* True when the record is batch number n, byte for byte. */
static inline bool fixture_is_batch(const struct batch_record *r, uint64_t n)
{
    uint8_t body[128], events[64];
    fixture_fill(body, fixture_body_bytes(n), n);
    fixture_fill(events, fixture_events_bytes(n), n + 1000003);
    return slice_equal(r->body, slice_make(body, fixture_body_bytes(n))) &&
           slice_equal(r->events, slice_make(events, fixture_events_bytes(n))) &&
           r->meta.received_ns == (int64_t)n && r->meta.inflated_bytes == n * 3 &&
           slice_equal_text(r->meta.sender, "gateway-17") &&
           slice_equal_text(r->meta.tenant, "oem") && slice_equal_text(r->meta.report_errors, "[]");
}

/* Path of the segment with that first position. */
static inline const char *fixture_segment(struct spool_fixture *f, uint64_t first)
{
    static char path[512];
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first, name);
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return path;
}

/* The n-th segment's path (0: oldest), or NULL. */
static inline const char *fixture_nth_segment(struct spool_fixture *f, size_t n)
{
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY);
    uint64_t *firsts;
    size_t count;
    assert_int_equal(spool_segment_list(fd, &firsts, &count), STATUS_OK);
    close(fd);
    const char *path = n < count ? fixture_segment(f, firsts[n]) : NULL;
    free(firsts);
    return path;
}

static inline uint8_t *fixture_load(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return bytes;
}

static inline void fixture_store(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static inline unsigned fixture_files_in(struct spool_fixture *f, const char *sub)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->dir, sub);
    DIR *d = opendir(path);
    unsigned n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* Polls until the condition holds or 20 s passed. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = clock_monotonic_ns() + 20 * NS_PER_S;                                       \
        while (!(condition) && clock_monotonic_ns() < end_)                                        \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        assert_true(condition);                                                                    \
    } while (0)

#endif
