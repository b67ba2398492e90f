/* test_sink_set.c: the sinks of a process: the built-in ones and a plug-in with its settings, which
 * is unloaded again; tests/integration/test_sink_plugins.py has the refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/writer.h"
#include "server/plugins/sink_config.h"
#include "server/plugins/sink_set.h"
#include "server/files/file_read.h"
#include "storage/sinks/file/file_settings.h"
#include "storage/sinks/kafka/kafka_settings.h"
#include "storage/sinks/postgres/pg_settings.h"

/* In a folder that nobody else may write, whatever umask the build had. */
static char folder[] = "/tmp/vsocd-test-sinks-XXXXXX";
static char plugin_path[sizeof folder + 16];
static struct sink_set set;
static char reason[SINK_SET_REASON];

static int setup(void **state)
{
    (void)state;
    struct writer bytes;
    if (!mkdtemp(folder))
        return -1;
    snprintf(plugin_path, sizeof plugin_path, "%s/journal.so", folder);
    FILE *file = fopen(plugin_path, "wb");
    if (!file || file_read_all(JOURNAL_PLUGIN, &bytes) != STATUS_OK)
        return -1;
    size_t written = fwrite(bytes.data, 1, bytes.size, file);
    bool good = written == bytes.size && fclose(file) == 0 && chmod(plugin_path, 0644) == 0;
    writer_fini(&bytes);
    return good ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(plugin_path);
    return rmdir(folder);
}

static void without_plugins_there_are_the_built_in_sinks(void **state)
{
    (void)state;
    const struct config config = {.kafka_enabled = true};
    assert_int_equal(sink_set_open(&config, &set, reason), STATUS_OK);
    assert_int_equal(set.count, SINK_BUILT_IN_COUNT);
    for (size_t i = 0; i < set.count; i++) {
        assert_ptr_equal(set.items[i].sink, sink_built_in(i));
        assert_null(set.items[i].file);
        assert_int_equal(sink_is_enabled(set.items[i].sink, set.items[i].settings),
                         set.items[i].sink == &sink_kafka);
    }
    sink_set_close(&set);
    assert_int_equal(set.count, 0);
}

/* Rows of the sink's own section, of its lists, and of other sections. */
static void built_in_sinks_get_what_their_tables_name(void **state)
{
    (void)state;
    const char *const names[] = {"linger.ms"}, *const values[] = {"7"};
    const struct config config = {.kafka_delivery = KAFKA_AT_LEAST_ONCE,
                                  .kafka_topic_progress = "progress",
                                  .kafka_transaction_bytes = 4096,
                                  .kafka_properties = {names, values, 1},
                                  .postgres_enabled = true,
                                  .postgres_dsn = "host=h",
                                  .postgres_connections = 3,
                                  .retention_partitions_ahead = 5,
                                  .dedup_window = 77,
                                  .file_path = "/tmp/lines",
                                  .file_keep = 9};
    assert_int_equal(sink_set_open(&config, &set, reason), STATUS_OK);
    const struct sink_kafka_settings *kafka = set.items[SINK_AT_kafka].settings;
    const struct sink_postgres_settings *postgres = set.items[SINK_AT_postgres].settings;
    const struct sink_file_settings *file = set.items[SINK_AT_file].settings;
    assert_false(kafka->enabled);
    assert_int_equal(kafka->delivery, KAFKA_AT_LEAST_ONCE);
    assert_string_equal(kafka->topic_progress, "progress");
    assert_int_equal(kafka->transaction_bytes, 4096);
    assert_int_equal(kafka->properties.count, 1);
    assert_string_equal(kafka->properties.values[0], "7");
    assert_true(postgres->enabled);
    assert_string_equal(postgres->dsn, "host=h");
    assert_int_equal(postgres->partitions_ahead, 5);
    assert_int_equal(postgres->batch_key_window_ns, 77);
    assert_string_equal(file->path, "/tmp/lines");
    assert_int_equal(file->keep, 9);
    assert_true(sink_is_switched_off(&config, "Kafka"));
    assert_false(sink_is_switched_off(&config, "postgres"));
    assert_false(sink_is_switched_off(&config, "off"));
    assert_int_equal(sink_set_files(&set),
                     sink_files(&sink_postgres, postgres)); /* of those that are on */
    sink_set_close(&set);
}

static void count_reason(void *count, const char *text)
{
    assert_non_null(text);
    ++*(int *)count;
}

static void a_plugin_has_its_settings_and_is_unloaded(void **state)
{
    (void)state;
    int reasons = 0;
    const char *const files[] = {plugin_path}, *const names[] = {"journal.path"},
                      *const values[] = {"/tmp/lines"};
    const struct config config = {.sink_plugins = {files, 1},
                                  .sink_plugin_settings = {names, values, 1}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sink_set_open(&config, &set, reason), STATUS_OK);
        assert_int_equal(set.count, SINK_BUILT_IN_COUNT + 1);
        const struct sink_choice *choice = &set.items[SINK_BUILT_IN_COUNT];
        const struct sink_setting *settings = choice->settings;
        assert_string_equal(choice->sink->name, "journal");
        assert_string_equal(choice->file, plugin_path);
        assert_string_equal(settings[0].key, "path");
        assert_string_equal(settings[0].value, "/tmp/lines");
        assert_null(settings[1].key);
        assert_int_equal(sink_limits_of(choice->sink, settings).load_events, 10000);
        assert_int_equal(sink_set_check(&set, count_reason, &reasons), STATUS_OK);
        assert_int_equal(reasons, 0);
        void *loaded = dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD);
        assert_non_null(loaded);
        dlclose(loaded);
        sink_set_close(&set);
        assert_null(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD));
    }
}

static void a_set_that_cannot_be_made_is_empty_and_unloaded(void **state)
{
    (void)state;
    const char *const files[] = {plugin_path};
    const struct config config = {.sink_plugins = {files, 1}};
    assert_int_equal(sink_set_open(&config, &set, reason), STATUS_CONFIG);
    assert_non_null(strstr(reason, "journal.path must be set"));
    assert_int_equal(set.count, 0);
    assert_null(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_plugins_there_are_the_built_in_sinks),
        cmocka_unit_test(built_in_sinks_get_what_their_tables_name),
        cmocka_unit_test(a_plugin_has_its_settings_and_is_unloaded),
        cmocka_unit_test(a_set_that_cannot_be_made_is_empty_and_unloaded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
