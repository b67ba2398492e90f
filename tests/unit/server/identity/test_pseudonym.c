#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/identity/pseudonym.h"
#include "core/log/problem.h"

/* wrap: read */
/* Bytes that reads give before they fail with EIO; SIZE_MAX: they do not. */
static size_t readable = SIZE_MAX;

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);

ssize_t __wrap_read(int fd, void *data, size_t size)
{
    if (readable == SIZE_MAX)
        return __real_read(fd, data, size);
    if (!readable) {
        errno = EIO;
        return -1;
    }
    ssize_t n = __real_read(fd, data, size < readable ? size : readable);
    readable -= n > 0 ? (size_t)n : 0;
    return n;
}

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
    struct problem problem;
    struct stat st;
    (void)state;
    assert_int_equal(pseudonym_key_load(path, &first, &problem), STATUS_OK);
    assert_int_equal(pseudonym_key_load(path, &again, &problem), STATUS_OK);
    assert_int_equal(first.id, 1);
    assert_memory_equal(first.bytes, again.bytes, 32);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void key_that_can_not_be_written_leaves_nothing(void **state)
{
    struct pseudonym_key key;
    struct problem problem;
    struct rlimit before, little;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){16, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    enum status status = pseudonym_key_load(path, &key, &problem);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, STATUS_IO);
    assert_non_null(strstr(problem.text, "No space left"));
    assert_int_equal(rmdir(dir), 0); /* it is empty */
    assert_int_equal(mkdir(dir, 0700), 0);
}

static void highest_id_is_the_key_in_use(void **state)
{
    struct pseudonym_key key;
    struct problem problem;
    (void)state;
    write_file("# two keys\n2 2222222222222222222222222222222222222222222222222222222222222222\n"
               "1 1111111111111111111111111111111111111111111111111111111111111111\n");
    assert_int_equal(pseudonym_key_load(path, &key, &problem), STATUS_OK);
    assert_int_equal(key.id, 2);
    assert_int_equal(key.bytes[31], 0x22);
}

static void wrong_line_is_named(void **state)
{
    struct pseudonym_key key;
    struct problem problem;
    (void)state;
    write_file("1 1111\n");
    assert_int_equal(pseudonym_key_load(path, &key, &problem), STATUS_CONFIG);
    assert_non_null(strstr(problem.text, "line 1"));
    write_file("# nothing\n");
    assert_int_equal(pseudonym_key_load(path, &key, &problem), STATUS_CONFIG);
    assert_null(strstr(problem.text, "remove"));
    assert_non_null(strstr(problem.text, "restore the copy whose keys"));
    write_file("1 1111111111111111111111111111111111111111111111111111111111111111\n"
               "1 2222222222222222222222222222222222222222222222222222222222222222\n");
    assert_int_equal(pseudonym_key_load(path, &key, &problem), STATUS_CONFIG);
    assert_non_null(strstr(problem.text, "line 2"));
}

/* A folder in its place, and a device that fails in the middle (tests/crash has the latter). */
static void a_file_that_can_not_be_read_is_left_alone(void **state)
{
    struct pseudonym_key key = {.id = 77};
    struct problem problem;
    struct stat st;
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(pseudonym_key_load(path, &key, &problem), STATUS_OK);
    assert_null(strstr(problem.text, "holds no key"));
    assert_null(strstr(problem.text, "remove"));
    assert_int_equal(key.id, 77);
    assert_int_not_equal(pseudonym_key_check(path, &problem), STATUS_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(rmdir(path), 0);
}

/* An error behind the first key: it must not count as the newest. */
static void a_read_that_fails_in_the_middle_gives_no_older_key(void **state)
{
    struct pseudonym_key key = {.id = 77};
    struct problem problem;
    (void)state;
    write_file("1 1111111111111111111111111111111111111111111111111111111111111111\n"
               "2 2222222222222222222222222222222222222222222222222222222222222222\n");
    for (size_t bytes = 0; bytes < 130; bytes += 67) {
        readable = bytes;
        enum status status = pseudonym_key_load(path, &key, &problem);
        readable = SIZE_MAX;
        assert_int_equal(status, STATUS_IO);
        assert_int_equal(key.id, 77);
        assert_non_null(strstr(problem.text, "Input/output error"));
        assert_null(strstr(problem.text, "holds no key"));
        assert_null(strstr(problem.text, "remove"));
    }
    assert_int_equal(pseudonym_key_load(path, &key, &problem), STATUS_OK);
    assert_int_equal(key.id, 2);
}

static void missing_folder_is_made_too_but_not_those_above(void **state)
{
    struct pseudonym_key key;
    struct problem problem;
    char folder[160], file[180];
    (void)state;
    snprintf(folder, sizeof folder, "%s/keys", dir);
    snprintf(file, sizeof file, "%s/vin.keys", folder);
    assert_int_equal(pseudonym_key_check(file, &problem), STATUS_OK);
    assert_int_equal(access(folder, F_OK), -1); /* a check makes nothing */
    assert_int_equal(pseudonym_key_load(file, &key, &problem), STATUS_OK);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
    snprintf(file, sizeof file, "%s/a/b/vin.keys", dir);
    assert_int_equal(pseudonym_key_check(file, &problem), STATUS_CONFIG);
    assert_int_not_equal(pseudonym_key_load(file, &key, &problem), STATUS_OK);
    assert_non_null(strstr(problem.text, "a/b"));
}

static void the_first_key_makes_what_knows_repeats(void **state)
{
    struct pseudonym_key one, two;
    struct repeat_keys of_one, of_two;
    struct problem problem;
    (void)state;
    write_file("3 1111111111111111111111111111111111111111111111111111111111111111\n");
    assert_int_equal(pseudonym_key_load(path, &one, &problem), STATUS_OK);
    write_file("9 2222222222222222222222222222222222222222222222222222222222222222\n"
               "3 1111111111111111111111111111111111111111111111111111111111111111\n");
    assert_int_equal(pseudonym_key_load(path, &two, &problem), STATUS_OK);
    assert_memory_not_equal(one.bytes, two.bytes, 32);
    repeat_keys_derive(&one, &of_one);
    repeat_keys_derive(&two, &of_two);
    uint8_t a[32], b[32];
    hmac_key_compute(&of_one.batch, SLICE_LITERAL("x"), a);
    hmac_key_compute(&of_two.batch, SLICE_LITERAL("x"), b);
    assert_memory_equal(a, b, 32);
    siphash_finish(&of_one.event, SLICE_LITERAL("x"), a);
    siphash_finish(&of_two.event, SLICE_LITERAL("x"), b);
    assert_memory_equal(a, b, SIPHASH_BYTES);
    /* From another implementation: SipHash-2-4-128("x") with the first 16 bytes of
     * HMAC-SHA-256(key, "vsocd dedup key\0"). */
    static const uint8_t expected[] = "\xa2\x28\xe7\x64\x11\xa2\x64\xf0"
                                      "\x8d\xe7\x76\xcd\xbd\x3e\x36\x43";
    assert_memory_equal(a, expected, SIPHASH_BYTES);
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
        cmocka_unit_test_setup_teardown(a_file_that_can_not_be_read_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_that_fails_in_the_middle_gives_no_older_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(missing_folder_is_made_too_but_not_those_above, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_first_key_makes_what_knows_repeats, setup, teardown),
        cmocka_unit_test(pseudonym_is_hmac_sha_256_of_the_vin_under_the_tenants_key),
        cmocka_unit_test(a_vehicle_has_another_pseudonym_with_each_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
