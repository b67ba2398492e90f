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

/* RFC 4231 test case 2 has a key of 4 bytes; padded with zeros to 32 it is the same HMAC key. */
static void pseudonym_is_hmac_sha_256_of_the_vin(void **state)
{
    static const uint8_t expected[32] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                         0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                         0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                         0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    struct pseudonym_key key = {.id = 7, .bytes = "Jefe"};
    struct pseudonym *p = pseudonym_create(&key);
    uint8_t pid[32];
    (void)state;
    assert_int_equal(pseudonym_make(p, SLICE_LITERAL("what do ya want for nothing?"), pid), 7);
    assert_memory_equal(pid, expected, 32);
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
        cmocka_unit_test(pseudonym_is_hmac_sha_256_of_the_vin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
