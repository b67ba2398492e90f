#include "pipeline_fixture.h"

static void line(struct fixture *f, const char *text)
{
    f->options.parser = &parser_syslog;
    fixture_run_text(f, text);
    assert_int_equal(f->item_count, 1);
}

#define HEAD "<38>Oct 11 22:14:15 gw "

static void sshd_gives_user_address_and_port(void **state)
{
    static const char *const lines[] = {
        "Accepted publickey for bob from 192.0.2.7 port 50022 ssh2: ED25519 SHA256:x",
        "Failed password for bob from 192.0.2.7 port 50022 ssh2",
        "Failed password for invalid user bob from 192.0.2.7 port 50022 ssh2",
        "Invalid user bob from 192.0.2.7 port 50022",
        "Connection closed by authenticating user bob 192.0.2.7 port 50022 [preauth]",
        "Connection reset by invalid user bob 192.0.2.7 port 50022 [preauth]",
        "Disconnected from user bob 192.0.2.7 port 50022",
        "error: maximum authentication attempts exceeded for bob from 192.0.2.7 port 50022 ssh2",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[256];
        snprintf(text, sizeof text, HEAD "sshd[9]: %s", lines[i]);
        line(f, text);
        assert_event_has(f, 0, "\"src_ip\":\"192.0.2.7\"");
        assert_event_has(f, 0, "\"src_port\":50022");
        assert_event_has(f, 0, "\"user_name\":\"bob\"");
        assert_event_has(f, 0, "\"process_name\":\"sshd\",\"process_pid\":9");
    }
}

/* The user's name is what a stranger typed. */
static void an_address_in_a_user_name_is_not_the_source(void **state)
{
    struct fixture *f = *state;
    line(f, HEAD "sshd[9]: Failed password for invalid user a from 6.6.6.6 port 1 ssh2 from "
                 "192.0.2.7 port 50022 ssh2");
    assert_event_has(f, 0, "\"src_ip\":\"192.0.2.7\"");
    assert_event_has(f, 0, "\"src_port\":50022");
    assert_event_has(f, 0, "\"severity_id\":2");
}

static void other_programs_that_quote_sshd_are_not_read_as_it(void **state)
{
    struct fixture *f = *state;
    line(f, HEAD "app[9]: Failed password for bob from 192.0.2.7 port 50022 ssh2");
    assert_null(strstr(f->items[0].json, "src_ip"));
    assert_null(strstr(f->items[0].json, "user_name"));
}

static void sudo_and_cron_give_user_and_command(void **state)
{
    struct fixture *f = *state;
    line(f, HEAD "sudo:      bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/cat /x");
    assert_event_has(f, 0, "\"user_name\":\"bob\"");
    assert_event_has(f, 0, "\"process_command_line\":\"/bin/cat /x\"");
    assert_event_has(f, 0, "\"severity_id\":1");
    line(f, HEAD "sudo: bob : user NOT in sudoers ; TTY=pts/0 ; USER=root ; COMMAND=/bin/cat /x");
    assert_event_has(f, 0, "\"severity_id\":2");
    assert_event_has(f, 0, "\"event_category\":\"authorization\"");
    line(f, HEAD "CRON[7]: (root) CMD (run-parts /etc/cron.hourly)");
    assert_event_has(f, 0, "\"process_command_line\":\"run-parts /etc/cron.hourly\"");
    assert_event_has(f, 0, "\"user_name\":\"root\"");
}

static void a_packet_filter_line_fills_the_network_columns(void **state)
{
    struct fixture *f = *state;
    line(f, "<4>Oct 11 22:14:15 gw kernel: [  12.3] [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.7 "
            "DST=2001:DB8:0::1 PROTO=TCP SPT=4711 DPT=22 SYN URGP=0");
    assert_event_has(f, 0, "\"src_ip\":\"192.0.2.7\",\"dst_ip\":\"2001:db8::1\"");
    assert_event_has(f, 0, "\"src_port\":4711,\"dst_port\":22,\"transport\":\"tcp\"");
    assert_event_has(f, 0, "\"disposition\":\"blocked\"");
    assert_event_has(f, 0, "\"event_category\":\"network_filter\"");
}

/* An ICMP error quotes the packet that caused it. */
static void the_packet_inside_an_icmp_error_is_not_the_event(void **state)
{
    struct fixture *f = *state;
    line(f, "<4>Oct 11 22:14:15 gw kernel: IN=eth0 SRC=192.0.2.7 DST=192.0.2.8 PROTO=ICMP "
            "TYPE=3 [SRC=1.1.1.1 DST=2.2.2.2 PROTO=UDP SPT=1 DPT=2 ]");
    assert_event_has(f, 0, "\"transport\":\"icmp\"");
    assert_null(strstr(f->items[0].json, "src_port"));
}

static void uds_in_words_fills_the_uds_columns(void **state)
{
    struct fixture *f = *state;
    line(f, HEAD "diagd[5]: 0x27 refused, NRC 0x35");
    assert_event_has(f, 0, "\"uds_sid\":39");
    assert_event_has(f, 0, "\"uds_nrc\":53");
    assert_event_has(f, 0, "\"event_category\":\"diagnostic_access\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    line(f, HEAD "diagd[5]: service 0x27 refused, code 0x35"); /* neither UDS nor NRC */
    assert_null(strstr(f->items[0].json, "uds_"));
    line(f, HEAD "diagd[5]: UDS SID 0x227 NRC 0x1FF");
    assert_null(strstr(f->items[0].json, "uds_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(sshd_gives_user_address_and_port),
        fixture_test(an_address_in_a_user_name_is_not_the_source),
        fixture_test(other_programs_that_quote_sshd_are_not_read_as_it),
        fixture_test(sudo_and_cron_give_user_and_command),
        fixture_test(a_packet_filter_line_fills_the_network_columns),
        fixture_test(the_packet_inside_an_icmp_error_is_not_the_event),
        fixture_test(uds_in_words_fills_the_uds_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
