#include "pipeline_fixture.h"

#include "core/writer.h"
#include "parsers/formats/candump/candump_read.h"

#define TIME "(1795342800.104512) "

static void run(struct fixture *f, const char *frame)
{
    char line[8192];
    snprintf(line, sizeof line, TIME "can0 %s", frame);
    f->options.parser = &parser_candump;
    fixture_run_text(f, line);
    assert_int_equal(f->item_count, 1);
}

/* Type, id in hex, can_flags, raw length code and data of a frame. */
static void a_frame_is_what_the_line_says(void **state)
{
    (void)state;
    static const struct {
        const char *frame;
        enum candump_kind kind;
        uint32_t id;
        unsigned flags;
        int dlc;
        const char *data;
    } cases[] = {
        {"123#", CANDUMP_CLASSICAL, 0x123, 0, -1, ""},
        {"7ff#aAbB", CANDUMP_CLASSICAL, 0x7FF, 0, -1, "aabb"},
        {"00000123#00", CANDUMP_CLASSICAL, 0x123, CANDUMP_EXT, -1, "00"},
        {"1FFFFFFF#.1.", CANDUMP_DROPS, 0, 0, 0, NULL},
        {"123#11.2233.44", CANDUMP_CLASSICAL, 0x123, 0, -1, "11223344"},
        {"123#1122334455667788_9", CANDUMP_CLASSICAL, 0x123, 0, 9, "1122334455667788"},
        {"123#R", CANDUMP_REMOTE, 0x123, CANDUMP_RTR, -1, ""},
        {"12345678#r8_f", CANDUMP_REMOTE, 0x12345678, CANDUMP_EXT | CANDUMP_RTR, 15, ""},
        {"123##0", CANDUMP_FD, 0x123, CANDUMP_FDF, -1, ""},
        {"123##311", CANDUMP_FD, 0x123, CANDUMP_FDF | CANDUMP_BRS | CANDUMP_ESI, -1, "11"},
        {"2000000C#00", CANDUMP_ERROR, 0xC, CANDUMP_ERR, -1, "00"},
        {"45123#81:02:12345678#11", CANDUMP_XL, 0x123, 0, -1, "11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        struct candump_line line;
        struct candump_error error;
        struct writer data;
        snprintf(text, sizeof text, TIME "can0 %s", cases[i].frame);
        bool is_read = candump_read(slice_from_text(text), &line, &error);
        assert_int_equal(is_read, cases[i].data != NULL);
        if (!is_read)
            continue;
        assert_int_equal(line.kind, cases[i].kind);
        assert_int_equal(line.id, cases[i].id);
        assert_int_equal(line.flags, cases[i].flags);
        assert_int_equal(line.dlc, cases[i].dlc);
        writer_init(&data, 4096);
        writer_hex(&data, slice_make(line.data, line.size));
        assert_true(slice_equal_text(writer_slice(&data), cases[i].data));
        writer_fini(&data);
    }
}

/* 8, 64 and 2048 bytes fit; one more does not. */
static void data_end_where_the_type_ends(void **state)
{
    static const struct {
        const char *start;
        size_t most;
    } cases[] = {{"123#", 8}, {"123##0", 64}, {"45123#81:02:12345678#", 2048}, {"20000004#", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char frame[8192];
        size_t used = (size_t)snprintf(frame, sizeof frame, "%s", cases[i].start);
        memset(frame + used, '5', 2 * cases[i].most + 2);
        frame[used + 2 * cases[i].most] = '\0';
        run(*state, frame);
        assert_event_has(*state, 0, "\"parse_status\":\"ok\"");
        frame[used + 2 * cases[i].most] = '5';
        frame[used + 2 * cases[i].most + 2] = '\0';
        run(*state, frame);
        assert_rejected(*state, 0, "malformed", "more data than this type of frame can hold");
    }
}

static void a_broken_line_leaves_its_neighbours_alone(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_candump;
    fixture_run_text(f, TIME "can0 123#01\n" TIME "can0 123#0\n\n# comment\n" TIME "can1 124#02\n");
    assert_int_equal(f->item_count, 4);
    assert_event_has(f, 0, "\"can_id\":291");
    assert_rejected(f, 1, "malformed", "pairs of hex digits");
    assert_rejected(f, 2, "not_of_format", "");
    assert_event_has(f, 3, "\"bus_id\":\"can1\",\"can_id\":292");
}

static void seconds_that_are_no_epoch_time_are_kept_as_text(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_candump;
    fixture_run_text(f, "(003.602017) can0 123#01\n(1767225600.500000001) can0 123#01\n");
    assert_event_lacks(f, 0, "time_event_ns");
    assert_event_has(f, 0, "\"time_source\":\"monotonic\"");
    assert_event_has(f, 0, "\"time_event_raw\":\"003.602017\"");
    assert_event_has(f, 1, "\"time_event_ns\":\"1767225600500000001\"");
    assert_event_has(f, 1, "\"time_source\":\"rtc\"");
}

/* A frame is diagnostic by its id and all its bytes, or not at all. */
static void only_whole_single_frames_are_diagnostic(void **state)
{
    static const struct {
        const char *frame, *expected;
    } cases[] = {
        {"7E0#0227010000000000", "\"uds_sid\":39,\"uds_sub\":1}"},
        {"7E8#0667011122334455", "\"uds_sid\":39,\"uds_sub\":1}"},
        {"18DA10F1#0322F190", "\"uds_sid\":34,\"uds_did\":61840,\"uds_client_sa\":241}"},
        {"18DAF110#037F2231", "\"uds_sid\":34,\"uds_nrc\":49,\"uds_client_sa\":241}"},
        {"7E0#0431010203", "\"uds_sid\":49,\"uds_sub\":1,\"uds_rid\":515}"},
        {"7DF#023E80", "\"uds_sid\":62,\"uds_sub\":0}"},
        {"7E0##00003221122", NULL}, /* the short form ends at 8 bytes, so 0 is no length */
        {"7E0##0000422F190AA000000", "\"uds_sid\":34,\"uds_did\":61840}"},
        {"123#037F2731AAAAAAAA", "\"uds_sid\":39,\"uds_nrc\":49}"},
        {"123#037F2735AABBCCDD", NULL}, /* not padding */
        {"123#037F2700", NULL},         /* no such code */
        {"123#037F0135", NULL},         /* no such service */
        {"123#0227010000000000", NULL}, /* a request only under an id for it */
        {"7E0#0822F190AABBCCDD", NULL}, /* longer than the frame */
        {"7E0#0122", "\"uds_sid\":34}"},
        {"7E0#00", NULL},
        {"7E0#", NULL},
        {"7E0#R2", NULL},
        {"200007E0#0227010000000000", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = *state;
        const char *json;
        char columns[256] = "", *end;
        run(f, cases[i].frame);
        assert_false(f->items[0].is_reject);
        json = strstr(f->items[0].json, "\"uds_sid\"");
        if (!cases[i].expected) {
            if (json)
                fail_msg("%s is taken for a diagnostic message: %s", cases[i].frame, json);
            continue;
        }
        assert_non_null(json);
        snprintf(columns, sizeof columns, "%s", json);
        end = strstr(columns, ",\"parse_status\"");
        assert_non_null(end);
        end[0] = '}';
        end[1] = '\0';
        assert_string_equal(columns, cases[i].expected);
        assert_event_has(f, 0, "\"event_category\":\"diagnostic_access\"");
    }
}

static void lost_frames_are_an_event(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_candump;
    fixture_run_text(f, "DROPCOUNT: dropped 12 CAN frames on 'can0' socket (total drops 40)\n");
    assert_event_has(f, 0,
                     "\"event_name\":\"can_frames_dropped\",\"event_category\":\"ids_health\"");
    assert_event_has(f, 0, "\"attributes\":{\"dropped\":12,\"total_drops\":40}");
    assert_event_has(f, 0, "\"bus_id\":\"can0\"");
    assert_event_lacks(f, 0, "time_event_raw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_what_the_line_says),
        fixture_test(data_end_where_the_type_ends),
        fixture_test(a_broken_line_leaves_its_neighbours_alone),
        fixture_test(seconds_that_are_no_epoch_time_are_kept_as_text),
        fixture_test(only_whole_single_frames_are_diagnostic),
        fixture_test(lost_frames_are_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
