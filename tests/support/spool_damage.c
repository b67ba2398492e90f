/* spool_damage.c: test tool: damages a small spool in every place, one damage at a time, and holds
 * the readers, `check` and the start to what must be true then. Prints a line for each case that is
 * not as it must be, and at the end how many there were. One thread; needs no server.
 *
 * spool_damage SPOOL WORK KIND STRIDE: SPOOL is left alone, WORK is a folder of its own. Every
 * STRIDE-th place is damaged. What is expected follows from which bytes differ, not from the code
 * under test. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/log/log.h"
#include "storage/spool/spool.h"
#include "storage/spool/spool_segment.h"
#include "storage/spool/spool_verify.h"

#define FILES_MAX   16
#define RECORDS_MAX 256
#define HEADER      8192
#define COPY        4096 /* where the header's second copy stands */
#define COPY_BYTES  128
#define FIRST_BYTES 240 /* of a record: its header */

struct file {
    char name[64];
    bool segment, last;
    uint8_t *whole, *bytes;       /* as it was; as damaged, with size */
    size_t whole_size, size, end; /* end: behind the last record */
};

struct record {
    const struct file *file;
    size_t offset, size;
    uint64_t position;
    uint8_t digest[SHA256_BYTES];
    bool kept;  /* not one byte of it was changed */
    bool given; /* by the walk that is on */
};

static struct file files[FILES_MAX];
static struct record records[RECORDS_MAX];
static size_t file_count, record_count;
static const char *work;
static char now[128]; /* the damage at hand, for people */
static uint64_t cases, failures, newest;

static void die(const char *what)
{
    perror(what);
    exit(70);
}

static void complain(const char *what, uint64_t number)
{
    failures++;
    printf("%s: %s (%" PRIu64 ")\n", now, what, number);
}

/* --- the spool as it was -------------------------------------------------------------------- */

static uint64_t number(const uint8_t *bytes, size_t size)
{
    uint64_t n = 0;
    for (size_t i = size; i > 0; i--)
        n = n << 8 | bytes[i - 1];
    return n;
}

static void record_digest(const struct batch_record *record, uint8_t digest[SHA256_BYTES])
{
    struct sha256 *hash = sha256_create();
    sha256_start(hash);
    sha256_update(hash, slice_make(record->meta.chain_hash, SHA256_BYTES));
    sha256_update(hash, record->meta.tenant);
    sha256_update(hash, record->meta.sender);
    sha256_update(hash, record->events);
    sha256_update(hash, record->body);
    sha256_finish(hash, digest);
    sha256_destroy(hash);
}

static void load_file(const char *dir, const char *name)
{
    char path[600];
    struct file *f = &files[file_count++];
    uint64_t first;
    struct stat st;
    snprintf(path, sizeof path, "%.300s/%.250s", dir, name);
    snprintf(f->name, sizeof f->name, "%.60s", name);
    f->segment = spool_segment_parse_name(name, &first);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die(path);
    f->whole_size = (size_t)st.st_size;
    f->whole = malloc(f->whole_size + 1);
    f->bytes = malloc(f->whole_size + 1);
    if (!f->whole || !f->bytes || read(fd, f->whole, f->whole_size) != st.st_size)
        die(path);
    close(fd);
    for (f->end = HEADER; f->segment && f->end + FIRST_BYTES <= f->whole_size;) {
        size_t size = number(f->whole + f->end + 8, 4);
        if (!size)
            break;
        records[record_count++] = (struct record){.file = f,
                                                  .offset = f->end,
                                                  .size = size,
                                                  .position = number(f->whole + f->end + 24, 8)};
        f->end += size;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load(const char *dir)
{
    char *names[FILES_MAX];
    size_t count = 0;
    DIR *d = opendir(dir);
    if (!d)
        die(dir);
    for (struct dirent *e; (e = readdir(d)) && count < FILES_MAX;)
        if (strstr(e->d_name, ".seg") || strcmp(e->d_name, "cursors") == 0)
            names[count++] = strdup(e->d_name);
    closedir(d);
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        load_file(dir, names[i]);
        free(names[i]);
    }
    for (size_t i = 0; i < file_count; i++)
        files[i].last = files[i].segment && (i + 1 == file_count || !files[i + 1].segment);
    newest = records[record_count - 1].position;
}

/* --- the damaged one ------------------------------------------------------------------------ */

static void remove_tree(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        snprintf(path, sizeof path, "%.300s/%.250s", dir, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlink(path) != 0)
            remove_tree(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static void write_work(void)
{
    remove_tree(work);
    if (mkdir(work, 0750) != 0)
        die(work);
    for (struct file *f = files; f < files + file_count; f++) {
        char path[600];
        snprintf(path, sizeof path, "%.300s/%s", work, f->name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        if (fd < 0 || write(fd, f->bytes, f->size) != (ssize_t)f->size)
            die(path);
        close(fd);
    }
}

static bool same(const struct file *f, size_t from, size_t size)
{
    return from + size <= f->size && memcmp(f->bytes + from, f->whole + from, size) == 0;
}

/* A segment is given up only when both copies of its header and the header of its first record are
 * gone. */
static bool given_up(const struct file *f)
{
    return !same(f, 0, COPY_BYTES) && !same(f, COPY, COPY_BYTES) && !same(f, HEADER, FIRST_BYTES);
}

/* Returns how many records are no longer whole. */
static size_t mark_kept(void)
{
    size_t lost = 0;
    for (struct record *r = records; r < records + record_count; r++) {
        r->kept = same(r->file, r->offset, r->size) && !given_up(r->file);
        lost += !r->kept;
    }
    return lost;
}

/* Is there a difference that a reader can see? Zeros behind the last record are only room. */
static bool differs(const struct file *f)
{
    if (f->size >= f->whole_size)
        return f->size != f->whole_size || !same(f, 0, f->size);
    return !same(f, 0, f->size) || f->size < f->end;
}

/* --- what must be true ---------------------------------------------------------------------- */

static struct record *find(uint64_t position)
{
    for (size_t i = 0; i < record_count; i++)
        if (records[i].position == position)
            return &records[i];
    return NULL;
}

static void check_given(const struct batch_record *record, uint64_t *last)
{
    uint8_t digest[SHA256_BYTES];
    struct record *r = find(record->meta.position);
    if (!r) {
        complain("a record was invented", record->meta.position);
        return;
    }
    record_digest(record, digest);
    if (memcmp(digest, r->digest, SHA256_BYTES) != 0)
        complain("an altered record was delivered", r->position);
    if (r->position <= *last)
        complain("out of order", r->position);
    if (r->given)
        complain("delivered twice", r->position);
    *last = r->position;
    r->given = true;
}

/* Reads to the end; every_kept: all that is whole must come. */
static void check_reader(struct spool_reader *reader, bool every_kept, const char *who)
{
    struct batch_record record;
    uint64_t last = 0, turns = 0;
    enum status status;
    for (struct record *r = records; r < records + record_count; r++)
        r->given = false;
    do {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_OK)
            check_given(&record, &last);
    } while ((status == STATUS_OK || status == STATUS_CORRUPT) && ++turns < 4 * record_count);
    if (status != STATUS_END)
        complain(who, turns);
    for (struct record *r = records; r < records + record_count; r++)
        if (every_kept && r->kept && !r->given)
            complain(who, r->position);
    spool_reader_close(reader);
}

static void check_directory(void)
{
    struct spool_reader *reader;
    bool headers = true; /* without one, only the start can tell what the segment holds */
    for (struct file *f = files; f < files + file_count; f++)
        headers = headers && (!f->segment || same(f, 0, COPY_BYTES) || same(f, COPY, COPY_BYTES));
    if (spool_reader_open_dir(work, 0, &reader) != STATUS_OK)
        complain("the directory can't be read", 0);
    else
        check_reader(reader, headers, "not exported");
}

struct told {
    const struct file *file;
    uint64_t findings;
    bool here;
};

static void on_finding(void *arg, const struct spool_finding *finding)
{
    struct told *told = arg;
    told->findings++;
    told->here = told->here || strcmp(finding->file, told->file->name) == 0;
}

/* `check` names the file, and does not call it whole when a record is gone. */
static void check_check(const struct file *f, size_t lost)
{
    struct told told = {.file = f};
    struct spool_verify_result result;
    struct spool_verify_options options = {
        .depth = SPOOL_DEPTH_CHECK, .to = UINT64_MAX, .on_finding = on_finding, .arg = &told};
    if (spool_verify_dir(work, &options, &result) != STATUS_OK)
        complain("`check` fails", 0);
    if (!differs(f) && told.findings)
        complain("`check` finds what is not there", told.findings);
    if (differs(f) && f->segment && !told.here && !told.findings)
        complain("`check` does not find it", 0);
    if (lost && !result.damaged)
        complain("`check` calls it whole", lost);
}

struct scanned {
    uint64_t count, last;
};

static void on_scan(void *arg, const struct batch_meta *meta)
{
    struct scanned *scanned = arg;
    const struct record *r = find(meta->position);
    scanned->count++;
    if (!r || memcmp(meta->key, r->file->whole + r->offset + 72, 8) != 0)
        complain("the scan for duplicates was given an altered record", meta->position);
    if (meta->position <= scanned->last)
        complain("the scan for duplicates went back", meta->position);
    scanned->last = meta->position;
}

static bool kept_something(void)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%.300s/corrupt", work);
    return stat(path, &st) == 0;
}

static void check_cursor(struct spool *spool, uint64_t at_most)
{
    spool_cursor_t cursor;
    uint64_t position;
    if (spool_cursor_open(spool, "reader", &cursor, &position) != STATUS_OK || position > at_most)
        complain("the cursor is too far", position);
    spool_cursors_settle(spool);
}

/* Start number `turn` of the damaged spool. */
static void check_start(size_t lost, bool must_count, unsigned turn)
{
    const struct spool_options options = {.dir = work,
                                          .segment_bytes = 12000,
                                          .max_bytes = UINT64_C(1) << 30,
                                          .evidence_ns = INT64_MAX,
                                          .evidence_bytes = UINT64_MAX,
                                          .queue_batches = 10,
                                          .queue_bytes = 1 << 20};
    struct scanned scanned = {0};
    struct spool *spool;
    struct spool_reader *reader;
    struct spool_stats stats;
    struct problem problem;
    enum status status = spool_open(&options, on_scan, &scanned, &spool, &problem);
    if (status != STATUS_OK) {
        complain(problem.text, status);
        return;
    }
    spool_stats(spool, &stats);
    if (turn == 1 ? must_count && !stats.corrupt_segments : stats.corrupt_segments > 0)
        complain("the start does not count it, or counts it again", stats.corrupt_segments);
    if (lost && !kept_something() && scanned.count < record_count - lost)
        complain("nothing was kept under corrupt/", lost);
    if (scanned.count < record_count - lost)
        complain("the scan for duplicates was not given all", record_count - lost - scanned.count);
    check_cursor(spool, newest);
    if (spool_reader_open(spool, 0, &reader) != STATUS_OK)
        complain("no reader", 0);
    else
        check_reader(reader, true, "not delivered");
    spool_close(spool);
}

static void check_case(const struct file *f)
{
    size_t lost = mark_kept();
    cases++;
    write_work();
    check_directory();
    check_check(f, lost);
    bool header = f->segment && !same(f, 0, HEADER);
    check_start(lost, lost > 0 || header, 1);
    check_start(lost, false, 2);
}

/* --- every place ---------------------------------------------------------------------------- */

static void restore(struct file *f)
{
    memcpy(f->bytes, f->whole, f->whole_size);
    f->size = f->whole_size;
}

static size_t places_flip(const struct file *f)
{
    return f->whole_size * 8;
}

static void do_flip(struct file *f, size_t place)
{
    f->bytes[place / 8] ^= (uint8_t)(1 << place % 8);
}

static size_t places_bytes(const struct file *f)
{
    return f->whole_size;
}

static void do_cut(struct file *f, size_t place)
{
    f->size = place;
}

static void do_zero(struct file *f, size_t place, size_t bytes)
{
    memset(f->bytes + place, 0, place + bytes < f->size ? bytes : f->size - place);
}

static void do_zero_sector(struct file *f, size_t place)
{
    do_zero(f, place, 512);
}

static void do_zero_page(struct file *f, size_t place)
{
    do_zero(f, place, 4096);
}

/* The same garbage in each run. */
static void do_garbage(struct file *f, size_t place)
{
    uint64_t x = place * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = place; i < f->size && i < place + 512; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        f->bytes[i] = (uint8_t)x;
    }
}

static const struct kind {
    const char *name;
    size_t (*places)(const struct file *f);
    void (*damage)(struct file *f, size_t place);
} kinds[] = {
    {"flip", places_flip, do_flip},
    {"cut", places_bytes, do_cut},
    {"zero-sector", places_bytes, do_zero_sector},
    {"zero-page", places_bytes, do_zero_page},
    {"garbage", places_bytes, do_garbage},
};

static void run(const struct kind *kind, size_t stride)
{
    for (struct file *f = files; f < files + file_count; f++)
        restore(f);
    for (struct file *f = files; f < files + file_count; f++) {
        for (size_t place = 0; place < kind->places(f); place += stride) {
            snprintf(now, sizeof now, "%s %s %zu", kind->name, f->name, place);
            kind->damage(f, place);
            check_case(f);
            restore(f);
        }
    }
}

/* A sink has had everything, so that a lost end can be told from one that was never answered. */
static void advance_cursor(const char *dir)
{
    const struct spool_options options = {.dir = dir,
                                          .segment_bytes = 12000,
                                          .max_bytes = UINT64_C(1) << 30,
                                          .evidence_ns = INT64_MAX,
                                          .evidence_bytes = UINT64_MAX};
    struct spool *spool;
    struct spool_stats stats;
    spool_cursor_t cursor;
    uint64_t position;
    struct problem problem;
    if (spool_open(&options, NULL, NULL, &spool, &problem) != STATUS_OK)
        die(problem.text);
    spool_stats(spool, &stats);
    if (spool_cursor_open(spool, "reader", &cursor, &position) != STATUS_OK)
        die("cursor");
    spool_cursors_settle(spool);
    spool_cursor_advance(spool, cursor, stats.position);
    spool_close(spool);
}

static void learn_digests(const char *dir)
{
    struct spool_reader *reader;
    struct batch_record record;
    size_t n = 0;
    if (spool_reader_open_dir(dir, 0, &reader) != STATUS_OK)
        die(dir);
    while (n < record_count && spool_reader_next(reader, &record) == STATUS_OK)
        record_digest(&record, records[n++].digest);
    spool_reader_close(reader);
    if (n != record_count) {
        fprintf(stderr, "%zu records by their sizes, %zu by the reader\n", record_count, n);
        exit(70);
    }
}

int main(int argc, char **argv)
{
    size_t stride = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;
    if (!stride)
        return 64;
    log_configure(LOG_ERROR + 1, LOG_PLAIN);
    work = argv[2];
    advance_cursor(argv[1]);
    load(argv[1]);
    learn_digests(argv[1]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[3]) == 0)
            run(&kinds[i], stride);
    printf("%" PRIu64 " cases, %" PRIu64 " failures\n", cases, failures);
    remove_tree(work);
    for (size_t i = 0; i < file_count; i++) {
        free(files[i].whole);
        free(files[i].bytes);
    }
    return cases && !failures ? 0 : 1;
}
