/* test_last_head.c: the head in a second place: what continues it, and what does not; and a tree
 * that begins anew. */
#include "tests/support/spool_fixture.h"

#include "storage/evidence/last_head.h"
#include "storage/evidence/restart.h"

struct fixture {
    char dir[300], place[400], tree_dir[400];
    struct evidence_tree *tree;
    struct note_secret secret, other;
    struct last_head head;
    struct problem problem;
};

static int setup(void **state)
{
    static struct fixture fixture;
    const uint8_t seed[NOTE_SEED_BYTES] = {7}, other[NOTE_SEED_BYTES] = {8};
    memset(&fixture, 0, sizeof fixture);
    log_configure(LOG_ERROR + 1, LOG_PLAIN);
    snprintf(fixture.dir, sizeof fixture.dir, "/dev/shm/vsoc-last-XXXXXX");
    *state = &fixture;
    if (!mkdtemp(fixture.dir))
        return -1;
    snprintf(fixture.place, sizeof fixture.place, "%s/elsewhere", fixture.dir);
    snprintf(fixture.tree_dir, sizeof fixture.tree_dir, "%s/tree", fixture.dir);
    last_head_init(&fixture.head, fixture.place, 1);
    return mkdir(fixture.tree_dir, 0750) == 0 &&
                   evidence_tree_open(fixture.tree_dir, true, &fixture.tree) == STATUS_OK &&
                   note_secret_make(SLICE_LITERAL("log"), NOTE_ED25519, seed, &fixture.secret) ==
                       STATUS_OK &&
                   note_secret_make(SLICE_LITERAL("log"), NOTE_ED25519, other, &fixture.other) ==
                       STATUS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    last_head_fini(&f->head);
    evidence_tree_close(f->tree);
    fixture_remove_tree(f->dir);
    return 0;
}

/* Leaves of this kind up to size: trees of two kinds have nothing in common. */
static void grow(struct fixture *f, uint64_t size, uint8_t kind)
{
    uint8_t leaf[MERKLE_HASH_BYTES] = {kind};
    assert_int_equal(evidence_tree_cut(f->tree, 0), STATUS_OK);
    for (uint64_t n = 0; n < size; n++) {
        leaf[1] = (uint8_t)n;
        assert_int_equal(evidence_tree_append(f->tree, leaf), STATUS_OK);
    }
    assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
}

static void sign(struct fixture *f, const struct note_secret *secret, const char *origin)
{
    struct writer note;
    struct problem problem;
    struct checkpoint checkpoint = {.origin = slice_from_text(origin),
                                    .size = evidence_tree_size(f->tree)};
    struct note_signer signer = note_signer_of(secret);
    evidence_tree_top(f->tree, checkpoint.root);
    writer_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&note, &checkpoint, &signer, 1), STATUS_OK);
    assert_int_equal(last_head_write(&f->head, writer_slice(&note), &problem), STATUS_OK);
    writer_reset(&f->head.seen); /* as after a restart */
    writer_fini(&note);
}

static enum status check(struct fixture *f)
{
    return last_head_check(&f->head, &f->secret.verifier, f->tree, evidence_tree_size(f->tree),
                           &f->problem);
}

static void tree_that_goes_on_is_accepted(void **state)
{
    struct fixture *f = *state;
    grow(f, 5, 'a');
    assert_int_equal(check(f), STATUS_OK); /* nothing is there yet */
    sign(f, &f->secret, "log");
    assert_int_equal(check(f), STATUS_OK);
    grow(f, 300, 'a');
    assert_int_equal(check(f), STATUS_OK);
    assert_int_equal(check(f), STATUS_OK); /* known already */
}

static void smaller_tree_is_refused(void **state)
{
    struct fixture *f = *state;
    grow(f, 5, 'a');
    sign(f, &f->secret, "log");
    grow(f, 4, 'a');
    assert_int_equal(check(f), STATUS_REFUSED);
    assert_non_null(strstr(f->problem.text, "restart-tree"));
}

static void fork_is_refused_however_large(void **state)
{
    struct fixture *f = *state;
    grow(f, 5, 'a');
    sign(f, &f->secret, "log");
    for (uint64_t size = 5; size < 700; size += 173) {
        grow(f, size, 'b');
        assert_int_equal(check(f), STATUS_REFUSED);
    }
}

static void what_is_no_head_of_ours_is_refused(void **state)
{
    struct fixture *f = *state;
    grow(f, 5, 'a');
    sign(f, &f->other, "log"); /* another key */
    assert_int_equal(check(f), STATUS_REFUSED);
    sign(f, &f->secret, "another");
    assert_int_equal(check(f), STATUS_REFUSED);
    fixture_store(f->place, "not a note\n", 11);
    assert_int_equal(check(f), STATUS_REFUSED);
    fixture_store(f->place, "", 0); /* nothing is there */
    assert_int_equal(check(f), STATUS_OK);
}

static void place_that_cannot_be_read_is_waited_for(void **state)
{
    struct fixture *f = *state;
    grow(f, 5, 'a');
    assert_int_equal(mkdir(f->place, 0750), 0);
    assert_int_equal(check(f), STATUS_IO);
}

static void origins_of_generations_are_distinguished(void **state)
{
    char origin[NOTE_NAME_BYTES_MAX + 1];
    (void)state;
    assert_int_equal(evidence_restart_origin("log", 1, origin), STATUS_OK);
    assert_string_equal(origin, "log");
    assert_int_equal(evidence_restart_origin("log", 3, origin), STATUS_OK);
    assert_string_equal(origin, "log/3");
    assert_true(evidence_restart_is_earlier("log/3", 3, SLICE_LITERAL("log")));
    assert_true(evidence_restart_is_earlier("log/3", 3, SLICE_LITERAL("log/2")));
    assert_false(evidence_restart_is_earlier("log/3", 3, SLICE_LITERAL("log/3")));
    assert_false(evidence_restart_is_earlier("log/3", 3, SLICE_LITERAL("log/4")));
    assert_false(evidence_restart_is_earlier("log/3", 3, SLICE_LITERAL("other")));
    assert_false(evidence_restart_is_earlier("log", 1, SLICE_LITERAL("log")));
    memset(origin, 'x', sizeof origin);
    origin[NOTE_NAME_BYTES_MAX] = '\0';
    char copy[NOTE_NAME_BYTES_MAX + 1];
    assert_int_equal(evidence_restart_origin(origin, 2, copy), STATUS_MALFORMED);
}

static void restart_keeps_the_beginning_and_the_old_tree(void **state)
{
    struct fixture *f = *state;
    struct evidence_restart restart, read;
    uint8_t root[MERKLE_HASH_BYTES];
    char path[500];
    size_t size;
    grow(f, 300, 'a');
    assert_int_equal(evidence_restart(f->dir, 7, "x", &restart, &f->problem), STATUS_LOCKED);
    evidence_tree_close(f->tree);
    f->tree = NULL;
    assert_int_equal(evidence_restart_read(f->dir, &read), STATUS_OK);
    assert_int_equal(read.generation, 1);
    assert_int_equal(evidence_restart(f->dir, 7, "a reason\nof two lines", &restart, &f->problem),
                     STATUS_OK);
    assert_int_equal(evidence_restart_read(f->dir, &read), STATUS_OK);
    assert_int_equal(read.generation, 2);
    assert_int_equal(read.size, 7);
    assert_string_equal(read.reason, "a reason");
    assert_int_equal(evidence_tree_open(f->tree_dir, true, &f->tree), STATUS_OK);
    assert_int_equal(evidence_tree_cut(f->tree, 7), STATUS_OK);
    evidence_tree_top(f->tree, root);
    assert_memory_equal(root, read.root, sizeof root);
    snprintf(path, sizeof path, "%s/before-2/tree/level0", f->dir);
    free(fixture_load(path, &size));
    assert_int_equal(size, 300 * MERKLE_HASH_BYTES);
    snprintf(path, sizeof path, "%s/generation", f->dir);
    fixture_store(path, "2\n7\nnonsense\n", 13);
    assert_int_equal(evidence_restart_read(f->dir, &read), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tree_that_goes_on_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(smaller_tree_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(fork_is_refused_however_large, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_head_of_ours_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(place_that_cannot_be_read_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(origins_of_generations_are_distinguished, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_keeps_the_beginning_and_the_old_tree, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
