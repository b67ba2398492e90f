/* The body of a record of kind 3: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "storage/spool/retire/retirement.h"

static struct retirement example(void)
{
    struct retirement r = {.cause = RETIREMENT_ROOM,
                           .first = 11,
                           .last = 30,
                           .first_leaf = 10,
                           .leaves = 20,
                           .records = 20,
                           .events = 55,
                           .file_bytes = 70000,
                           .holds_checked = true,
                           .holds = 2,
                           .tree_size = 31};
    memset(r.root, 0xab, sizeof r.root);
    memset(r.chain_hash, 3, sizeof r.chain_hash);
    return r;
}

static void write_example(struct writer *w, const struct retirement *r)
{
    const struct retirement_head head = {{1}, 5, "vsocd-0"};
    writer_init(w, 4096);
    retirement_write(w, &head, r);
    assert_int_equal(w->status, STATUS_OK);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int cause = 0; cause < RETIREMENT_CAUSES; cause++) {
        struct retirement r = example(), read;
        struct writer w;
        r.cause = (enum retirement_cause)cause;
        r.holds_checked = cause > 0;
        r.holds = r.holds_checked ? 2 : 0;
        write_example(&w, &r);
        assert_int_equal(retirement_read(writer_slice(&w), &read), STATUS_OK);
        assert_memory_equal(&read, &r, sizeof r);
        writer_fini(&w);
    }
}

static void kind_and_severity_follow_the_cause(void **state)
{
    (void)state;
    struct retirement r = example();
    struct writer w;
    write_example(&w, &r);
    writer_u8(&w, '\0');
    assert_non_null(strstr((char *)w.data, "\"kind\":\"evidence_evicted\",\"severity_id\":4"));
    writer_fini(&w);
    r.cause = RETIREMENT_AGE;
    write_example(&w, &r);
    writer_u8(&w, '\0');
    assert_non_null(strstr((char *)w.data, "\"kind\":\"evidence_retired\",\"severity_id\":1"));
    assert_non_null(strstr((char *)w.data, "\"reason\":\"age\""));
    writer_fini(&w);
}

/* Under another name, a member is missing. */
static void object_without_a_member_is_refused(void **state)
{
    static const char *const names[] = {"reason", "from_position", "to_position", "first_leaf",
                                        "leaves", "records",       "events",      "bytes",
                                        "holds",  "tree_size",     "root",        "chain_hash"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct retirement r = example(), read;
        struct writer w;
        char quoted[32];
        write_example(&w, &r);
        writer_u8(&w, '\0');
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i]);
        strstr((char *)w.data, quoted)[1] = 'X';
        assert_int_equal(retirement_read(slice_make(w.data, w.size - 1), &read), STATUS_MALFORMED);
        writer_fini(&w);
    }
}

static void other_bytes_are_refused(void **state)
{
    struct retirement read;
    uint8_t large[5000];
    (void)state;
    memset(large, ' ', sizeof large);
    assert_int_equal(retirement_read(SLICE_EMPTY, &read), STATUS_MALFORMED);
    assert_int_equal(retirement_read(SLICE_LITERAL("[]"), &read), STATUS_MALFORMED);
    assert_int_equal(retirement_read(SLICE_LITERAL("{}"), &read), STATUS_MALFORMED);
    assert_int_equal(retirement_read(slice_make(large, sizeof large), &read), STATUS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(kind_and_severity_follow_the_cause),
        cmocka_unit_test(object_without_a_member_is_refused),
        cmocka_unit_test(other_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
