/* Broken samples of every format, or of the one that is named on the command line. */
#include "mutations.h"

static const char *only;

static void cut_and_changed_samples_of_every_format_lose_nothing(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < registry_count(f->registry); i++) {
        const struct parser *parser = registry_at(f->registry, i);
        if (!only || !strcmp(only, parser->name))
            mutations_of_format(f, parser);
    }
}

/* Three lines; whatever becomes of the second one, the others are events. */
static void broken_line_costs_no_neighbour(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const struct parser *parser;
        const char *first, *second, *third;
    } cases[] = {
        {&parser_cef, "CEF:0|v|p|1|a|n|5|k=1\n", "CEF:0|v|p|1|b|n|5|k=\\n\\=2 cs1=x cs1Label=y\n",
         "CEF:0|v|p|1|c|n|5|k=3\n"},
        {&parser_leef, "LEEF:1.0|v|p|1|a|k=1\n", "LEEF:2.0|v|p|1|b|^|k=2^devTime=1\n",
         "LEEF:1.0|v|p|1|c|k=3\n"},
        {&parser_syslog, "<13>1 - h a p m - one\n", "<13>1 - h a p m [x@1 a=\"\\\"\"] two\n",
         "<13>1 - h a p m - three\n"},
        {&parser_syslog, "21 <13>1 - h a p m - one", "33 <13>1 - h a p m [x@1 a=\"\\\"\"] two!",
         "23 <13>1 - h a p m - three"},
        {&parser_vsoc_json, "{\"message\":\"1\"}\n", "{\"message\":\"2\\\"\",\"a\":[{\"b\":1}]}\n",
         "{\"message\":\"3\"}\n"},
        {&parser_candump, "(1.000000) can0 123#01\n", "(1.000001) can0 123#02\n",
         "(1.000002) can0 123#03\n"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint8_t body[512];
        size_t first = strlen(cases[c].first), second = strlen(cases[c].second);
        size_t size = (size_t)snprintf((char *)body, sizeof body, "%s%s%s", cases[c].first,
                                       cases[c].second, cases[c].third);
        static struct mutations_result result;
        f->options.parser = cases[c].parser;
        mutations_run(f, body, size, &result);
        assert_int_equal(f->result.accepted, 3);
        const struct mutations_item head = result.items[0], tail = result.items[2];
        for (size_t at = first; at < first + second && body[at] != '\n'; at++)
            for (unsigned v = 1; v < 256; v++) {
                if ((body[at] ^ v) == '\n')
                    continue; /* two records */
                body[at] ^= (uint8_t)v;
                mutations_run(f, body, size, &result);
                if (!mutations_has(&result, &head) || !mutations_has(&result, &tail))
                    fail_msg("byte %zu as %02x costs a neighbour in\n%s", at, body[at], body);
                body[at] ^= (uint8_t)v;
            }
    }
}

int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        fixture_test(cut_and_changed_samples_of_every_format_lose_nothing),
        fixture_test(broken_line_costs_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
