#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/read/json/json_record.h"

static void *no_memory(const struct parser_context *context, size_t size)
{
    (void)context;
    (void)size;
    return NULL;
}

/* The caller's text ends with the call, the detail of a refusal is read after it. */
static void a_refusal_without_memory_keeps_no_text_of_its_caller(void **state)
{
    (void)state;
    const struct parser_context context = {.struct_size = sizeof context, .alloc = no_memory};
    struct parser_outcome outcome = {.result = PARSER_OK};
    char text[] = "a text is needed";
    json_record_refuse(&context, SLICE_LITERAL("ecu_id"), 7, RECORD_wrong_type, text, &outcome);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(outcome.result, PARSER_MALFORMED);
    assert_int_equal(outcome.offset, 7);
    assert_string_equal(outcome.code, "wrong_type");
    assert_string_equal(outcome.detail, "a value is not what it must be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_without_memory_keeps_no_text_of_its_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
