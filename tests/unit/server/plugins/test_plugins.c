/* A plug-in is loaded, reads through the record loop, and is gone again; tests/integration/
 * test_plugins.py has the refusals. Under the sanitizers it is the example plug-in that they look
 * at. */
#include "../parsers/pipeline_fixture.h"

#include <dlfcn.h>
#include <unistd.h>

#include "server/files/file_read.h"
#include "server/files/trusted_file.h"
#include "server/plugins/plugins.h"

/* In a folder that nobody else may write, whatever umask the build had. */
static char folder[] = "/tmp/vsocd-test-plugins-XXXXXX";
static char plugin_path[sizeof folder + 16];

static void copy(const char *from, const char *to)
{
    struct writer bytes;
    FILE *file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(file_read_all(from, &bytes), STATUS_OK);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(to, 0644), 0);
    writer_fini(&bytes);
}

static int setup(void **state)
{
    if (fixture_setup(state) != 0 || !mkdtemp(folder))
        return -1;
    snprintf(plugin_path, sizeof plugin_path, "%s/trc.so", folder);
    copy(TRC_PLUGIN, plugin_path);
    return 0;
}

static int teardown(void **state)
{
    unlink(plugin_path);
    rmdir(folder);
    return fixture_teardown(state);
}

static void a_plugin_is_loaded_reads_and_is_unloaded(void **state)
{
    struct fixture *f = *state;
    struct plugins plugins;
    char reason[PLUGINS_REASON] = "";
    const char *const files[] = {plugin_path};
    const struct setting_list list = {files, 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(plugins_open(&list, &plugins, reason), STATUS_OK);
        f->options.registry = plugins.registry;
        f->options.parser = registry_by_name(plugins.registry, SLICE_LITERAL("trc"));
        assert_non_null(f->options.parser);
        assert_string_equal(plugins_file_of(&plugins, f->options.parser), plugin_path);
        fixture_run_text(f, ";$FILEVERSION=1.1\n;$STARTTIME=39414.5\n"
                            "1) 1.5 Rx 0300 2 00 ff\nbroken\n2) 2.5 Tx 0301 1 7e\n");
        assert_int_equal(f->result.accepted, 2);
        assert_int_equal(f->result.quarantined, 1);
        assert_event_has(f, 0, "\"can_id\":768");
        assert_event_has(f, 0, "\"attributes\":{\"number\":1,\"direction\":\"rx\"}");
        assert_event_has(f, 2, "\"raw_offset\":68,\"raw_size\":19");
        plugins_close(&plugins);
        assert_null(plugins.registry);
        assert_null(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD));
    }
}

static void only_root_and_the_server_may_change_a_plugin(void **state)
{
    struct stat st = {.st_mode = S_IFREG | 0755, .st_uid = 1000};
    (void)state;
    assert_null(trusted_file_problem(TRUSTED_CODE, &st, 1000));
    assert_non_null(trusted_file_problem(TRUSTED_CODE, &st, 1001));
    assert_non_null(trusted_folder_problem(TRUSTED_CODE, &st, 1001));
    st.st_uid = 0;
    assert_null(trusted_file_problem(TRUSTED_CODE, &st, 1001));
    st.st_mode = S_IFREG | 0775;
    assert_non_null(trusted_file_problem(TRUSTED_CODE, &st, 1001));
    st.st_mode = S_IFREG | 0757;
    assert_non_null(trusted_file_problem(TRUSTED_CODE, &st, 1001));
    st.st_mode = S_IFIFO | 0600;
    assert_non_null(trusted_file_problem(TRUSTED_CODE, &st, 1001));
    st.st_mode = S_IFDIR | S_ISVTX | 0777;
    assert_null(trusted_folder_problem(TRUSTED_CODE, &st, 1001));
    st.st_mode = S_IFDIR | 0777;
    assert_non_null(trusted_folder_problem(TRUSTED_CODE, &st, 1001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_is_loaded_reads_and_is_unloaded, setup, teardown),
        cmocka_unit_test(only_root_and_the_server_may_change_a_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
