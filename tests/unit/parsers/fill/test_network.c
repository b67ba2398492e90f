#include "parsers/fill/network.h"
#include "parsers/fill/transport.h"
#include "pipeline_fixture.h"

static void transport_is(const char *written, const char *expected)
{
    struct network_texts texts;
    struct event event;
    event_clear(&event);
    EVENT_SET(&event, transport, slice_from_text(written));
    network_normalise(&texts, &event);
    if (!slice_equal_text(event.transport, expected))
        fail_msg("%s: %.*s", written, SLICE_ARGS(event.transport));
}

static void protocols_become_keywords(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"6", "tcp"},         {"17", "udp"},
        {"1", "icmp"},        {"58", "ipv6-icmp"},
        {"0x06", "tcp"},      {"TCP", "tcp"},
        {"Udp", "udp"},       {"tcp/https", "tcp"},
        {"17/domain", "udp"}, {"ICMPv6", "ipv6-icmp"},
        {"QUIC", "quic"},     {"132", "sctp"},
        {"254", "254"},       {"Token-Ring", "token-ring"},
        {"256", "256"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        transport_is(cases[i][0], cases[i][1]);
}

/* RFC 5952 section 4, with its examples. */
static void ipv6_addresses_have_one_spelling(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"2001:0db8::0001", "2001:db8::1"},
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:DB8::ABCD", "2001:db8::abcd"},
        {"::FFFF:192.0.2.1", "::ffff:192.0.2.1"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"192.0.2.1", "192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network_texts texts;
        struct event event;
        event_clear(&event);
        EVENT_SET(&event, src_ip, slice_from_text(cases[i][0]));
        EVENT_SET(&event, dst_ip, slice_from_text(cases[i][0]));
        network_normalise(&texts, &event);
        assert_true(slice_equal_text(event.src_ip, cases[i][1]));
        assert_true(slice_equal_text(event.dst_ip, cases[i][1]));
    }
}

static void every_format_gets_them(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const struct parser *parser;
        const char *record;
    } cases[] = {
        {&parser_vsoc_json,
         "{\"message\":\"x\",\"src_ip\":\"2001:DB8:0:0:0:0:0:1\",\"transport\":\"6\"}"},
        {&parser_cef, "CEF:0|v|p|1|id|n|5|src=2001:DB8:0:0:0:0:0:1 proto=6"},
        {&parser_leef, "LEEF:1.0|v|p|1|id|src=2001:DB8:0:0:0:0:0:1\tproto=tcp"},
        {&parser_eve, "{\"timestamp\":\"2026-11-22T10:15:02.25+0000\",\"event_type\":\"flow\","
                      "\"src_ip\":\"2001:0db8:0000:0000:0000:0000:0000:0001\",\"proto\":\"TCP\"}"},
        {&parser_syslog, "<4>Oct 11 22:14:15 gw kernel: IN=eth0 SRC=2001:0db8:0:0:0:0:0:1 DST=::2 "
                         "PROTO=TCP"},
        {&parser_auditd, "type=NETFILTER_PKT msg=audit(1700000000.500:5): saddr=2001:DB8:0::1 "
                         "daddr=::2 proto=6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->options.parser = cases[i].parser;
        fixture_run_text(f, cases[i].record);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, "\"src_ip\":\"2001:db8::1\"");
        assert_event_has(f, 0, "\"transport\":\"tcp\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(protocols_become_keywords),
        fixture_test(ipv6_addresses_have_one_spelling),
        fixture_test(every_format_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
