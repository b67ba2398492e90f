#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *line)
{
    f->options.parser = &parser_syslog;
    fixture_run_text(f, line);
    assert_int_equal(f->item_count, 1);
}

/* ---- a flaw in the header of RFC 5424 costs nothing but what it is in ---- */

#define VIN "1M8GDM9AXKP042788"
#define SD  "[veh@1 vin=\"" VIN "\"]"

/* A line with one flaw, and what else its event must show. */
struct flawed {
    const char *line, *detail, *shown[4];
};

static void assert_flawed(struct fixture *f, const struct flawed *c)
{
    run(f, c->line);
    assert_event_has(f, 0, "\"time_event_ns\":\"1777304801000000000\"");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "\"vehicle_pid\":");
    assert_event_has(f, 0, "\"message\":\"x\"");
    assert_event_has(f, 0, c->detail);
    for (size_t i = 0; i < 4 && c->shown[i]; i++)
        assert_event_has(f, 0, c->shown[i]);
    assert_null(strstr(f->items[0].json, VIN));
}

static void a_flaw_in_an_rfc5424_header_keeps_every_field_and_the_vin(void **state)
{
#define HEAD "<14>1 2026-04-27T15:46:41Z gw "
#define A40  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    static const char app[] = "\"app_name\":\"app\"", procid[] = "\"procid\":\"1\"",
                      msgid[] = "\"msgid\":\"ID\"", form[] = "STRUCTURED-DATA break",
                      blanks[] = "one blank must stand", facility[] = "\"facility\":\"user\"";
    static const struct flawed cases[] = {
        {HEAD "app 1 - " SD "x", "a blank must stand behind", {app, procid, facility}},
        {HEAD "app 1 " A40 " " SD " x", "MSGID must be", {app, procid, "\"msgid\":\"" A40 "\""}},
        {HEAD A40 A40 " 1 ID " SD " x",
         "APP-NAME must be",
         {"\"app_name\":\"" A40 A40 "\"", procid, msgid}},
        {HEAD "app " A40 A40 A40 A40 " ID " SD " x", "PROCID must be", {app, msgid}},
        {HEAD "\xc3\xa4pp 1 ID " SD " x", "APP-NAME must be", {procid, msgid}},
        {HEAD "app 1 ID [" A40 " vin=\"" VIN "\"] x", "SD-ID and PARAM-NAME", {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin=\"" VIN "\" " A40 "=\"v\"] x",
         "SD-ID and PARAM-NAME",
         {app, "veh@1." A40 "\":\"v\""}},
        {"<14>1 2026-04-27T15:46:41 gw app 1 ID " SD " x",
         "TIMESTAMP has no zone",
         {app, procid, msgid, "\"time_quality\":\"inferred\""}},
        {"<14>1 2026-04-27 15:46:41 gw app 1 ID " SD " x",
         "TIMESTAMP has no zone",
         {app, procid, msgid}},
        {"<14>1 Apr 27 2026 15:46:41 gw app 1 ID " SD " x",
         "TIMESTAMP has no zone",
         {app, procid, msgid}},
        {HEAD " 1 ID " SD " x", blanks, {procid, msgid}},
        {HEAD "app  ID " SD " x", blanks, {app, msgid}},
        {HEAD "app 1  " SD " x", blanks, {app, procid}},
        {HEAD " app 1 ID " SD " x", blanks, {app, procid, msgid}},
        {HEAD "app 1  ID  " SD " x", blanks, {app, procid, msgid}},
        {"<14>1  2026-04-27T15:46:41Z gw app 1 ID " SD " x", blanks, {app, procid, msgid}},
        {"<14> 1 2026-04-27T15:46:41Z gw app 1 ID " SD " x", blanks, {app, procid, msgid}},
        {"<14>1 2026-04-27T15:46:41Z  gw app 1 ID " SD " x", blanks, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin= \"" VIN "\"] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin =\"" VIN "\"] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1  vin=\"" VIN "\"] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [ veh@1 vin=\"" VIN "\" ] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [vin=\"" VIN "\"] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin=" VIN "] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin=\"" VIN "] x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 vin=\"" VIN "\" x", form, {app, procid, msgid}},
        {HEAD "app 1 ID [veh@1 a=\"]\" vin=\"" VIN "\"] x", form, {"\"veh@1.a\":\"]\""}},
        {HEAD "app 1 " SD " x", "header ends before", {app, procid}},
        {HEAD "app " SD " x", "header ends before", {app}},
        {HEAD SD " x", "header ends before", {facility}},
        {"<192>1 2026-04-27T15:46:41Z gw app 1 ID " SD " x", "PRI must be", {app, procid, msgid}},
        {"<014>1 2026-04-27T15:46:41Z gw app 1 ID " SD " x", "PRI must be", {app, procid, msgid}},
        {"<14>2026-04-27T15:46:41Z gw app 1 ID " SD " x", "VERSION must be", {app, procid, msgid}},
        {"<14>0 2026-04-27T15:46:41Z gw app 1 ID " SD " x",
         "VERSION must be",
         {app, procid, msgid}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_flawed(*state, &cases[i]);
}

static void without_structured_data_the_header_is_read(void **state)
{
    struct fixture *f = *state;
    run(f, HEAD "app 1 ID battery low");
    assert_event_has(f, 0, "\"time_event_ns\":\"1777304801000000000\"");
    assert_event_has(f, 0, "\"app_name\":\"app\",\"procid\":\"1\",\"msgid\":\"ID\"");
    assert_event_has(f, 0, "\"message\":\"battery low\"");
    assert_event_has(f, 0, "STRUCTURED-DATA are missing");
    run(f, HEAD "sshd[12]: Accepted");
    assert_event_has(f, 0, "\"app_name\":\"sshd\",\"procid\":\"12\"");
    assert_event_has(f, 0, "\"message\":\"Accepted\"");
    run(f, HEAD "app 1 ID [link lost] again");
    assert_event_has(f, 0, "\"message\":\"[link lost] again\"");
    run(f, "<14>1 2026-13-27T15:46:41Z gw app 1 ID - x");
    assert_event_has(f, 0, "\"timestamp\":\"2026-13-27T15:46:41Z\"");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "TIMESTAMP is no time");
}

static void an_sd_id_without_parameters_is_kept(void **state)
{
    struct fixture *f = *state;
    run(f, HEAD "app 1 ID [job-1234] failed");
    assert_event_has(f, 0, "\"structured_data\":\"job-1234\"");
    assert_event_has(f, 0, "\"message\":\"failed\"");
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    run(f, HEAD "app 1 ID [a][b x=\"1\"][c] m");
    assert_event_has(f, 0, "\"structured_data\":\"a\",\"b.x\":\"1\",\"structured_data#2\":\"c\"");
}

static void numbers_before_other_times_are_no_version(void **state)
{
    struct fixture *f = *state;
    run(f, "<13>1 apple and 2 pears, as ordered");
    assert_event_has(f, 0, "\"message\":\"1 apple and 2 pears, as ordered\"");
    run(f, "<13>2026-04-27T15:46:41Z gw su: x");
    assert_event_has(f, 0, "\"app_name\":\"su\"");
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    run(f, "<b>bold</b>");
    assert_event_has(f, 0, "\"message\":\"<b>bold</b>\"");
}

/* Each byte of each field is replaced, doubled and left out: the fields before and behind it stay,
 * and so does the vehicle. */
static void a_broken_byte_leaves_the_other_fields(void **state)
{
    struct fixture *f = *state;
    static const char *const fields[] = {"2026-04-27T15:46:41Z", "gw", "app", "1", "ID"};
    static const char *const shown[] = {"\"time_event_ns\":\"1777304801000000000\"",
                                        "\"ecu_id\":\"gw\"", "\"app_name\":\"app\"",
                                        "\"procid\":\"1\"", "\"msgid\":\"ID\""};
    static const uint8_t bytes[] = {'x', '-', ':', '"', '=', ']', 0x7f, 0xff, '.', '9'};
    for (size_t broken = 0; broken < 5; broken++)
        for (size_t i = 0; i < strlen(fields[broken]); i++)
            for (size_t b = 0; b < sizeof bytes + 2; b++) {
                char line[256], word[64];
                int end = snprintf(line, sizeof line, "<14>1");
                for (size_t field = 0; field < 5; field++) {
                    snprintf(word, sizeof word, "%s", fields[field]);
                    size_t size = strlen(word);
                    if (field == broken && b < sizeof bytes)
                        word[i] = (char)bytes[b];
                    else if (field == broken && b == sizeof bytes)
                        memmove(word + i + 1, word + i, size - i + 1);
                    else if (field == broken && size > 1)
                        memmove(word + i, word + i + 1, size - i);
                    end += snprintf(line + end, sizeof line - (size_t)end, " %s", word);
                }
                snprintf(line + end, sizeof line - (size_t)end, " " SD " x");
                run(f, line);
                for (size_t field = 0; field < 5; field++)
                    if (field != broken)
                        assert_event_has(f, 0, shown[field]);
                assert_event_has(f, 0, "\"message\":\"x\"");
                assert_event_has(f, 0, "\"vehicle_pid\":");
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_flaw_in_an_rfc5424_header_keeps_every_field_and_the_vin),
        fixture_test(without_structured_data_the_header_is_read),
        fixture_test(an_sd_id_without_parameters_is_kept),
        fixture_test(numbers_before_other_times_are_no_version),
        fixture_test(a_broken_byte_leaves_the_other_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
