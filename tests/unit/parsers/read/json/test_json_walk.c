#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "parsers/read/json/json_walk.h"

/* What a walk over text sees: "key=value;…" and how it ends, as END@place, BROKEN@place or
 * OPEN@place (a value that has no end). */
static void walk_text(const char *text, char *out, size_t size)
{
    struct slice key, body = slice_from_text(text);
    struct json_walk walk = json_walk_make(body, json_walk_space(body, 0));
    enum json_walk_result result;
    size_t used = 0;
    while ((result = json_walk_next(&walk, &key)) == JSON_WALK_VALUE) {
        size_t start = walk.at;
        if (!json_walk_skip(&walk)) {
            snprintf(out + used, size - used, "OPEN@%zu", walk.at);
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%.*s=%.*s;", SLICE_ARGS(key),
                                 (int)(walk.at - start), text + start);
    }
    snprintf(out + used, size - used, "%s@%zu", result == JSON_WALK_END ? "END" : "BROKEN",
             walk.at);
}

static void members_are_stepped_over_as_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *text, *seen;
    } cases[] = {
        {"{}", "END@2"},
        {" [ ] x", "END@4"},
        {"{\"a\":1,\"b\" : \"x,}\\\"\" , \"c\":{\"d\":[1,{\"}\":2}]}}z",
         "a=1;b=\"x,}\\\"\";c={\"d\":[1,{\"}\":2}]};END@45"},
        {"[1 ,\n-2.5e+3,true,null,\"\",[[]],{}]", "=1;=-2.5e+3;=true;=null;=\"\";=[[]];={};END@34"},
        {"{\"\\u0061\\\"\":1}", "\\u0061\\\"=1;END@14"},
        {"{\"a\":1 \"b\":2}", "a=1;BROKEN@7"},
        {"{\"a\":1,}", "a=1;BROKEN@7"},
        {"{,}", "BROKEN@1"},
        {"{a:1}", "BROKEN@1"},
        {"{\"a\"}", "BROKEN@4"},
        {"{\"a\":}", "OPEN@5"},
        {"{\"a\":[1,2}", "a=[1,2};BROKEN@10"}, /* its reader finds that */
        {"{\"a\":\"x", "OPEN@5"},
        {"{\"a\":\"x\n\"}", "OPEN@5"},
        {"{\"a", "BROKEN@1"},
        {"[1,2", "=1;=2;BROKEN@4"},
        {"[1 2]", "=1;BROKEN@3"},
        {"[1,]", "=1;OPEN@3"},
        {"[1}", "=1;BROKEN@2"},
        {"[\"\\", "OPEN@1"},
        {"[", "BROKEN@1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char seen[256];
        walk_text(cases[i].text, seen, sizeof seen);
        assert_string_equal(seen, cases[i].seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_stepped_over_as_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
