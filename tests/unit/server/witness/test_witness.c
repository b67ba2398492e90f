/* test_witness.c: the decisions of a witness and what it remembers: every status of
 * c2sp.org/tlog-witness, forks, rollbacks, restarts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/witness/witness.h"
#include "storage/evidence/formats/add_checkpoint.h"
#include "tests/unit/storage/evidence/formats/evidence_keys.h"

#define LOG "example.com/log"
#define NOW 1700000000

/* A log of leaves that are named by their number and by a letter, the history. */
struct tree {
    char history;
    uint64_t size;
};

static char dir[64];
static struct witness_store *store;
static struct witness *witness;
static struct writer body;

static enum status hash_at(void *arg, unsigned level, uint64_t index, uint8_t out[32])
{
    struct tree *tree = (struct tree *)arg; /* of the test's own stack */
    struct merkle_frontier frontier = {0};
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        uint8_t leaf[32], data[2] = {(uint8_t)tree->history, (uint8_t)i};
        if (i < 3)
            data[0] = 'a'; /* histories begin alike */
        merkle_leaf_hash(slice_make(data, sizeof data), leaf);
        merkle_frontier_add(&frontier, leaf);
    }
    merkle_frontier_root(&frontier, out);
    return STATUS_OK;
}

static void open_witness(void)
{
    struct problem problem = {""};
    struct note_secret secret = secret_of("witness.example/w1", NOTE_COSIGNATURE),
                       log = secret_of(LOG, NOTE_ED25519);
    assert_int_equal(witness_store_open(dir, &store, &problem), STATUS_OK);
    const struct witness_options options = {&secret, store, &log.verifier, 1};
    assert_int_equal(witness_create(&options, &witness, &problem), STATUS_OK);
}

static void close_witness(void)
{
    witness_destroy(witness);
    witness_store_close(store);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/witness_XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    writer_init(&body, 1 << 20);
    open_witness();
    return 0;
}

static int teardown(void **state)
{
    char path[400];
    (void)state;
    close_witness();
    writer_fini(&body);
    DIR *folder = opendir(dir);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        (void)unlink(path);
    }
    closedir(folder);
    return rmdir(dir);
}

/* The request of a log that thinks that the witness knows `old` leaves. */
static struct slice request(const char *origin, char history, uint64_t old, uint64_t size)
{
    struct tree tree = {history, size};
    struct merkle_source source = {hash_at, &tree};
    struct add_checkpoint what = {.old_size = old};
    uint8_t root[32];
    struct writer head;
    assert_int_equal(merkle_root(&source, size, root), STATUS_OK);
    if (old <= size)
        assert_int_equal(merkle_consistency(&source, old, size, &what.path), STATUS_OK);
    writer_init(&head, 10000);
    write_head(&head, origin, size, root);
    what.note = writer_slice(&head);
    writer_reset(&body);
    add_checkpoint_write(&body, &what);
    writer_fini(&head);
    return writer_slice(&body);
}

static struct witness_answer add(struct slice bytes)
{
    struct witness_answer answer;
    witness_add(witness, bytes, NOW, &answer);
    return answer;
}

/* 200: the answer is one valid cosignature of the checkpoint. */
static void assert_cosigned(struct slice bytes)
{
    struct note_secret key = secret_of("witness.example/w1", NOTE_COSIGNATURE);
    struct add_checkpoint what;
    struct note note;
    struct note_seal seal;
    struct witness_answer answer = add(bytes);
    assert_int_equal(answer.code, 200);
    assert_int_equal(add_checkpoint_parse(bytes, &what), STATUS_OK);
    assert_int_equal(note_parse(what.note, &note), STATUS_OK);
    size_t before = note.count;
    assert_int_equal(note_add_signatures(answer.body, &note), STATUS_OK);
    assert_int_equal(note.count, before + 1);
    assert_int_equal(note_verify(&note, &key.verifier, &seal), STATUS_OK);
    assert_int_equal(seal.time_s, NOW);
}

static void assert_refused(struct slice bytes, int code, const char *content_type)
{
    struct witness_answer answer = add(bytes);
    assert_int_equal(answer.code, code);
    assert_string_equal(answer.content_type, content_type);
    assert_null(memmem(answer.body.data, answer.body.size, "—", strlen("—")));
}

#define TEXT "text/plain; charset=utf-8"

/* 409 with the size that is known. */
static void assert_size(struct slice bytes, const char *size)
{
    struct witness_answer answer = add(bytes);
    assert_int_equal(answer.code, 409);
    assert_string_equal(answer.content_type, "text/x.tlog.size");
    assert_true(slice_equal_text(answer.body, size));
}

static size_t files_with(const char *part)
{
    size_t count = 0;
    DIR *folder = opendir(dir);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strstr(entry->d_name, part) != NULL;
    closedir(folder);
    return count;
}

static void a_growing_log_is_cosigned(void **state)
{
    (void)state;
    assert_cosigned(request(LOG, 'a', 0, 5));
    assert_cosigned(request(LOG, 'a', 5, 6));
    assert_cosigned(request(LOG, 'a', 6, 40));
    assert_cosigned(request(LOG, 'a', 40, 40));
}

static void a_wrong_size_is_told_the_right_one(void **state)
{
    (void)state;
    assert_size(request(LOG, 'a', 2, 5), "0\n");
    assert_cosigned(request(LOG, 'a', 0, 5));
    assert_size(request(LOG, 'a', 0, 7), "5\n");
    assert_size(request(LOG, 'a', 4, 7), "5\n");
    assert_size(request(LOG, 'a', 6, 7), "5\n");
    assert_cosigned(request(LOG, 'a', 5, 7));
}

static void a_rollback_is_refused(void **state)
{
    (void)state;
    assert_cosigned(request(LOG, 'a', 0, 9));
    assert_size(request(LOG, 'a', 0, 5), "9\n");
    assert_size(request(LOG, 'a', 5, 5), "9\n");
    assert_refused(request(LOG, 'a', 9, 5), 400, TEXT);
    assert_cosigned(request(LOG, 'a', 9, 9));
}

static void a_fork_is_refused_and_kept(void **state)
{
    (void)state;
    assert_cosigned(request(LOG, 'a', 0, 9));
    assert_refused(request(LOG, 'b', 9, 12), 422, TEXT);
    assert_int_equal(files_with(".fork-"), 0);
    assert_refused(request(LOG, 'b', 9, 9), 409, TEXT);
    assert_int_equal(files_with(".fork-9-"), 1);
    assert_refused(request(LOG, 'b', 9, 9), 409, TEXT);
    assert_int_equal(files_with(".fork-9-"), 1);
    assert_size(request(LOG, 'c', 2, 9), "9\n");
    assert_int_equal(files_with(".fork-9-"), 2);
    assert_cosigned(request(LOG, 'a', 9, 12));
}

static void a_wrong_proof_is_refused(void **state)
{
    (void)state;
    assert_cosigned(request(LOG, 'a', 0, 9));
    struct slice bytes = request(LOG, 'a', 9, 20);
    char *hash = memchr(bytes.data, '\n', bytes.size);
    hash[5] = hash[5] == 'A' ? 'B' : 'A';
    assert_refused(bytes, 422, TEXT);
    /* A proof from 0 is empty. */
    struct witness_answer answer = add(request(LOG, 'a', 9, 9));
    assert_int_equal(answer.code, 200);
}

static void logs_that_are_not_known_are_refused(void **state)
{
    (void)state;
    assert_refused(request("example.com/other", 'a', 0, 5), 404, TEXT);
    /* Signed by another key of the same name. */
    struct slice bytes = request(LOG, 'a', 0, 5);
    uint8_t *signature = memmem(bytes.data, bytes.size, LOG " ", strlen(LOG) + 1);
    signature += strlen(LOG) + 1 + 20;
    *signature = *signature == 'A' ? 'B' : 'A';
    assert_refused(bytes, 403, TEXT);
}

static void other_bytes_are_a_bad_request(void **state)
{
    (void)state;
    struct slice bytes = request(LOG, 'a', 0, 5);
    assert_refused(SLICE_EMPTY, 400, TEXT);
    assert_refused(SLICE_LITERAL("old 0\n\nhello\n"), 400, TEXT);
    for (size_t cut = 0; cut < bytes.size; cut++)
        assert_int_equal(add(slice_make(bytes.data, cut)).code, 400);
    assert_cosigned(bytes);
}

static void a_restart_forgets_nothing(void **state)
{
    (void)state;
    assert_cosigned(request(LOG, 'a', 0, 9));
    close_witness();
    open_witness();
    assert_size(request(LOG, 'b', 0, 9), "9\n");
    assert_refused(request(LOG, 'b', 9, 12), 422, TEXT);
    assert_cosigned(request(LOG, 'a', 9, 12));
}

static void nothing_is_cosigned_that_cannot_be_remembered(void **state)
{
    (void)state;
    char path[100];
    assert_cosigned(request(LOG, 'a', 0, 3));
    /* No file can be made where the new one would be. */
    DIR *folder = opendir(dir);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strstr(entry->d_name, ".head"))
            snprintf(path, sizeof path, "%s/%.50s.new", dir, entry->d_name);
    closedir(folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(request(LOG, 'a', 3, 5), 500, TEXT);
    assert_size(request(LOG, 'a', 2, 5), "3\n");
    assert_int_equal(rmdir(path), 0);
    assert_cosigned(request(LOG, 'a', 3, 5));
}

static void a_folder_belongs_to_one_witness(void **state)
{
    (void)state;
    struct witness_store *second;
    struct problem problem;
    assert_int_equal(witness_store_open(dir, &second, &problem), STATUS_LOCKED);
    assert_non_null(strstr(problem.text, "another witness"));
}

static void a_changed_file_is_not_believed(void **state)
{
    (void)state;
    char path[400] = "", byte;
    struct problem problem;
    struct note_secret secret = secret_of("witness.example/w1", NOTE_COSIGNATURE),
                       log = secret_of(LOG, NOTE_ED25519);
    assert_cosigned(request(LOG, 'a', 0, 9));
    DIR *folder = opendir(dir);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strstr(entry->d_name, ".head"))
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    closedir(folder);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)strlen(LOG) + 1), 1);
    assert_int_equal(byte, '9');
    assert_int_equal(pwrite(fd, "5", 1, (off_t)strlen(LOG) + 1), 1);
    close(fd);
    witness_destroy(witness);
    witness = NULL;
    const struct witness_options options = {&secret, store, &log.verifier, 1};
    assert_int_equal(witness_create(&options, &witness, &problem), STATUS_CORRUPT);
    assert_non_null(strstr(problem.text, LOG));
}

static void the_page_shows_what_was_cosigned(void **state)
{
    (void)state;
    struct writer page;
    writer_init(&page, 1 << 20);
    witness_describe(witness, &page);
    writer_u8(&page, 0);
    assert_non_null(strstr((char *)page.data, "witness witness.example/w1\n"));
    assert_non_null(strstr((char *)page.data, "no checkpoint was cosigned yet"));
    assert_cosigned(request(LOG, 'a', 0, 9));
    writer_reset(&page);
    witness_describe(witness, &page);
    writer_u8(&page, 0);
    assert_non_null(strstr((char *)page.data, "\n" LOG "\n9\n"));
    writer_fini(&page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_growing_log_is_cosigned),
        TEST(a_wrong_size_is_told_the_right_one),
        TEST(a_rollback_is_refused),
        TEST(a_fork_is_refused_and_kept),
        TEST(a_wrong_proof_is_refused),
        TEST(logs_that_are_not_known_are_refused),
        TEST(other_bytes_are_a_bad_request),
        TEST(a_restart_forgets_nothing),
        TEST(nothing_is_cosigned_that_cannot_be_remembered),
        TEST(a_folder_belongs_to_one_witness),
        TEST(a_changed_file_is_not_believed),
        TEST(the_page_shows_what_was_cosigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
