#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/pseudonym.h"

static char dir[] = "/tmp/vsocd-pseudonym-XXXXXX";
static char path[128];

static int setup(void **state)
{
    (void)state;
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/vin.keys", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
}

static void missing_file_is_made_for_the_owner_alone_and_read_again(void **state)
{
    struct pseudonym_key first, again;
    char reason[256];
    struct stat st;
    (void)state;
    assert_int_equal(pseudonym_key_load(path, &first, reason), STATUS_OK);
    assert_int_equal(pseudonym_key_load(path, &again, reason), STATUS_OK);
    assert_int_equal(first.id, 1);
    assert_memory_equal(first.bytes, again.bytes, 32);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void key_that_can_not_be_written_leaves_nothing(void **state)
{
    struct pseudonym_key key;
    char reason[256];
    struct rlimit before, little;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){16, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    enum status status = pseudonym_key_load(path, &key, reason);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, STATUS_IO);
    assert_non_null(strstr(reason, "No space left"));
    assert_int_equal(rmdir(dir), 0); /* it is empty */
    assert_int_equal(mkdir(dir, 0700), 0);
}

static void highest_id_is_the_key_in_use(void **state)
{
    struct pseudonym_key key;
    char reason[256];
    (void)state;
    write_file("# two keys\n2 2222222222222222222222222222222222222222222222222222222222222222\n"
               "1 1111111111111111111111111111111111111111111111111111111111111111\n");
    assert_int_equal(pseudonym_key_load(path, &key, reason), STATUS_OK);
    assert_int_equal(key.id, 2);
    assert_int_equal(key.bytes[31], 0x22);
}

static void wrong_line_is_named(void **state)
{
    struct pseudonym_key key;
    char reason[256];
    (void)state;
    write_file("1 1111\n");
    assert_int_equal(pseudonym_key_load(path, &key, reason), STATUS_CONFIG);
    assert_non_null(strstr(reason, "line 1"));
    write_file("# nothing\n");
    assert_int_equal(pseudonym_key_load(path, &key, reason), STATUS_CONFIG);
}

static void make(const struct pseudonym_key *key, const char *tenant, const char *vin,
                 uint8_t pid[32])
{
    struct pseudonym *p = pseudonym_create(key);
    assert_non_null(p);
    assert_int_equal(pseudonym_make(p, slice_from_text(tenant), slice_from_text(vin), pid),
                     key->id);
    pseudonym_destroy(p);
}

/* Made with Python's hmac: hmac(hmac(key, b"vsocd vehicle pseudonym\0oem"), b"1M8GDM9AXKP042788").
 */
static void pseudonym_is_hmac_sha_256_of_the_vin_under_the_tenants_key(void **state)
{
    static const uint8_t expected[32] = {0x5c, 0x62, 0x8a, 0xdc, 0x68, 0x31, 0xc8, 0x8e,
                                         0x92, 0xe4, 0xf8, 0x08, 0x8a, 0x93, 0x93, 0x1e,
                                         0xca, 0x85, 0x4a, 0xba, 0x17, 0xeb, 0xc0, 0x5c,
                                         0x4a, 0x03, 0xd0, 0xca, 0xca, 0xdb, 0x9a, 0x0f};
    struct pseudonym_key key = {.id = 7, .bytes = "Jefe"};
    uint8_t pid[32];
    (void)state;
    make(&key, "oem", "1M8GDM9AXKP042788", pid);
    assert_memory_equal(pid, expected, 32);
}

static void a_vehicle_has_another_pseudonym_with_each_tenant(void **state)
{
    struct pseudonym_key key = {.id = 1, .bytes = "k"};
    struct pseudonym *p = pseudonym_create(&key);
    uint8_t first[64][32], again[32];
    char tenant[8];
    (void)state;
    for (int i = 0; i < 64; i++) { /* more than a worker keeps at hand */
        snprintf(tenant, sizeof tenant, "t%d", i);
        (void)pseudonym_make(p, slice_from_text(tenant), SLICE_LITERAL("1M8GDM9AXKP042788"),
                             first[i]);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(first[i], first[k], 32);
    }
    for (int i = 0; i < 64; i++) {
        snprintf(tenant, sizeof tenant, "t%d", i);
        (void)pseudonym_make(p, slice_from_text(tenant), SLICE_LITERAL("1M8GDM9AXKP042788"), again);
        assert_memory_equal(first[i], again, 32);
    }
    pseudonym_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing_file_is_made_for_the_owner_alone_and_read_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(key_that_can_not_be_written_leaves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(highest_id_is_the_key_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_line_is_named, setup, teardown),
        cmocka_unit_test(pseudonym_is_hmac_sha_256_of_the_vin_under_the_tenants_key),
        cmocka_unit_test(a_vehicle_has_another_pseudonym_with_each_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
