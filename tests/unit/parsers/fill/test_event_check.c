/* test_event_check.c: the limits of each field with a range, at both ends and beyond. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/fill/event_check.h"

static uint8_t bytes[1 << 20];
static struct event event;

static enum status check(const struct event_field_info *field, bool is_clean)
{
    const struct event_field_info *wrong = NULL;
    event_clear(&event);
    event_mark(&event, (enum event_field)(field - event_field_table));
    enum status status = event_check(&event, is_clean, &wrong);
    assert_ptr_equal(wrong, status == STATUS_OK ? NULL : field);
    return status;
}

static enum status check_number(const struct event_field_info *field, int64_t v)
{
    *event_int_at(&event, field) = v;
    enum status clean = check(field, true);
    assert_int_equal(check(field, false), clean);
    return clean;
}

static enum status check_size(const struct event_field_info *field, int64_t size)
{
    assert_true((size_t)size <= sizeof bytes);
    *event_slice_at(&event, field) = slice_make(bytes, (size_t)size);
    enum status clean = check(field, true);
    assert_int_equal(check(field, false), clean);
    return clean;
}

static void check_range(const struct event_field_info *field, int64_t min, int64_t max,
                        enum status (*one)(const struct event_field_info *, int64_t), int64_t least)
{
    assert_int_equal(one(field, min), STATUS_OK);
    if (field != &event_field_table[EVENT_severity_id])
        assert_int_equal(one(field, min / 2 + max / 2 + (min & max & 1)), STATUS_OK);
    assert_int_equal(one(field, max), STATUS_OK);
    if (min > least)
        assert_int_equal(one(field, min - 1), STATUS_OUT_OF_RANGE);
    if (max < INT64_MAX)
        assert_int_equal(one(field, max + 1), STATUS_OUT_OF_RANGE);
}

static void each_field_has_its_limits(void **state)
{
    (void)state;
    memset(bytes, 'a', sizeof bytes);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        switch (field->kind) {
        case EVENT_KIND_INT:
        case EVENT_KIND_BIG:
            check_range(field, field->min, field->max, check_number, INT64_MIN);
            break;
        case EVENT_KIND_BOOL:
            check_range(field, 0, 1, check_number, INT64_MIN);
            break;
        case EVENT_KIND_TIME:
            check_range(field, INT64_MIN, INT64_MAX, check_number, INT64_MIN);
            break;
        case EVENT_KIND_UUID:
            check_range(field, 16, 16, check_size, 0);
            break;
        case EVENT_KIND_TEXT:
        case EVENT_KIND_HEX:
        case EVENT_KIND_BASE64:
            if ((size_t)field->max < sizeof bytes)
                check_range(field, field->min, field->max, check_size, 0);
            break;
        default:
            break;
        }
    }
}

/* Of texts that nobody has looked at, the bytes are checked as well. */
static void texts_are_looked_at_unless_they_are_clean(void **state)
{
    (void)state;
    event.message = SLICE_LITERAL("a\xff");
    assert_int_equal(check(&event_field_table[EVENT_message], true), STATUS_OK);
    assert_int_equal(check(&event_field_table[EVENT_message], false), STATUS_INVALID_UTF8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_limits),
        cmocka_unit_test(texts_are_looked_at_unless_they_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
