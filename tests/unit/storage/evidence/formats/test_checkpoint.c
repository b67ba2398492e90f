/* test_checkpoint.c: texts of tree heads, cosignatures over them, and the request to a witness. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "evidence_keys.h"
#include "storage/evidence/formats/add_checkpoint.h"
#include "storage/evidence/formats/cosignature.h"

/* The example of c2sp.org/tlog-checkpoint. */
#define BODY                                                                                       \
    "example.com/behind-the-sofa\n"                                                                \
    "20852163\n"                                                                                   \
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define HEAD                                                                                       \
    BODY "\n— example.com/behind-the-sofa "                                                      \
         "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMc"   \
         "TOAYQ8=\n"

static void the_example_is_read_and_written(void **state)
{
    (void)state;
    struct note note;
    struct checkpoint head;
    struct writer w;
    assert_int_equal(note_parse(SLICE_LITERAL(HEAD), &note), STATUS_OK);
    assert_int_equal(checkpoint_parse(note.text, &head), STATUS_OK);
    assert_true(slice_equal_text(head.origin, "example.com/behind-the-sofa"));
    assert_int_equal(head.size, 20852163);
    assert_int_equal(head.root[0], 0x0a);
    assert_int_equal(head.root[31], 0x62);
    assert_int_equal(head.extensions.size, 0);
    writer_init(&w, 1000);
    checkpoint_write(&w, &head);
    assert_true(slice_equal(writer_slice(&w), SLICE_LITERAL(BODY)));
    writer_fini(&w);
}

static void extension_lines_are_kept(void **state)
{
    (void)state;
    struct checkpoint head;
    struct writer w;
    struct slice text = SLICE_LITERAL(BODY "one\ntwo three\n");
    assert_int_equal(checkpoint_parse(text, &head), STATUS_OK);
    assert_true(slice_equal(head.extensions, SLICE_LITERAL("one\ntwo three\n")));
    writer_init(&w, 1000);
    checkpoint_write(&w, &head);
    assert_true(slice_equal(writer_slice(&w), text));
    writer_fini(&w);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    static const char *const bad[] = {
        "",
        "a\n1\n",
        "a\n1\n" ROOT,
        "\n1\n" ROOT "\n",
        "a\n01\n" ROOT "\n",
        "a\n+1\n" ROOT "\n",
        "a\n1 \n" ROOT "\n",
        "a\n-1\n" ROOT "\n",
        "a\n9223372036854775808\n" ROOT "\n",
        "a\n1\n" ROOT "=\n",
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", /* bits that are lost */
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
        "a\n1\n" ROOT "\n\n",
        "a\n1\n" ROOT "\next\n\n",
        "a\n1\n" ROOT "\next",
    };
    struct checkpoint head;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(checkpoint_parse(slice_from_text(bad[i]), &head), STATUS_MALFORMED);
}

static void a_head_opens_with_the_key_of_its_log_only(void **state)
{
    (void)state;
    uint8_t root[32] = {1, 2, 3};
    struct note_secret log = secret_of("example.com/log", NOTE_ED25519),
                       other = secret_of("example.com/other", NOTE_ED25519), thief = other;
    struct note note;
    struct checkpoint head;
    struct writer w;
    writer_init(&w, 2000);
    write_head(&w, "example.com/log", 5, root);
    assert_int_equal(checkpoint_open(writer_slice(&w), &log.verifier, &note, &head), STATUS_OK);
    assert_int_equal(head.size, 5);
    assert_int_equal(checkpoint_open(writer_slice(&w), &other.verifier, &note, &head),
                     STATUS_CONFLICT);
    /* Signed by another key that says it is this log's. */
    assert_int_equal(
        note_secret_make(SLICE_LITERAL("example.com/log"), NOTE_ED25519, other.seed, &thief),
        STATUS_OK);
    assert_int_equal(checkpoint_open(writer_slice(&w), &thief.verifier, &note, &head),
                     STATUS_NOT_FOUND);
    thief.verifier.id = log.verifier.id;
    assert_int_equal(checkpoint_open(writer_slice(&w), &thief.verifier, &note, &head),
                     STATUS_REFUSED);
    writer_fini(&w);
}

static void a_cosignature_says_when_and_covers_the_text(void **state)
{
    (void)state;
    uint8_t root[32] = {7};
    struct note_secret witness = secret_of("witness.example/w1", NOTE_COSIGNATURE);
    struct note note;
    struct note_seal seal;
    struct writer w;
    writer_init(&w, 4000);
    write_head(&w, "example.com/log", 5, root);
    cosign(&w, 0, "witness.example/w1", 1679315147);
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_OK);
    assert_int_equal(note_verify(&note, &witness.verifier, &seal), STATUS_OK);
    assert_int_equal(seal.time_s, 1679315147);
    cosign(&w, 0, "witness.example/w1", 1679315150);
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_OK);
    assert_int_equal(note_verify(&note, &witness.verifier, &seal), STATUS_OK);
    assert_int_equal(seal.time_s, 1679315150);
    w.data[0] = 'f';
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_OK);
    assert_int_equal(note_verify(&note, &witness.verifier, &seal), STATUS_REFUSED);
    writer_fini(&w);
}

static void the_message_of_a_cosignature_is_the_specifications(void **state)
{
    (void)state;
    struct note_secret witness = secret_of("w", NOTE_COSIGNATURE);
    struct note_verifier dsa = {.name = "w1", .algorithm = NOTE_COSIGNATURE_ML_DSA};
    struct writer w;
    writer_init(&w, 1000);
    assert_int_equal(
        cosignature_message(&w, &witness.verifier, SLICE_LITERAL(BODY "x\n"), 1679315147),
        STATUS_OK);
    assert_true(slice_equal(writer_slice(&w),
                            SLICE_LITERAL("cosignature/v1\ntime 1679315147\n" BODY "x\n")));
    writer_reset(&w);
    assert_int_equal(cosignature_message(&w, &dsa, SLICE_LITERAL(BODY "x\n"), 258),
                     STATUS_MALFORMED);
    assert_int_equal(cosignature_message(&w, &dsa, SLICE_LITERAL(BODY), 258), STATUS_OK);
    assert_int_equal(w.size, 12 + 3 + 8 + 28 + 8 + 8 + 32);
    assert_memory_equal(w.data, "subtree/v1\n\0\2w1\0\0\0\0\0\0\1\2\33example.com/behind", 42);
    assert_memory_equal(w.data + 51, "\0\0\0\0\0\0\0\0\0\0\0\0\1\76\55\303\n\xC5", 18);
    assert_int_equal(cosignature_message(&w, &witness.verifier, SLICE_LITERAL("no\n"), 1),
                     STATUS_MALFORMED);
    assert_int_equal(cosignature_message(&w, &witness.verifier, SLICE_LITERAL(BODY), UINT64_MAX),
                     STATUS_MALFORMED);
    writer_fini(&w);
}

static void a_request_to_a_witness_is_read_and_written(void **state)
{
    (void)state;
#define LINES                                                                                      \
    "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"                                 \
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    struct add_checkpoint request;
    struct slice bytes = SLICE_LITERAL(LINES "\n" HEAD);
    struct writer w;
    assert_int_equal(add_checkpoint_parse(bytes, &request), STATUS_OK);
    assert_int_equal(request.old_size, 20852014);
    assert_int_equal(request.path.count, 2);
    assert_true(slice_equal(request.note, SLICE_LITERAL(HEAD)));
    writer_init(&w, 2000);
    add_checkpoint_write(&w, &request);
    assert_true(slice_equal(writer_slice(&w), bytes));
    writer_fini(&w);
    assert_int_equal(add_checkpoint_parse(SLICE_LITERAL("old 0\n\n" HEAD), &request), STATUS_OK);
    assert_int_equal(request.path.count, 0);
}

static void other_requests_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "old",
                                      "old 1",
                                      "old 1\n",
                                      "old 01\n\n" HEAD,
                                      "old  1\n\n" HEAD,
                                      "Old 1\n\n" HEAD,
                                      "old 1 \n\n" HEAD,
                                      "old 9223372036854775808\n\n" HEAD,
                                      LINES,
                                      LINES "x\n\n" HEAD,
                                      "old 1\n" HEAD};
    struct add_checkpoint request;
    struct writer w;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(add_checkpoint_parse(slice_from_text(bad[i]), &request), STATUS_MALFORMED);
    writer_init(&w, 10000);
    writer_text(&w, "old 1\n");
    for (int i = 0; i < 63; i++)
        writer_text(&w, "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n");
    size_t end = w.size;
    writer_text(&w, "\n");
    assert_int_equal(add_checkpoint_parse(writer_slice(&w), &request), STATUS_OK);
    w.size = end;
    writer_text(&w, "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\n");
    assert_int_equal(add_checkpoint_parse(writer_slice(&w), &request), STATUS_TOO_MANY);
    writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read_and_written),
        cmocka_unit_test(extension_lines_are_kept),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_head_opens_with_the_key_of_its_log_only),
        cmocka_unit_test(a_cosignature_says_when_and_covers_the_text),
        cmocka_unit_test(the_message_of_a_cosignature_is_the_specifications),
        cmocka_unit_test(a_request_to_a_witness_is_read_and_written),
        cmocka_unit_test(other_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
