#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "storage/evidence/signer/sign_wire.h"

#define ZEROS_86                                                                                   \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static enum status parse(const char *text, struct sign_answer *answer)
{
    return sign_answer_parse(slice_from_text(text), answer);
}

static void each_answer_reads_as_it_was_written(void **state)
{
    struct sign_answer answers[] = {
        {.kind = SIGN_ANSWER_KEY, .text = SLICE_LITERAL("log+00000000+AQ==")},
        {.kind = SIGN_ANSWER_SIGNATURE, .signature = {1, 2, 3, [63] = 255}},
        {.kind = SIGN_ANSWER_SIZE, .size = 1234567890123456789},
        {.kind = SIGN_ANSWER_SIZE, .size = 0},
        {.kind = SIGN_ANSWER_REFUSED, .text = SLICE_LITERAL("the tree was forked")},
        {.kind = SIGN_ANSWER_FAILED, .text = SLICE_LITERAL("no space")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct sign_answer read = {.kind = SIGN_ANSWER_KEY};
        struct writer w;
        writer_init(&w, 4096);
        sign_answer_write(&w, &answers[i]);
        assert_int_equal(sign_answer_parse(writer_slice(&w), &read), STATUS_OK);
        assert_int_equal(read.kind, answers[i].kind);
        assert_int_equal(read.size, answers[i].size);
        assert_memory_equal(read.signature, answers[i].signature, 64);
        assert_true(slice_equal(read.text, answers[i].text));
        writer_fini(&w);
    }
}

static void any_other_text_is_malformed(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "signature\n",
        "signature AAAA\n",
        "size \n",
        "size 01\n",
        "size 1",
        "size -1\n",
        "size 99999999999999999999\n",
        "size 1\n\n",
        "refused \n",
        "refused a\nb\n",
        "refused \xff\n",
        "other x\n",
        "key \n",
        "signature " ZEROS_86 "A=\n",
        "signature " ZEROS_86 "\n",
    };
    struct sign_answer answer;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (parse(texts[i], &answer) != STATUS_MALFORMED)
            fail_msg("'%s' is taken", texts[i]);
    assert_int_equal(parse("signature " ZEROS_86 "==\n", &answer), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_reads_as_it_was_written),
        cmocka_unit_test(any_other_text_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
