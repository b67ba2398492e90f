/* test_note.c: signed notes and their keys: vectors of Go's sumdb/note and of c2sp.org/signed-note.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "storage/evidence/formats/note.h"

#define PETER_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SECRET                                                                               \
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define ENOCH_KEY "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define TEXT                                                                                       \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define PETER_LINE                                                                                  \
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR" \
    "Zb6KE6RyyBwJnAM=\n"
#define ENOCH_LINE                                                                                 \
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox" \
    "33WWd1RvMc+QQ=\n"

static struct note_verifier verifier_of(const char *text)
{
    struct note_verifier v;
    assert_int_equal(note_verifier_parse(slice_from_text(text), &v), STATUS_OK);
    return v;
}

static void a_verifier_key_is_read_and_written_again(void **state)
{
    (void)state;
    struct writer w;
    struct note_verifier v = verifier_of(PETER_KEY);
    assert_string_equal(v.name, "PeterNeumann");
    assert_int_equal(v.id, 0xc74f20a3);
    assert_int_equal(v.algorithm, NOTE_ED25519);
    writer_init(&w, 1000);
    note_verifier_write(&w, &v);
    assert_true(slice_equal(writer_slice(&w), slice_from_text(PETER_KEY)));
    writer_fini(&w);
}

static void wrong_verifier_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {"", STATUS_MALFORMED},
        {"PeterNeumann+c74f20a3", STATUS_MALFORMED},
        {"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_MALFORMED},
        {"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_MALFORMED},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", STATUS_MALFORMED},
        {"PeterNeumann+c74f20a3\n+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_MALFORMED},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n", STATUS_MALFORMED},
        {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_CONFLICT},
        {"QeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_CONFLICT},
        {"PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
         STATUS_MALFORMED},
        {"PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct note_verifier v;
        assert_int_equal(note_verifier_parse(slice_from_text(cases[i].text), &v), cases[i].status);
    }
}

static void names_with_spaces_of_any_script_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "a b",          "a+b",          "a\tb",
                                      "a\xC2\xA0", "\xE3\x80\x80", "\xE2\x80\x83", "\xE1\x9A\x80",
                                      "a\xFF",     "\xC2\x85",     "a\x01"};
    static const char *const good[] = {"a", "example.com/log", "Zo\xC3\xAB", "\xE2\x80\x8B"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(note_name_is_valid(slice_from_text(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(note_name_is_valid(slice_from_text(good[i])));
    char name[NOTE_NAME_BYTES_MAX + 1];
    memset(name, 'a', sizeof name);
    assert_true(note_name_is_valid(slice_make(name, NOTE_NAME_BYTES_MAX)));
    assert_false(note_name_is_valid(slice_make(name, sizeof name)));
}

static void a_signing_key_gives_its_verifier_and_the_signature_of_go(void **state)
{
    (void)state;
    struct note_secret secret;
    struct note_verifier peter = verifier_of(PETER_KEY);
    struct writer w;
    assert_int_equal(note_secret_parse(SLICE_LITERAL(PETER_SECRET "\n"), &secret), STATUS_OK);
    assert_true(note_verifier_equal(&secret.verifier, &peter));
    struct note_signer signer = note_signer_of(&secret);
    writer_init(&w, 2000);
    assert_int_equal(note_write(&w, SLICE_LITERAL(TEXT), &signer, 1), STATUS_OK);
    assert_true(slice_equal(writer_slice(&w), SLICE_LITERAL(TEXT "\n" PETER_LINE)));
    writer_reset(&w);
    note_secret_write(&w, &secret);
    assert_true(slice_equal(writer_slice(&w), SLICE_LITERAL(PETER_SECRET)));
    writer_fini(&w);
}

static void a_note_of_two_signers_is_verified(void **state)
{
    (void)state;
    struct note note;
    struct note_seal seal;
    struct note_verifier peter = verifier_of(PETER_KEY), enoch = verifier_of(ENOCH_KEY);
    struct slice bytes = SLICE_LITERAL(TEXT "\n" PETER_LINE ENOCH_LINE);
    assert_int_equal(note_parse(bytes, &note), STATUS_OK);
    assert_int_equal(note.count, 2);
    assert_true(slice_equal(note.text, SLICE_LITERAL(TEXT)));
    assert_int_equal(note_verify(&note, &peter, NULL), STATUS_OK);
    assert_int_equal(note_verify(&note, &enoch, &seal), STATUS_OK);
    assert_true(slice_equal(seal.line, SLICE_LITERAL(ENOCH_LINE)));
    peter.id ^= 1;
    assert_int_equal(note_verify(&note, &peter, NULL), STATUS_NOT_FOUND);
}

static void any_changed_byte_of_text_is_found(void **state)
{
    (void)state;
    struct note note;
    struct note_verifier peter = verifier_of(PETER_KEY);
    char bytes[] = TEXT "\n" PETER_LINE;
    for (size_t i = 0; i < strlen(TEXT); i++) {
        bytes[i] ^= 1;
        if (note_parse(slice_from_text(bytes), &note) == STATUS_OK)
            assert_int_not_equal(note_verify(&note, &peter, NULL), STATUS_OK);
        bytes[i] ^= 1;
    }
}

static void one_wrong_signature_of_a_key_refuses_the_note(void **state)
{
    (void)state;
    struct note note;
    struct note_verifier peter = verifier_of(PETER_KEY);
    char other[] = PETER_LINE;
    char bytes[1000];
    other[60] = other[60] == 'A' ? 'B' : 'A';
    snprintf(bytes, sizeof bytes, "%s\n%s%s", TEXT, PETER_LINE, other);
    assert_int_equal(note_parse(slice_from_text(bytes), &note), STATUS_OK);
    assert_int_equal(note_verify(&note, &peter, NULL), STATUS_REFUSED);
}

static void what_is_no_note_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        TEXT,
        TEXT "\n",
        TEXT PETER_LINE,
        TEXT "\n" PETER_LINE "x",
        TEXT "\n\n" PETER_LINE "\n",
        TEXT "\n- PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgY=\n",
        TEXT "\n— PeterNeumann\n",
        TEXT "\n— PeterNeumann \n",
        TEXT "\n—  x08go/ZJkuBS9UG=\n",
        TEXT "\n— Peter+Neumann x08go/ZJkuBS9UG/\n",
        TEXT "\n— PeterNeumann x08goA==\n",       /* an identifier alone */
        TEXT "\n— PeterNeumann x08go/ZJkuBS9U\n", /* base64 that is cut */
        TEXT "\n— PeterNeumann x08go/ZJkuBS9U_-\n",
        "tab\tin it\n\n" PETER_LINE,
        "bell \x07\n\n" PETER_LINE,
    };
    struct note note;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(note_parse(slice_from_text(bad[i]), &note), STATUS_MALFORMED);
    assert_int_equal(note_parse(SLICE_LITERAL("\xFF\n\n" PETER_LINE), &note), STATUS_INVALID_UTF8);
}

static void text_may_have_empty_lines(void **state)
{
    (void)state;
    struct note note;
    assert_int_equal(note_parse(SLICE_LITERAL("a\n\nb\n\n" PETER_LINE), &note), STATUS_OK);
    assert_true(slice_equal(note.text, SLICE_LITERAL("a\n\nb\n")));
}

static void signatures_and_bytes_are_limited(void **state)
{
    (void)state;
    struct note note;
    struct writer w;
    writer_init(&w, NOTE_BYTES_MAX + 100);
    writer_text(&w, TEXT "\n");
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++)
        writer_text(&w, PETER_LINE);
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_OK);
    assert_int_equal(note_add_signatures(SLICE_LITERAL(PETER_LINE), &note), STATUS_TOO_MANY);
    assert_int_equal(note.count, NOTE_SIGNATURES_MAX);
    writer_text(&w, PETER_LINE);
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_TOO_MANY);
    while (w.size <= NOTE_BYTES_MAX)
        writer_u8(&w, 'a');
    assert_int_equal(note_parse(writer_slice(&w), &note), STATUS_TOO_LARGE);
    writer_fini(&w);
}

static void lines_of_a_witness_go_behind_those_of_the_note(void **state)
{
    (void)state;
    struct note note;
    struct note_verifier enoch = verifier_of(ENOCH_KEY);
    assert_int_equal(note_parse(SLICE_LITERAL(TEXT "\n" PETER_LINE), &note), STATUS_OK);
    assert_int_equal(note_add_signatures(SLICE_LITERAL(""), &note), STATUS_MALFORMED);
    assert_int_equal(note_add_signatures(SLICE_LITERAL("hello\n"), &note), STATUS_MALFORMED);
    assert_int_equal(note.count, 1);
    assert_int_equal(note_add_signatures(SLICE_LITERAL(ENOCH_LINE), &note), STATUS_OK);
    assert_int_equal(note_verify(&note, &enoch, NULL), STATUS_OK);
}

static enum status refuse(void *arg, struct slice message, uint8_t signature[64])
{
    (void)arg;
    (void)message;
    (void)signature;
    return STATUS_REFUSED;
}

static void nothing_is_written_when_the_signer_refuses(void **state)
{
    (void)state;
    struct note_verifier peter = verifier_of(PETER_KEY);
    struct note_signer signer = {&peter, refuse, NULL};
    struct writer w;
    writer_init(&w, 2000);
    writer_text(&w, "before");
    assert_int_equal(note_write(&w, SLICE_LITERAL(TEXT), &signer, 1), STATUS_REFUSED);
    assert_int_equal(note_sign(&w, SLICE_LITERAL("no line end"), &signer, 0), STATUS_MALFORMED);
    assert_true(slice_equal(writer_slice(&w), SLICE_LITERAL("before")));
    writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_key_is_read_and_written_again),
        cmocka_unit_test(wrong_verifier_keys_are_refused),
        cmocka_unit_test(names_with_spaces_of_any_script_are_refused),
        cmocka_unit_test(a_signing_key_gives_its_verifier_and_the_signature_of_go),
        cmocka_unit_test(a_note_of_two_signers_is_verified),
        cmocka_unit_test(any_changed_byte_of_text_is_found),
        cmocka_unit_test(one_wrong_signature_of_a_key_refuses_the_note),
        cmocka_unit_test(what_is_no_note_is_refused),
        cmocka_unit_test(text_may_have_empty_lines),
        cmocka_unit_test(signatures_and_bytes_are_limited),
        cmocka_unit_test(lines_of_a_witness_go_behind_those_of_the_note),
        cmocka_unit_test(nothing_is_written_when_the_signer_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
