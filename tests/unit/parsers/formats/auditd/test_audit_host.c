#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *text)
{
    f->options.parser = &parser_auditd;
    fixture_run_text(f, text);
    assert_int_equal(f->item_count, 1);
}

#define A "msg=audit(1700000000.100:1): "

static void arguments_are_joined_and_decoded(void **state)
{
    struct fixture *f = *state;
    run(f,
        "type=SYSCALL " A "arch=c000003e syscall=59 pid=12 uid=1000 comm=\"sh\" exe=\"/bin/sh\"\n"
        "type=EXECVE " A "argc=4 a0=\"sh\" a1=\"-c\" a2_len=9 a2[0]=6C73202D6C a2[1]=202F746D70 "
        "a3=\"\"\n");
    assert_event_has(f, 0, "\"process_command_line\":\"sh -c ls -l /tmp ");
    assert_event_has(f, 0,
                     "\"process_name\":\"sh\",\"process_pid\":12,"
                     "\"process_executable\":\"/bin/sh\"");
    assert_event_has(f, 0, "\"user_id\":\"1000\"");
}

static void more_arguments_than_the_field_takes_are_cut(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(200000);
    int n = snprintf(text, 200000, "type=EXECVE " A "argc=2000");
    for (int i = 0; i < 2000 && n < 90000; i++)
        n += snprintf(text + n, 200000 - (size_t)n, " a%d=\"%040d\"", i % 500, i);
    f->options.event_bytes = 200000;
    run(f, text);
    assert_event_has(f, 0, "\"process_command_line\":\"00000");
    free(text);
}

static void a_title_in_hex_is_the_command(void **state)
{
    run(*state, "type=PROCTITLE " A "proctitle=6375726C0068747470");
    assert_event_has(*state, 0, "\"process_command_line\":\"curl http\"");
}

static void the_account_counts_before_the_process_user(void **state)
{
    struct fixture *f = *state;
    run(f, "type=USER_LOGIN " A "pid=9 uid=0 auid=1000 msg='op=login acct=\"bob\" "
           "exe=\"/usr/sbin/sshd\" addr=192.0.2.7 res=success'\x1DUID=\"root\"");
    assert_event_has(f, 0, "\"user_name\":\"bob\"");
    assert_null(strstr(f->items[0].json, "\"user_id\""));
    run(f, "type=USER_LOGIN " A
           "pid=9 uid=0 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" res=success'");
    assert_event_has(f, 0, "\"user_id\":\"1000\"");
    assert_event_has(f, 0, "\"process_name\":\"sshd\"");
}

static void a_path_starts_in_the_folder_of_the_process(void **state)
{
    struct fixture *f = *state;
    run(f, "type=CWD " A "cwd=\"/home/bob\"\ntype=PATH " A "item=0 name=\"docs\" nametype=PARENT\n"
           "type=PATH " A "item=1 name=\"docs/a\" nametype=CREATE");
    assert_event_has(f, 0, "\"file_path\":\"/home/bob/docs/a\"");
}

static void the_peer_of_a_call_is_its_source_or_destination(void **state)
{
    struct fixture *f = *state;
    static const char *const calls[][3] = {
        {"arch=c000003e syscall=42", "dst_ip", "dst_port"},
        {"arch=c000003e syscall=43", "src_ip", "src_port"},
        {"arch=c000003e syscall=288", "src_ip", "src_port"},
        {"arch=c00000b7 syscall=203", "dst_ip", "dst_port"},
        {"arch=c00000b7 syscall=242", "src_ip", "src_port"},
        {"arch=40000028 syscall=283", "dst_ip", "dst_port"},
        {"arch=40000028 syscall=285", "src_ip", "src_port"},
        {"arch=40000003 syscall=102 a0=3", "dst_ip", "dst_port"},
        {"arch=40000003 syscall=102 a0=5", "src_ip", "src_port"},
        {"arch=x86_64 syscall=connect", "dst_ip", "dst_port"},
        {"arch=x86_64 syscall=accept4", "src_ip", "src_port"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[400], ip[64], port[64];
        snprintf(text, sizeof text,
                 "type=SOCKADDR " A "saddr=020001BBC00002070000000000000000\n"
                 "type=SYSCALL " A "%s pid=1",
                 calls[i][0]);
        snprintf(ip, sizeof ip, "\"%s\":\"192.0.2.7\"", calls[i][1]);
        snprintf(port, sizeof port, "\"%s\":443", calls[i][2]);
        run(f, text);
        assert_event_has(f, 0, ip);
        assert_event_has(f, 0, port);
    }
    run(f, "type=SOCKADDR " A "saddr=020001BBC00002070000000000000000\n"
           "type=SYSCALL " A "arch=c000003e syscall=49 pid=1"); /* bind: it has no peer */
    assert_null(strstr(f->items[0].json, "src_ip"));
    assert_null(strstr(f->items[0].json, "dst_ip"));
}

static void every_event_has_a_message_for_people(void **state)
{
    struct fixture *f = *state;
    run(f,
        "type=AVC " A "avc:  denied  { read } for  pid=7 comm=\"httpd\" name=\"x\" permissive=0");
    assert_event_has(f, 0, "\"message\":\"avc denied { read }: process httpd[7]\"");
    run(f, "type=EOE " A);
    assert_event_has(f, 0, "\"message\":\"eoe\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(arguments_are_joined_and_decoded),
        fixture_test(more_arguments_than_the_field_takes_are_cut),
        fixture_test(a_title_in_hex_is_the_command),
        fixture_test(the_account_counts_before_the_process_user),
        fixture_test(a_path_starts_in_the_folder_of_the_process),
        fixture_test(the_peer_of_a_call_is_its_source_or_destination),
        fixture_test(every_event_has_a_message_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
