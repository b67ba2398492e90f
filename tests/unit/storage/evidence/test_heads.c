/* test_heads.c: signed heads on disk: what was stored is found again, whatever a crash left. */
#include "tests/support/spool_fixture.h"

#include "storage/evidence/heads.h"

struct fixture {
    char dir[300];
    struct evidence_heads *heads;
    struct note_secret secret;
    int cosignatures; /* of the heads that are appended */
};

static int setup(void **state)
{
    static struct fixture fixture;
    const uint8_t seed[NOTE_SEED_BYTES] = {7};
    memset(&fixture, 0, sizeof fixture);
    snprintf(fixture.dir, sizeof fixture.dir, "/dev/shm/vsoc-heads-XXXXXX");
    *state = &fixture;
    return mkdtemp(fixture.dir) && note_secret_make(SLICE_LITERAL("test/heads"), NOTE_ED25519, seed,
                                                    &fixture.secret) == STATUS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evidence_heads_close(f->heads);
    fixture_remove_tree(f->dir);
    return 0;
}

static void reopen(struct fixture *f)
{
    evidence_heads_close(f->heads);
    f->heads = NULL;
    assert_int_equal(evidence_heads_open(f->dir, &f->heads), STATUS_OK);
}

static void append(struct fixture *f, uint64_t size)
{
    struct writer note;
    struct checkpoint checkpoint = {.origin = SLICE_LITERAL("test/heads"), .size = size};
    struct note_signer signer = note_signer_of(&f->secret);
    memset(checkpoint.root, (int)size, sizeof checkpoint.root);
    writer_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&note, &checkpoint, &signer, 1), STATUS_OK);
    for (int i = 0; i < f->cosignatures; i++)
        writer_text(&note,
                    "— witness.example AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    struct evidence_head head;
    assert_int_equal(evidence_head_parse(writer_slice(&note), (int64_t)size * NS_PER_S, &head),
                     STATUS_OK);
    assert_int_equal(evidence_heads_append(f->heads, &head), STATUS_OK);
    writer_fini(&note);
}

static void assert_newest(struct fixture *f, uint64_t size)
{
    struct evidence_head head;
    struct writer note;
    uint8_t root[MERKLE_HASH_BYTES];
    memset(root, (int)size, sizeof root);
    assert_true(evidence_heads_newest(f->heads, &head));
    assert_int_equal(head.size, size);
    writer_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(evidence_heads_last(f->dir, &note, &head), STATUS_OK);
    assert_int_equal(head.size, size);
    assert_int_equal(head.signed_ns, (int64_t)size * NS_PER_S);
    assert_memory_equal(head.root, root, sizeof root);
    writer_fini(&note);
}

static void newest_head_is_found_again(void **state)
{
    struct fixture *f = *state;
    struct evidence_head head;
    struct writer note;
    reopen(f);
    assert_false(evidence_heads_newest(f->heads, &head));
    writer_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(evidence_heads_last(f->dir, &note, &head), STATUS_NOT_FOUND);
    writer_fini(&note);
    for (uint64_t size = 1; size < 20; size++) {
        append(f, size);
        assert_newest(f, size);
        reopen(f);
        assert_newest(f, size);
    }
}

static void torn_end_is_cut_at_every_byte(void **state)
{
    struct fixture *f = *state;
    char path[400];
    size_t before, after;
    struct evidence_head head;
    snprintf(path, sizeof path, "%s/" HEADS_FILE, f->dir);
    reopen(f);
    append(f, 1);
    free(fixture_load(path, &before));
    append(f, 2);
    uint8_t *bytes = fixture_load(path, &after);
    for (size_t size = before; size < after; size++) {
        fixture_store(path, bytes, size);
        reopen(f);
        assert_true(evidence_heads_newest(f->heads, &head));
        assert_int_equal(head.size, 1);
        append(f, 3);
        assert_newest(f, 3);
    }
    for (size_t size = before; size < after; size++) { /* the file grew, the rest was not written */
        bytes[after - 1 - (size - before)] = 0;
        fixture_store(path, bytes, after);
        reopen(f);
        assert_true(evidence_heads_newest(f->heads, &head));
        assert_int_equal(head.size, 1);
    }
    free(bytes);
}

static void damage_before_the_end_is_reported(void **state)
{
    struct fixture *f = *state;
    char path[400];
    size_t size;
    snprintf(path, sizeof path, "%s/" HEADS_FILE, f->dir);
    reopen(f);
    append(f, 1);
    append(f, 2);
    evidence_heads_close(f->heads);
    f->heads = NULL;
    uint8_t *bytes = fixture_load(path, &size);
    bytes[30] ^= 1;
    fixture_store(path, bytes, size);
    assert_int_equal(evidence_heads_open(f->dir, &f->heads), STATUS_CORRUPT);
    free(bytes);
}

static bool count_up(void *arg, const struct evidence_head *head)
{
    uint64_t *last = arg;
    assert_int_equal(head->size, *last + 1);
    *last = head->size;
    return true;
}

static void count_down(void *arg, const struct evidence_head *head)
{
    uint64_t *last = arg;
    assert_int_equal(head->size, *last - 1);
    *last = head->size;
}

static void parts_are_walked_in_both_directions(void **state)
{
    struct fixture *f = *state;
    char path[400], part[400];
    struct stat st;
    uint64_t many = 0, last = 9;
    snprintf(path, sizeof path, "%s/" HEADS_FILE, f->dir);
    snprintf(part, sizeof part, "%s/" HEADS_FILE "-%020d", f->dir, 10);
    f->cosignatures = 90; /* for fewer heads to a part */
    reopen(f);
    while (stat(part, &st) != 0)
        append(f, 10 + many++);
    for (int i = 0; i < 3; i++)
        append(f, 10 + many++);
    reopen(f);
    assert_newest(f, 9 + many);
    assert_int_equal(evidence_heads_walk(f->dir, 0, count_up, &last), STATUS_OK);
    assert_int_equal(last, 9 + many);
    last = 9 + many - 2;
    assert_int_equal(evidence_heads_walk(f->dir, last + 1, count_up, &last), STATUS_OK);
    assert_int_equal(last, 9 + many);
    last = 10 + many;
    assert_int_equal(evidence_heads_recent(f->dir, UINT64_MAX, 6, count_down, &last), STATUS_OK);
    assert_int_equal(last, 10 + many - 6);
    last = 100;
    assert_int_equal(evidence_heads_recent(f->dir, 100, 1000, count_down, &last), STATUS_OK);
    assert_int_equal(last, 10);
    /* A crash between the two names: the newest is in the part before. */
    assert_int_equal(unlink(path), 0);
    reopen(f);
    struct evidence_head head;
    assert_true(evidence_heads_newest(f->heads, &head));
    assert_int_equal(head.size, 9 + many - 4);
}

static void head_of_an_archive_is_adopted(void **state)
{
    struct fixture *f = *state;
    char path[400];
    struct evidence_head head;
    reopen(f);
    append(f, 5);
    snprintf(path, sizeof path, "%s/" HEADS_FILE, f->dir);
    assert_int_equal(unlink(path), 0);
    reopen(f);
    assert_false(evidence_heads_newest(f->heads, &head));
    assert_int_equal(evidence_heads_adopt(f->heads), STATUS_OK);
    assert_true(evidence_heads_newest(f->heads, &head));
    assert_int_equal(head.size, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newest_head_is_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_end_is_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_before_the_end_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_are_walked_in_both_directions, setup, teardown),
        cmocka_unit_test_setup_teardown(head_of_an_archive_is_adopted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
