/* Power loss: only what was synced survives, names only once their directory was synced. The one
 * test that notices a verdict given before its sync. */
/* wrap: fdatasync fsync */
#include "tests/support/spool_fixture.h"

#include <pthread.h>

int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

/* The disk: contents by inode as of their last sync, names as of the directory's. */
#define FILES_MAX 256
static struct {
    ino_t inode;
    uint8_t *bytes;
    size_t size;
} contents[FILES_MAX];
static struct {
    ino_t inode;
    char name[SPOOL_NAME_BYTES];
} names[FILES_MAX];
static size_t content_count, name_count;
static char disk_dir[256]; /* what is elsewhere is of the restart and not kept */
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;

static void forget_disk(void)
{
    for (size_t i = 0; i < content_count; i++)
        free(contents[i].bytes);
    memset(contents, 0, sizeof contents);
    content_count = name_count = 0;
}

static void sync_content(int fd, const struct stat *st)
{
    size_t i = 0;
    while (i < content_count && contents[i].inode != st->st_ino)
        i++;
    if (i == content_count && content_count++ == FILES_MAX)
        abort();
    uint8_t *bytes = realloc(contents[i].bytes, (size_t)st->st_size + 1);
    ssize_t n = bytes ? pread(fd, bytes, (size_t)st->st_size, 0) : -1;
    if (n < 0)
        abort();
    contents[i].inode = st->st_ino;
    contents[i].bytes = bytes;
    contents[i].size = (size_t)n;
}

static void sync_names(int fd)
{
    DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY));
    name_count = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_type == DT_REG && name_count < FILES_MAX) {
            names[name_count].inode = e->d_ino;
            snprintf(names[name_count++].name, SPOOL_NAME_BYTES, "%.40s", e->d_name);
        }
    closedir(d);
}

static bool is_on_disk(int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    size_t size = strlen(disk_dir);
    if (n < 0 || (size_t)n < size || memcmp(path, disk_dir, size) != 0)
        return false;
    path[n] = '\0';
    return path[size] == '\0' || path[size] == '/';
}

static void remember(int fd)
{
    struct stat st;
    pthread_mutex_lock(&disk_lock);
    if (!is_on_disk(fd) || fstat(fd, &st) != 0)
        ;
    else if (S_ISDIR(st.st_mode))
        sync_names(fd);
    else
        sync_content(fd, &st);
    pthread_mutex_unlock(&disk_lock);
}

int __wrap_fdatasync(int fd)
{
    remember(fd);
    return 0;
}

int __wrap_fsync(int fd)
{
    remember(fd);
    return 0;
}

/* What a restart would find, written into dir. */
static void restore_disk(const char *dir)
{
    pthread_mutex_lock(&disk_lock);
    for (size_t i = 0; i < name_count; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", dir, names[i].name);
        size_t c = 0;
        while (c < content_count && contents[c].inode != names[i].inode)
            c++;
        bool synced = c < content_count;
        fixture_store(path, synced ? contents[c].bytes : (const uint8_t *)"",
                      synced ? contents[c].size : 0);
    }
    pthread_mutex_unlock(&disk_lock);
}

static int setup(void **state)
{
    forget_disk();
    int rc = fixture_setup(state);
    snprintf(disk_dir, sizeof disk_dir, "%s", ((struct spool_fixture *)*state)->dir);
    return rc;
}

static int teardown(void **state)
{
    int rc = fixture_teardown(state);
    forget_disk();
    return rc;
}

/* Opens what survived and wants batches 1 to n of it, unaltered, and room for more. */
static void expect_survivors(struct spool_fixture *f, uint64_t n)
{
    struct spool_fixture after = *f;
    struct spool_reader *reader;
    struct batch_record r;
    snprintf(after.dir, sizeof after.dir, "%.200s-after", f->dir);
    assert_int_equal(mkdir(after.dir, 0750), 0);
    restore_disk(after.dir);
    after.options.dir = after.dir;
    assert_int_equal(spool_open(&after.options, NULL, NULL, &after.spool, &after.problem),
                     STATUS_OK);
    assert_int_equal(spool_reader_open(after.spool, 0, &reader), STATUS_OK);
    for (uint64_t i = 1; i <= n; i++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_true(fixture_is_batch(&r, i));
    }
    spool_reader_close(reader);
    spool_close(after.spool);
    fixture_remove_tree(after.dir);
}

static void batch_with_a_verdict_survives_power_loss_at_once(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 12000;
    fixture_open(f);
    for (uint64_t n = 1; n <= 40; n++) {
        assert_int_equal(fixture_put(f), STATUS_OK);
        expect_survivors(f, n);
    }
}

static void groups_that_roll_over_segments_survive_too(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 12000;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    for (int i = 0; i < 100; i++) {
        struct batch *b = fixture_batch(f, ++f->made);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    }
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    for (uint64_t n = 1; n <= 100; n++) {
        uint64_t position;
        assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
        if (n % 9 == 0)
            expect_survivors(f, position);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(batch_with_a_verdict_survives_power_loss_at_once),
        TEST(groups_that_roll_over_segments_survive_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
