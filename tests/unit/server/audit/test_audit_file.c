/* test_audit_file.c: lines of the audit log survive restarts and full disks, within a bound. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/audit/audit_file.h"

/* wrap: write */
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

#define MAX_BYTES 16000 /* a file is full at 1,000 */
#define LINE      "{\"count\":1}\n"
static char folder[] = "/tmp/test_audit_file.XXXXXX";
static int disk_room = -1; /* bytes that the next writes still take; -1: any */

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (disk_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (disk_room > 0 && size > (size_t)disk_room)
        size = (size_t)disk_room;
    if (disk_room > 0)
        disk_room -= (int)size;
    return __real_write(fd, data, size);
}

static size_t content(char *out, size_t room)
{
    char path[200];
    snprintf(path, sizeof path, "%s/audit/" AUDIT_FILE_NAME, folder);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t size = fread(out, 1, room - 1, in);
    fclose(in);
    out[size] = '\0';
    return size;
}

static unsigned count_files(void)
{
    char path[200];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/audit", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int setup(void **state)
{
    static struct audit_file file;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    *state = &file;
    disk_room = -1;
    return mkdtemp(folder) && audit_file_open(&file, folder, MAX_BYTES) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    char command[200];
    audit_file_close(*state);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void append(struct audit_file *file)
{
    assert_int_equal(audit_file_append(file, SLICE_LITERAL(LINE)), STATUS_OK);
}

static void lines_stay_over_a_restart(void **state)
{
    char text[200];
    append(*state);
    audit_file_close(*state);
    assert_int_equal(audit_file_open(*state, folder, MAX_BYTES), STATUS_OK);
    append(*state);
    assert_int_equal(audit_file_sync(*state), STATUS_OK);
    assert_int_equal(content(text, sizeof text), 2 * strlen(LINE));
}

static void line_that_a_crash_cut_spoils_no_other(void **state)
{
    char text[200];
    assert_int_equal(audit_file_append(*state, SLICE_LITERAL("{\"cou")), STATUS_OK);
    audit_file_close(*state);
    assert_int_equal(audit_file_open(*state, folder, MAX_BYTES), STATUS_OK);
    append(*state);
    content(text, sizeof text);
    assert_string_equal(text, "{\"cou\n{\"count\":1}\n");
}

static void full_disk_leaves_no_half_line(void **state)
{
    struct audit_file *file = *state;
    char text[200];
    append(file);
    disk_room = 5;
    assert_int_equal(audit_file_append(file, SLICE_LITERAL(LINE)), STATUS_NO_SPACE);
    assert_non_null(file->problem);
    disk_room = -1;
    append(file);
    content(text, sizeof text);
    assert_string_equal(text, "{\"count\":1}\n{\"count\":1}\n");
}

static void files_are_rotated_within_the_bound_and_removal_is_reported(void **state)
{
    struct audit_file *file = *state;
    for (unsigned i = 0; i < 20 * 1000 / strlen(LINE); i++)
        append(file);
    assert_int_equal(count_files(), 16);
    assert_true(strncmp(file->removed, "refusals-", 9) == 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lines_stay_over_a_restart),
        T(line_that_a_crash_cut_spoils_no_other),
        T(full_disk_leaves_no_half_line),
        T(files_are_rotated_within_the_bound_and_removal_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
