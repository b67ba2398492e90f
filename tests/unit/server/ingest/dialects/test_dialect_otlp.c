#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/ingest/http/ingest_request.h"

extern const struct dialect dialect_otlp_json, dialect_otlp_protobuf;

static void errors_that_are_for_later_are_503(void **state)
{
    (void)state;
    static const struct {
        int status, answered, rpc_code;
    } cases[] = {
        {400, 400, 3},  {401, 401, 16}, {403, 403, 7}, {404, 404, 5},  {405, 405, 12},
        {408, 503, 14}, {409, 503, 14}, {411, 411, 3}, {413, 413, 8},  {415, 415, 3},
        {422, 400, 3},  {429, 429, 8},  {431, 431, 8}, {501, 501, 12}, {503, 503, 14},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer out;
        char expected[64];
        const struct refusal json = {
            .status = cases[i].status, .code = "code", .detail = "de\"tail"};
        const struct refusal protobuf = {
            .status = cases[i].status, .code = "code", .detail = "detail"};
        writer_init(&out, 1024);
        assert_int_equal(dialect_otlp_json.problem.write(&out, &json), cases[i].answered);
        snprintf(expected, sizeof expected, "{\"code\":%d,\"message\":\"code: de\\\"tail\"}",
                 cases[i].rpc_code);
        assert_true(slice_equal_text(writer_slice(&out), expected));
        writer_reset(&out);
        assert_int_equal(dialect_otlp_protobuf.problem.write(&out, &protobuf), cases[i].answered);
        snprintf(expected, sizeof expected, "\x08%c\x12\x0C%s", cases[i].rpc_code, "code: detail");
        assert_true(slice_equal_text(writer_slice(&out), expected));
        writer_fini(&out);
    }
}

static void a_report_tells_how_many_were_not_taken(void **state)
{
    (void)state;
    static const char errors[] = "[\n {\"index\":7}\n]";
    static const struct {
        unsigned accepted, duplicates, quarantined;
        int status;
        const char *json;
    } cases[] = {
        {3, 0, 0, 200, "{}"},
        {0, 0, 0, 200, "{}"},
        {0, 2, 0, 200, "{}"},
        {0, 1, 200, 200,
         "{\"partialSuccess\":{\"rejectedLogRecords\":\"200\",\"errorMessage\":\"[\\n "
         "{\\\"index\\\":7}\\n]\"}}"},
        {0, 0, 4, 400, "{\"code\":3,\"message\":\"[\\n {\\\"index\\\":7}\\n]\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer out;
        struct request request = {.minimal = false};
        request.sub.report = (struct dedup_report){.accepted = cases[i].accepted,
                                                   .duplicates = cases[i].duplicates,
                                                   .quarantined = cases[i].quarantined,
                                                   .errors = slice_from_text(errors)};
        writer_init(&out, 1024);
        assert_int_equal(dialect_otlp_json.write_report(&out, &request, "spool"), cases[i].status);
        assert_true(slice_equal_text(writer_slice(&out), cases[i].json));
        writer_reset(&out);
        assert_int_equal(dialect_otlp_protobuf.write_report(&out, &request, "spool"),
                         cases[i].status);
        assert_int_equal(out.size > 0, cases[i].quarantined > 0);
        if (cases[i].quarantined == 200) /* partial_success { 1: 200, 2: errors } */
            assert_memory_equal(out.data, "\x0A\x15\x08\xC8\x01\x12\x10[\n", 9);
        writer_fini(&out);
    }
}

static void key_of_another_batch_is_refused_for_good(void **state)
{
    (void)state;
    struct writer out;
    struct refusal refusal;
    writer_init(&out, 1024);
    refusal_set(&refusal, REFUSAL_key_reused);
    assert_int_equal(dialect_otlp_json.problem.write(&out, &refusal), 400);
    writer_reset(&out);
    assert_int_equal(dialect_otlp_protobuf.problem.write(&out, &refusal), 400);
    writer_reset(&out);
    refusal_set(&refusal, REFUSAL_in_progress);
    assert_int_equal(dialect_otlp_json.problem.write(&out, &refusal), 503);
    writer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_that_are_for_later_are_503),
        cmocka_unit_test(key_of_another_batch_is_refused_for_good),
        cmocka_unit_test(a_report_tells_how_many_were_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
