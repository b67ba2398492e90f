/* test_config.c: defaults, precedence of the sources, units, what is told about mistakes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/writer.h"
#include "server/daemon/config_check.h"
#include "server/config/config.h"
#include "server/config/config_print.h"

static char folder[64];
static char file[96];
static struct config *config;
static struct config_problems problems;

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_config.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/vsocd.yaml", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_destroy(config);
    config = NULL;
    unlink(file);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static enum status load_all(const char *yaml, const char *const *sets, size_t set_count,
                            char *const *environment)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fputs(yaml, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(file, 0600), 0); /* some hold secrets */
    config_destroy(config);
    config = NULL;
    return config_load(file, sets, set_count, environment, &config_checks_without_files, &config,
                       &problems);
}

static void load_good(const char *yaml)
{
    enum status s = load_all(yaml, NULL, 0, NULL);
    if (problems.count)
        print_error("%s:%zu:%zu %s\n", problems.items[0].source, problems.items[0].line,
                    problems.items[0].column, problems.items[0].text);
    assert_int_equal(s, STATUS_OK);
}

static void assert_problem(size_t i, size_t line, size_t column, const char *part)
{
    assert_true(i < problems.count);
    if (!strstr(problems.items[i].text, part))
        print_error("'%s' lacks '%s'\n", problems.items[i].text, part);
    assert_non_null(strstr(problems.items[i].text, part));
    assert_int_equal(problems.items[i].line, line);
    assert_int_equal(problems.items[i].column, column);
}

/* Loads a file with one mistake. */
static void load_bad(const char *yaml, size_t line, size_t column, const char *part)
{
    assert_int_equal(load_all(yaml, NULL, 0, NULL), STATUS_CONFIG);
    assert_null(config);
    assert_problem(0, line, column, part);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].source, file);
}

static void defaults_are_those_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(
        config_load(NULL, NULL, 0, NULL, &config_checks_without_files, &config, &problems),
        STATUS_OK);
    assert_string_equal(config->ingest_address, "0.0.0.0:8443");
    assert_true(config->ingest_tls);
    assert_int_equal(config->limit_memory, 256 << 20);
    assert_int_equal(config->timeout_idle, 75000000000);
    assert_int_equal(config->evidence_retention, 90 * (int64_t)86400000000000);
    assert_int_equal(config->tls_client_auth, CLIENT_AUTH_REQUIRED);
    assert_null(config->tls_crl);
    assert_int_equal(config->ingest_catalogs.count, 0);
    assert_int_equal(config->kafka_properties.count, 2);
    assert_string_equal(config->kafka_properties.names[1], "compression.type");
    assert_string_equal(config->kafka_properties.values[0], "127.0.0.1:9092");
    assert_string_equal(config->tls_key, "tls/server.key");
}

static void nested_and_flow_mappings_are_read(void **state)
{
    (void)state;
    load_good("listen:\n  ingest: { address: \"127.0.0.1:0\", tls: false }\n"
              "  admin:\n    address: '[::1]:9600'\n"
              "limits: {connections: 7, body_bytes: 1MiB,\n  memory: 2GiB}\n"
              "timeouts: { idle: 5min, ack: 0 }\n"
              "sinks:\n  kafka:\n    properties:\n      linger.ms: 5\n"
              "      bootstrap.servers: \"a:1,b:2\"\n      compression.type: null\n");
    assert_string_equal(config->ingest_address, "127.0.0.1:0");
    assert_false(config->ingest_tls);
    assert_string_equal(config->admin_address, "[::1]:9600");
    assert_int_equal(config->limit_connections, 7);
    assert_int_equal(config->limit_memory, (uint64_t)2 << 30);
    assert_int_equal(config->timeout_idle, 300000000000);
    assert_int_equal(config->timeout_ack, 0);
    assert_int_equal(config->kafka_properties.count, 2);
    assert_string_equal(config->kafka_properties.names[0], "linger.ms");
    assert_string_equal(config->kafka_properties.values[0], "5");
    assert_string_equal(config->kafka_properties.values[1], "a:1,b:2");
}

static void an_empty_file_and_empty_sections_change_nothing(void **state)
{
    (void)state;
    load_good("");
    load_good("# only a comment\n---\n");
    load_good("listen:\n  ingest:\nlimits: {}\nsinks:\n  kafka:\n    properties:\n");
    assert_int_equal(config->kafka_properties.count, 2);
}

static void later_sources_win(void **state)
{
    (void)state;
    char *environment[] = {(char[]){"VSOCD_LISTEN__INGEST__ADDRESS=127.0.0.1:2"},
                           (char[]){"VSOCD_LISTEN__ADMIN__ADDRESS=127.0.0.1:3"},
                           (char[]){"VSOCD_INSTANCE=env"},
                           (char[]){"VSOCD_SINKS__KAFKA__PROPERTIES__BOOTSTRAP_SERVERS=k:1,l:2"},
                           (char[]){"PATH=/bin"},
                           NULL};
    const char *sets[] = {"listen.admin.address=127.0.0.1:4", "listen.admin.address=127.0.0.1:5",
                          "sinks.kafka.properties.compression.type=zstd",
                          "ingest.catalogs=a.csv,b.csv"};
    assert_int_equal(load_all("instance: file\nlisten: {ingest: {address: 'h:1'}, admin: "
                              "{address: 'h:1'}}\ndata_dir: /from/file\n",
                              sets, 4, environment),
                     STATUS_OK);
    assert_string_equal(config->data_dir, "/from/file");
    assert_string_equal(config->instance, "env");
    assert_string_equal(config->ingest_address, "127.0.0.1:2");
    assert_string_equal(config->admin_address, "127.0.0.1:5");
    assert_int_equal(config->kafka_properties.count, 2);
    assert_string_equal(config->kafka_properties.values[0], "k:1,l:2");
    assert_string_equal(config->kafka_properties.values[1], "zstd");
    assert_int_equal(config->ingest_catalogs.count, 2);
    assert_string_equal(config->ingest_catalogs.items[1], "b.csv");
}

static void variables_that_are_no_settings_are_left_alone(void **state)
{
    (void)state;
    char *environment[] = {(char[]){"VSOCD_FAULT=spool"}, (char[]){"VSOCD_PORT_8443_TCP=tcp://x"},
                           (char[]){"VSOCD_=x"}, (char[]){"VSOCD"}, NULL};
    assert_int_equal(load_all("", NULL, 0, environment), STATUS_OK);
}

static void mistakes_outside_the_file_name_their_source(void **state)
{
    (void)state;
    char *environment[] = {(char[]){"VSOCD_LISTEN__INGEST__ADRESS=x"}, (char[]){"VSOCD_LISTEN=x"},
                           (char[]){"VSOCD_LIMITS__MEMORY=many"}, NULL};
    const char *sets[] = {"limits.body_byte=1", "x", "tls=1", "sinks.kafka.properties=a",
                          "log.level=loud"};
    assert_int_equal(load_all("", sets, 5, environment), STATUS_CONFIG);
    assert_int_equal(problems.count, 8);
    assert_string_equal(problems.items[0].source, "environment");
    assert_problem(0, 0, 0,
                   "VSOCD_LISTEN__INGEST__ADRESS: unknown setting; the nearest known name "
                   "is VSOCD_LISTEN__INGEST__ADDRESS");
    assert_problem(1, 0, 0, "VSOCD_LISTEN: is a section");
    assert_problem(2, 0, 0, "VSOCD_LIMITS__MEMORY: must be a size such as");
    assert_string_equal(problems.items[3].source, "--set");
    assert_problem(3, 0, 0,
                   "limits.body_byte: unknown setting; the nearest known name is "
                   "'limits.body_bytes'");
    assert_problem(4, 0, 0, "'x' must be written key=value");
    assert_problem(5, 0, 0, "tls: is a section");
    assert_problem(6, 0, 0, "one by one");
    assert_problem(7, 0, 0, "must be one of debug, info, warn, error, not 'loud'");
}

static void all_mistakes_of_a_file_are_told(void **state)
{
    (void)state;
    assert_int_equal(load_all("listen:\n  ingest: { adress: \"x\" }\nlimits:\n  memory: 3MB\n"
                              "tls:\n  client_auth: yes\n  certificate: [a]\n",
                              NULL, 0, NULL),
                     STATUS_CONFIG);
    assert_int_equal(problems.count, 4);
    assert_problem(0, 2, 13,
                   "listen.ingest.adress: unknown setting; the nearest known name is "
                   "'listen.ingest.address'");
    assert_problem(1, 4, 11, "limits.memory: must be a size such as 512, 64KiB");
    assert_problem(2, 6, 16, "tls.client_auth: must be one of required, optional, off, not 'yes'");
    assert_problem(3, 7, 16, "tls.certificate: must be a single value, not a list");
}

static void only_the_first_mistakes_are_kept_but_all_are_counted(void **state)
{
    (void)state;
    char yaml[4096] = "";
    size_t n = 0;
    for (int i = 0; i < 50; i++)
        n += (size_t)snprintf(yaml + n, sizeof yaml - n, "nonsense%d: 1\n", i);
    assert_int_equal(load_all(yaml, NULL, 0, NULL), STATUS_CONFIG);
    assert_int_equal(problems.count, 50);
    assert_problem(31, 32, 1, "nonsense31");
}

static void each_mistake_says_what_would_be_right(void **state)
{
    (void)state;
    load_bad("listen: {ingest: {tls: yes}}", 1, 24, "must be true or false, not 'yes'");
    load_bad("limits: {connections: 0}", 1, 23, "must be at least 1");
    load_bad("limits: {connections: 10000001}", 1, 23, "must be at most 10000000");
    load_bad("limits: {connections: -1}", 1, 23, "must be a whole number, not '-1'");
    load_bad("limits: {connections: 99999999999999999999}", 1, 23, "whole number");
    load_bad("limits: {header_bytes: 2MiB}", 1, 24, "must be at most 1MiB");
    load_bad("spool: {reserve_bytes: 99999999999TiB}", 1, 24, "must be at most");
    load_bad("timeouts: {idle: 10}", 1, 18, "must be a number and a unit, such as 200ms");
    load_bad("timeouts: {idle: 10 s}", 1, 18, "number and a unit");
    load_bad("timeouts: {idle: 2h}", 1, 18, "must be at most 1h");
    load_bad("evidence: {retention: 999999999d}", 1, 23, "must be at most");
    load_bad("timeouts: {idle: }", 1, 18, "needs a value; remove the line for the default 75s");
    load_bad("data_dir: ''", 1, 11, "must be a text of 1 to 4096 bytes, not of 0");
    load_bad("data_dir: \"a\\nb\"", 1, 11, "without line breaks");
    load_bad("data_dir: \"a\\0b\"", 1, 11, "must not hold a NUL");
    load_bad("ingest: {catalogs: a.csv}", 1, 20, "must be a list such as [a, b]");
    load_bad("ingest: {catalogs: [a, '']}", 1, 24, "an item is empty");
    load_bad("ingest: {catalogs: [a, [b]]}", 1, 24, "must be a list of single values, not a list");
    load_bad("ingest: {catalogs: [\"a\\u2028b\"]}", 1, 21, "must be UTF-8 without");
    load_bad("ingest: {formats: {\"a\\tb\": c}}", 1, 28, "must be UTF-8 without");
    load_bad("ingest: {formats: [a]}", 1, 19, "must be a mapping such as {name: value}");
    load_bad("ingest: {formats: {a: {b: c}}}", 1, 23, "must be a single value, not a mapping");
    load_bad("limits: 5", 1, 9, "must be a section with settings below it");
    load_bad("- a\n", 1, 1, "must be settings as 'name: value' lines, not a list");
    load_bad("? [a, b]\n: c\n", 1, 3, "must be a name before the colon, not a list");
    load_bad("data_dir: a\nlog: {level: info\n", 3, 1, "not readable as YAML");
    load_bad("data_dir: a\nb\xff: c\n", 2, 2, "not readable as YAML");
}

static void what_hides_a_value_is_refused(void **state)
{
    (void)state;
    load_bad("data_dir: &a /x", 1, 11, "anchors (&…) are not supported");
    load_bad("data_dir: !!str /x", 1, 11, "tags (tag:yaml.org,2002:str) are not supported");
    load_bad("data_dir: *a", 1, 11, "an alias (*name), which is not supported");
    load_bad("data_dir: /x\n---\ndata_dir: /y\n", 2, 1, "a second document");
    load_bad("data_dir: /x\ndata_dir: /y\n", 2, 1, "data_dir: is set twice here");
    load_bad("log: {level: info}\nlog: {format: json}\n", 2, 1, "log: is set twice here");
    load_bad("log: {level: info}\nlog.level: warn\n", 2, 1, "is set twice, first in line 1");
    load_bad("ingest: {formats: {a: cef, a: cef}}", 1, 28, "ingest.formats.a: is set twice");
}

static void deep_nesting_below_an_unknown_name_is_skipped(void **state)
{
    (void)state;
    char yaml[2100] = "nonsense: ";
    size_t n = strlen(yaml);
    memset(yaml + n, '[', 1000);
    memset(yaml + n + 1000, ']', 1000);
    snprintf(yaml + n + 2000, sizeof yaml - n - 2000, "\nlog: {level: warn}\n");
    load_bad(yaml, 1, 1, "nonsense: unknown setting");
}

static void settings_that_need_each_other_are_checked(void **state)
{
    (void)state;
    load_bad("tls: {certificate: null}", 1, 20, "required if listen.ingest.tls is true");
    load_bad("tls: {client_ca: null}", 1, 18, "required unless tls.client_auth is off");
    load_good("tls: {client_ca: null, client_auth: off}");
    load_good("tls: {certificate: null, key: null}\nlisten: {ingest: {tls: false}}");
    load_bad("sinks: {file: {enabled: true}}", 0, 0, "sinks.file.path: required if");
    load_bad("sinks: {kafka: {properties: {bootstrap.servers: null}}}", 1, 49,
             "needs bootstrap.servers");
    load_good("sinks: {kafka: {enabled: false, properties: {bootstrap.servers: null}}}");
    load_bad("sinks: {postgres: {dsn: null}}", 1, 25, "set it or sinks.postgres.dsn_file");
    load_bad("listen: {admin: {address: '9600'}}", 1, 27, "must be address:port");
    load_bad("listen: {admin: {address: '::1:9600'}}", 1, 27, "must be address:port");
    load_bad("ingest: {formats: {application/x-a: cef, application/x-b: fec}}", 1, 59,
             "'fec' is not a format");
    load_bad("ingest: {workers: 0}", 1, 19, "must be auto or a number");
    load_bad("identity: {vehicle_from: serial}", 1, 26, "must be san_uri");
    load_good("identity: {vehicle_from: 'oid:1.3.6.1.4.1.5', tenant_from: 'name:acme'}");
    load_bad("spool: {max_bytes: 64MiB}", 1, 20, "must be at least twice spool.segment_bytes");
    load_bad("spool: {max_bytes: 5GiB}", 1, 20,
             "must be at least evidence.max_bytes (10737418240)");
    load_good("spool: {max_bytes: 5GiB}\nevidence: {max_bytes: 4GiB}");
    load_good("spool: {max_bytes: 5GiB}\nevidence: {retention: 0s}");
    load_bad("evidence: {max_bytes: 1MiB}", 1, 23,
             "must be at least spool.segment_bytes (67108864)");
    load_good("evidence: {max_bytes: 1MiB, when_full: evict}");
    load_good("evidence: {max_bytes: 1MiB, retention: 0s}");
    load_bad("sinks: {kafka: {topics: {events: a b}}}", 1, 34, "a topic's name has letters");
    load_bad("sinks: {kafka: {topics: {events: vsoc.progress.v1}}}", 1, 34, "compacted");
}

static void settings_of_a_later_version_are_refused(void **state)
{
    (void)state;
    load_good("correlation: {enabled: true, interval: 5s}\nretention: {events: 400d}\n");
    load_bad("correlation: {enabled: false}", 1, 24, "has no effect in this version");
    load_bad("identity: {forwarded: {trusted: [10.0.0.1]}}", 1, 33, "no effect");
    load_bad("retention: {events: 1d}", 1, 21, "no effect");
}

static void paths_of_the_file_are_relative_to_its_folder(void **state)
{
    (void)state;
    char expected[160];
    const char *sets[] = {"tls.crl=crl.pem"};
    assert_int_equal(load_all("tls: {key: k.pem, certificate: /etc/c.pem}\n"
                              "ingest: {catalogs: [a.csv, /b.csv]}\n",
                              sets, 1, NULL),
                     STATUS_OK);
    snprintf(expected, sizeof expected, "%s/k.pem", folder);
    assert_string_equal(config->tls_key, expected);
    assert_string_equal(config->tls_certificate, "/etc/c.pem");
    snprintf(expected, sizeof expected, "%s/tls/fleet-ca.crt", folder);
    assert_string_equal(config->tls_client_ca, expected);
    snprintf(expected, sizeof expected, "%s/a.csv", folder);
    assert_string_equal(config->ingest_catalogs.items[0], expected);
    assert_string_equal(config->ingest_catalogs.items[1], "/b.csv");
    assert_string_equal(config->tls_crl, "crl.pem");
}

static void files_that_settings_name_must_be_readable(void **state)
{
    (void)state;
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs("listen: {admin: {token_file: no-such-file}}\nsinks: {file: {path: out}}\n", f);
    fclose(f);
    assert_int_equal(config_load(file, NULL, 0, NULL, &config_checks, &config, &problems),
                     STATUS_CONFIG);
    assert_int_equal(problems.count, 4);
    assert_problem(0, 1, 30, "can't be read: No such file");
    assert_problem(1, 0, 0, "tls/server.crt' can't be read");
    const char *sets[] = {"listen.ingest.tls=false", "listen.admin.token_file=null"};
    assert_int_equal(config_load(file, sets, 2, NULL, &config_checks, &config, &problems),
                     STATUS_OK);
}

static void the_connection_string_can_come_from_a_file(void **state)
{
    (void)state;
    char dsn[96], set[160];
    snprintf(dsn, sizeof dsn, "%s/dsn", folder);
    snprintf(set, sizeof set, "sinks.postgres.dsn_file=%s", dsn);
    const char *sets[] = {set};
    assert_int_equal(load_all("sinks: {postgres: {dsn: host=a}}", sets, 1, NULL), STATUS_CONFIG);
    assert_problem(0, 0, 0, "sinks.postgres.dsn_file: '/tmp/");
    FILE *f = fopen(dsn, "w");
    assert_non_null(f);
    fputs("host=b password=p\n", f);
    fclose(f);
    assert_int_equal(load_all("sinks: {postgres: {dsn: host=a}}", sets, 1, NULL), STATUS_CONFIG);
    assert_problem(0, 0, 0, "may be read by users other than its owner: chmod 600");
    assert_int_equal(chmod(dsn, 0600), 0);
    assert_int_equal(load_all("sinks: {postgres: {dsn: host=a}}", sets, 1, NULL), STATUS_OK);
    assert_string_equal(config->postgres_dsn, "host=b password=p");
    unlink(dsn);
}

static void a_file_that_is_not_there_is_told(void **state)
{
    (void)state;
    assert_int_equal(
        config_load("/nonexistent/vsocd.yaml", NULL, 0, NULL, &config_checks, &config, &problems),
        STATUS_CONFIG);
    assert_string_equal(problems.items[0].source, "/nonexistent/vsocd.yaml");
    assert_problem(0, 0, 0, "can't be read: No such file or directory");
}

static void only_settings_that_do_not_reload_need_a_restart(void **state)
{
    (void)state;
    struct config *other = NULL;
    load_good("log: {level: debug}\nlimits: {connections: 5}\n");
    other = config;
    config = NULL;
    load_good("limits: {connections: 6}\ntls: {key: other.key}\n");
    assert_null(config_needs_restart(other, config));
    load_good("sinks: {kafka: {properties: {linger.ms: 5}}}\n");
    assert_string_equal(config_needs_restart(other, config), "sinks.kafka.properties");
    load_good("ingest: {catalogs: [a]}\n");
    assert_null(config_needs_restart(other, config));
    load_good("ingest: {workers: 2}\n");
    assert_string_equal(config_needs_restart(other, config), "ingest.workers");
    load_good("data_dir: /elsewhere\n");
    assert_string_equal(config_needs_restart(other, config), "data_dir");
    config_destroy(other);
}

static void load_twice(struct writer *first, struct writer *second)
{
    config_print(config, first);
    writer_u8(first, 0);
    load_good((const char *)first->data);
    config_print(config, second);
    writer_u8(second, 0);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    struct writer first, second;
    writer_init(&first, 1 << 20);
    writer_init(&second, 1 << 20);
    load_good(
        "limits: {memory: 3071KiB, body_bytes: 1000000, event_bytes: 1KiB}\n"
        "timeouts: {idle: 1500ms, ack: 0, drain: 45min}\ntls: {crl: \"a \\\"b\\\" \xc3\xa9\"}\n"
        "ingest: {catalogs: [a, b]}\n"
        "sinks: {kafka: {properties: {compression.type: null, x.pem: \"-- BEGIN\\n\\tb\\n\", y: "
        "\"\\\\\"}}}\n");
    load_twice(&first, &second);
    assert_string_equal((const char *)first.data, (const char *)second.data);
    assert_non_null(strstr((const char *)first.data, "limits:\n  connections: 20000\n"));
    assert_non_null(strstr((const char *)first.data, "  memory: 3071KiB\n"));
    assert_non_null(strstr((const char *)first.data, "  body_bytes: 1000000\n"));
    assert_non_null(strstr((const char *)first.data, "  idle: 1500ms\n"));
    assert_non_null(strstr((const char *)first.data, "  drain: 45min\n"));
    assert_non_null(
        strstr((const char *)first.data, "    topics:\n      events: \"vsoc.events.v1\"\n"));
    writer_fini(&first);
    writer_fini(&second);
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    struct writer out;
    writer_init(&out, 1 << 20);
    load_good("sinks:\n  postgres: {dsn: \"host=db user=u password='top secret' dbname=v\"}\n"
              "  kafka: {properties: {sasl.password: hidden1, ssl.key.pem: hidden2,\n"
              "    sasl.jaas.config: hidden3, sasl.username: shown}}\n");
    config_print(config, &out);
    writer_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "\"host=db user=u password=**** dbname=v\""));
    assert_non_null(strstr(text, "\"sasl.password\": \"****\""));
    assert_non_null(strstr(text, "\"sasl.username\": \"shown\""));
    writer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_and_flow_mappings_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_and_empty_sections_change_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(later_sources_win, setup, teardown),
        cmocka_unit_test_setup_teardown(variables_that_are_no_settings_are_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(mistakes_outside_the_file_name_their_source, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_of_a_file_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_first_mistakes_are_kept_but_all_are_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_mistake_says_what_would_be_right, setup, teardown),
        cmocka_unit_test_setup_teardown(what_hides_a_value_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(deep_nesting_below_an_unknown_name_is_skipped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(settings_that_need_each_other_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_of_a_later_version_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_of_the_file_are_relative_to_its_folder, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(files_that_settings_name_must_be_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(the_connection_string_can_come_from_a_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(only_settings_that_do_not_reload_need_a_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_printed_reads_back_as_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(secrets_are_not_printed, setup, teardown),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
