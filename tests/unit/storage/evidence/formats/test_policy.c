/* test_policy.c: policy files, what they ask of a checkpoint, and proofs that are checked by one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "evidence_keys.h"
#include "storage/evidence/formats/policy.h"
#include "storage/evidence/formats/tlog_proof.h"

#define LOG "example.com/log"

static struct writer text;

static int setup(void **state)
{
    (void)state;
    writer_init(&text, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_fini(&text);
    return 0;
}

/* Puts a policy file together: {log NAME} and {witness NAME} in it become verifier keys. */
static void fill(struct writer *w, const char *form)
{
    char name[100];
    while (*form) {
        const char *end = strchr(form, '}');
        if (*form != '{' || !end) {
            writer_bytes(w, form++, 1);
            continue;
        }
        bool log = strncmp(form, "{log ", 5) == 0;
        form += log ? 5 : 9;
        memcpy(name, form, (size_t)(end - form));
        name[end - form] = 0;
        write_verifier(w, name, log ? NOTE_ED25519 : NOTE_COSIGNATURE);
        form = end + 1;
    }
}

static struct policy *policy_of(const char *form)
{
    struct policy *policy = NULL;
    struct writer w;
    struct policy_fault fault = {99, NULL};
    writer_init(&w, 1 << 20);
    fill(&w, form);
    assert_int_equal(policy_parse(writer_slice(&w), &policy, &fault), STATUS_OK);
    assert_int_equal(fault.line, 0);
    writer_fini(&w);
    return policy;
}

#define TWO_LEVELS                                                                                 \
    "# who must have seen it\n\n"                                                                  \
    "log {log example.com/log}  https://log.example/\n"                                            \
    "\tlog {log example.com/second}\n"                                                             \
    "witness X1 {witness x1}\nwitness X2 {witness x2} https://x2.example/w\n"                      \
    "witness X3 {witness x3}\n group X 2 X1 X2 X3 \n"                                              \
    "witness Y1 {witness y1}\nwitness Y2 {witness y2}\ngroup Y any Y1 Y2\n"                        \
    "group X-and-Y all X Y\nquorum X-and-Y\n"

static void a_policy_is_read(void **state)
{
    (void)state;
    struct policy *p = policy_of(TWO_LEVELS);
    assert_int_equal(policy_logs(p), 2);
    assert_string_equal(policy_log(p, 1)->name, "example.com/second");
    assert_int_equal(policy_witnesses(p), 5);
    assert_string_equal(policy_witness_name(p, 1), "X2");
    assert_string_equal(policy_witness(p, 1)->name, "x2");
    assert_string_equal(policy_witness_url(p, 1), "https://x2.example/w");
    assert_null(policy_witness_url(p, 0));
    policy_destroy(p);
}

/* The status of a checkpoint that these witnesses (separated by spaces) have cosigned. */
static enum status verdict(const struct policy *p, const char *log, const char *witnesses,
                           struct policy_result *result)
{
    uint8_t root[32] = {9};
    struct note note;
    struct checkpoint head;
    writer_reset(&text);
    write_head(&text, log, 7, root);
    for (size_t size; *witnesses; witnesses += size + (witnesses[size] == ' ')) {
        char name[20] = "";
        size = strcspn(witnesses, " ");
        memcpy(name, witnesses, size);
        cosign(&text, 0, name, 1700000000);
    }
    assert_int_equal(note_parse(writer_slice(&text), &note), STATUS_OK);
    return policy_verify(p, &note, &head, result);
}

static void the_quorum_decides(void **state)
{
    (void)state;
    struct policy_result result;
    struct policy *p = policy_of(TWO_LEVELS);
    assert_int_equal(verdict(p, LOG, "x1 x3 y2", &result), STATUS_OK);
    assert_int_equal(result.cosigned, 3);
    assert_ptr_equal(result.log, policy_log(p, 0));
    assert_int_equal(result.times_s[0], 1700000000);
    assert_int_equal(result.times_s[1], 0);
    assert_int_equal(verdict(p, "example.com/second", "x1 x2 x3 y1 y2", NULL), STATUS_OK);
    assert_int_equal(verdict(p, LOG, "x1 x2 x3", NULL), STATUS_UNAVAILABLE);
    assert_int_equal(verdict(p, LOG, "x1 y1 y2", NULL), STATUS_UNAVAILABLE);
    assert_int_equal(verdict(p, LOG, "x1 x1 y1", NULL), STATUS_UNAVAILABLE);
    assert_int_equal(verdict(p, LOG, "z1 z2 z3 y1", NULL), STATUS_UNAVAILABLE);
    assert_int_equal(verdict(p, "example.com/unknown", "x1 x2 y1", NULL), STATUS_NOT_FOUND);
    policy_destroy(p);
    p = policy_of("log {log example.com/log}\nquorum none\n");
    assert_int_equal(verdict(p, LOG, "", NULL), STATUS_OK);
    policy_destroy(p);
    p = policy_of("log {log example.com/log}\nwitness a {witness x1}\nquorum a");
    assert_int_equal(verdict(p, LOG, "", NULL), STATUS_UNAVAILABLE);
    assert_int_equal(verdict(p, LOG, "x1", NULL), STATUS_OK);
    policy_destroy(p);
}

static void a_log_may_not_sign_for_another_origin(void **state)
{
    (void)state;
    uint8_t root[32] = {0};
    struct note note;
    struct checkpoint head = {SLICE_LITERAL("example.com/second"), 1, {0}, SLICE_EMPTY};
    struct note_secret log = secret_of(LOG, NOTE_ED25519);
    struct note_signer signer = note_signer_of(&log);
    struct policy *p = policy_of("log {log example.com/log}\nlog {log example.com/second}\n"
                                 "quorum none\n");
    memcpy(head.root, root, sizeof root);
    assert_int_equal(checkpoint_sign(&text, &head, &signer, 1), STATUS_OK);
    assert_int_equal(note_parse(writer_slice(&text), &note), STATUS_OK);
    assert_int_equal(policy_verify(p, &note, &head, NULL), STATUS_NOT_FOUND);
    policy_destroy(p);
}

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        enum status status;
        size_t line;
    } cases[] = {
        {"", STATUS_NOT_FOUND, 0},
        {"log {log a}\n", STATUS_NOT_FOUND, 0},
        {"quorum none\nquorum none\n", STATUS_CONFLICT, 2},
        {"quorum a\n", STATUS_NOT_FOUND, 1},
        {"quorum\n", STATUS_MALFORMED, 1},
        {"\nlog\n", STATUS_MALFORMED, 2},
        {"log {log a} b c\n", STATUS_MALFORMED, 1},
        {"log {log a}\nlog {log a}\n", STATUS_CONFLICT, 2},
        {"log {witness a}\n", STATUS_UNSUPPORTED, 1},
        {"witness a {log a}\n", STATUS_UNSUPPORTED, 1},
        {"witness a {witness a}\nwitness b {witness a}\n", STATUS_CONFLICT, 2},
        {"witness a {witness a}\nwitness a {witness b}\n", STATUS_CONFLICT, 2},
        {"witness none {witness a}\n", STATUS_CONFLICT, 1},
        {"witness a\n", STATUS_MALFORMED, 1},
        {"witness a b\n", STATUS_MALFORMED, 1},
        {"witness a {witness a}\ngroup g 1\n", STATUS_MALFORMED, 2},
        {"witness a {witness a}\ngroup g 0 a\n", STATUS_MALFORMED, 2},
        {"witness a {witness a}\ngroup g 2 a\n", STATUS_MALFORMED, 2},
        {"witness a {witness a}\ngroup g 01 a\n", STATUS_MALFORMED, 2},
        {"witness a {witness a}\ngroup g 1 b\n", STATUS_NOT_FOUND, 2},
        {"witness a {witness a}\ngroup g 1 none\n", STATUS_NOT_FOUND, 2},
        {"witness a {witness a}\ngroup g 1 g\n", STATUS_NOT_FOUND, 2},
        {"witness a {witness a}\ngroup g 1 a a\n", STATUS_CONFLICT, 2},
        {"witness a {witness a}\ngroup a 1 a\n", STATUS_CONFLICT, 2},
        {"witness a {witness a}\ngroup g 1 a\ngroup h 1 a\n", STATUS_CONFLICT, 3},
        {"what is it\n", STATUS_MALFORMED, 1},
        {"\n\nquorum none\r\n", STATUS_MALFORMED, 3},
        {"witness a\u2028 {witness a}\nquorum none\n", STATUS_MALFORMED, 1},
        {"# \xff\nquorum none\n", STATUS_INVALID_UTF8, 0},
        {"log {log a} # ours\nquorum none\n", STATUS_MALFORMED, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = NULL;
        struct policy_fault fault = {99, NULL};
        writer_reset(&text);
        fill(&text, cases[i].form);
        assert_int_equal(policy_parse(writer_slice(&text), &p, &fault), cases[i].status);
        assert_int_equal(fault.line, cases[i].line);
        assert_true(strlen(fault.why) > 0);
        assert_null(p);
    }
}

static void thirty_two_of_each_fit(void **state)
{
    (void)state;
    char line[200];
    struct policy *p;
    struct writer form;
    writer_init(&form, 1 << 20);
    for (int i = 0; i < 32; i++) {
        snprintf(line, sizeof line, "log {log l%d}\nwitness w%d {witness w%d}\ngroup g%d 1 w%d\n",
                 i, i, i, i, i);
        writer_text(&form, line);
    }
    writer_text(&form, "quorum g31\n");
    writer_u8(&form, 0);
    p = policy_of((const char *)form.data);
    assert_int_equal(policy_logs(p), 32);
    assert_int_equal(policy_witnesses(p), 32);
    writer_fini(&form);
    policy_destroy(p);
}

/* A tree of two leaves, the proof of the second one. */
static void write_proof(struct writer *w, const uint8_t leaf[32], const struct slice *extra)
{
    struct tlog_proof proof = {.index = 1, .path = {.count = 1}};
    uint8_t root[32];
    struct writer head;
    merkle_leaf_hash(SLICE_LITERAL("first"), proof.path.hashes[0]);
    merkle_node_hash(proof.path.hashes[0], leaf, root);
    writer_init(&head, 10000);
    write_head(&head, LOG, 2, root);
    cosign(&head, 0, "x1", 1700000000);
    proof.note = writer_slice(&head);
    tlog_proof_write(w, &proof, extra);
    assert_int_equal(w->status, STATUS_OK);
    writer_fini(&head);
}

static void a_proof_is_read_and_verified(void **state)
{
    (void)state;
    uint8_t leaf[32], other[32];
    struct slice extra = SLICE_LITERAL("abc");
    struct tlog_proof proof;
    struct checkpoint head;
    struct policy *p = policy_of("log {log example.com/log}\nwitness a {witness x1}\nquorum a\n");
    merkle_leaf_hash(SLICE_LITERAL("second"), leaf);
    merkle_leaf_hash(SLICE_LITERAL("third"), other);
    write_proof(&text, leaf, &extra);
    assert_true(
        slice_starts_with(writer_slice(&text), "c2sp.org/tlog-proof@v1\nextra YWJj\nindex 1\n"));
    assert_int_equal(tlog_proof_parse(writer_slice(&text), &proof), STATUS_OK);
    assert_true(proof.has_extra && slice_equal_text(proof.extra_base64, "YWJj"));
    assert_int_equal(proof.index, 1);
    assert_int_equal(tlog_proof_verify(&proof, leaf, p, &head), STATUS_OK);
    assert_int_equal(head.size, 2);
    assert_int_equal(tlog_proof_verify(&proof, other, p, NULL), STATUS_REFUSED);
    proof.index = 0;
    assert_int_equal(tlog_proof_verify(&proof, leaf, p, NULL), STATUS_REFUSED);
    policy_destroy(p);
    p = policy_of("log {log example.com/log}\nwitness a {witness x2}\nquorum a\n");
    assert_int_equal(tlog_proof_verify(&proof, leaf, p, NULL), STATUS_UNAVAILABLE);
    policy_destroy(p);
}

/* A proof has no byte that does not count, but for the opaque extra bytes. */
static void a_proof_with_any_changed_byte_fails(void **state)
{
    (void)state;
    uint8_t leaf[32];
    struct tlog_proof proof;
    struct policy *p = policy_of("log {log example.com/log}\nwitness a {witness x1}\nquorum a\n");
    merkle_leaf_hash(SLICE_LITERAL("second"), leaf);
    write_proof(&text, leaf, NULL);
    for (size_t i = 0; i < text.size; i++) {
        text.data[i] ^= 1;
        assert_true(tlog_proof_parse(writer_slice(&text), &proof) != STATUS_OK ||
                    tlog_proof_verify(&proof, leaf, p, NULL) != STATUS_OK);
        text.data[i] ^= 1;
    }
    for (size_t cut = 0; cut < text.size; cut++)
        assert_true(tlog_proof_parse(slice_make(text.data, cut), &proof) != STATUS_OK ||
                    tlog_proof_verify(&proof, leaf, p, NULL) != STATUS_OK);
    policy_destroy(p);
}

static void other_proofs_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nextra YW\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nextra YQ==\nextra YQ==\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nYQ==\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\nno note\n",
    };
    struct tlog_proof proof;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(tlog_proof_parse(slice_from_text(bad[i]), &proof), STATUS_MALFORMED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_policy_is_read),
        TEST(the_quorum_decides),
        TEST(a_log_may_not_sign_for_another_origin),
        TEST(mistakes_are_told_with_their_line),
        TEST(thirty_two_of_each_fit),
        TEST(a_proof_is_read_and_verified),
        TEST(a_proof_with_any_changed_byte_fails),
        TEST(other_proofs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
