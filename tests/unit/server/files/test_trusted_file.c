/* test_trusted_file.c: whose files are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/files/trusted_file.h"

static char top[64], folder[80], file[96];
static struct problem problem;

static int setup(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/vsocd-trust-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(folder, sizeof folder, "%s/f", top);
    snprintf(file, sizeof file, "%s/key", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "secret", 6), 6);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", top);
    return system(command);
}

static enum status opened(const char *path, enum trusted_kind kind)
{
    int fd = -1;
    problem.text[0] = '\0';
    enum status s = trusted_file_open(path, kind, &fd, &problem);
    if (s == STATUS_OK)
        close(fd);
    else
        assert_true(strlen(problem.text) > 10);
    return s;
}

static void assert_refused(enum trusted_kind kind, const char *words)
{
    assert_int_equal(opened(file, kind), STATUS_REFUSED);
    if (!strstr(problem.text, words))
        fail_msg("'%s' says nothing of '%s'", problem.text, words);
}

static void secret_is_for_its_owner_alone(void **state)
{
    struct writer text;
    (void)state;
    assert_int_equal(trusted_file_read(file, TRUSTED_SECRET, &text, &problem), STATUS_OK);
    assert_true(slice_equal_text(writer_slice(&text), "secret"));
    writer_fini(&text);
    chmod(file, 0604);
    assert_refused(TRUSTED_SECRET, "chmod 600");
    assert_int_equal(opened(file, TRUSTED_PUBLIC), STATUS_OK);
    chmod(file, 0602);
    assert_refused(TRUSTED_SECRET, "chmod go-w");
    assert_refused(TRUSTED_PUBLIC, "chmod go-w");
    assert_refused(TRUSTED_CODE, "chmod go-w");
}

static void group_may_read_what_is_roots(void **state)
{
    struct stat st = {.st_mode = S_IFREG | 0440, .st_uid = 0, .st_gid = 77};
    (void)state;
    assert_null(trusted_file_problem(TRUSTED_SECRET, &st, 65532)); /* fsGroup of Kubernetes */
    st.st_uid = 65532;
    assert_non_null(trusted_file_problem(TRUSTED_SECRET, &st, 65532));
    st.st_mode = S_IFREG | 0620;
    assert_non_null(trusted_file_problem(TRUSTED_PUBLIC, &st, 65532));
    st.st_mode = S_IFREG | 0440;
    st.st_uid = 1000;
    assert_non_null(trusted_file_problem(TRUSTED_SECRET, &st, 65532));
    st.st_mode = S_IFREG | 0400;
    assert_non_null(trusted_file_problem(TRUSTED_PUBLIC, &st, 65532));
}

static void every_folder_above_counts(void **state)
{
    (void)state;
    chmod(folder, 0777);
    assert_refused(TRUSTED_SECRET, folder);
    chmod(folder, 01777);
    assert_int_equal(opened(file, TRUSTED_SECRET), STATUS_OK);
    chmod(folder, 0755);
    chmod(top, 0707);
    assert_refused(TRUSTED_PUBLIC, top);
    assert_refused(TRUSTED_CODE, top);
    chmod(top, 0700);
    assert_int_equal(opened(file, TRUSTED_CODE), STATUS_OK);
}

/* As Kubernetes mounts secrets: key → ..data/key, ..data → ..2026, all in a sticky folder. */
static void links_are_followed_to_where_they_lead(void **state)
{
    char link[128], target[128];
    (void)state;
    snprintf(link, sizeof link, "%s/..data", top);
    assert_int_equal(symlink("f", link), 0);
    snprintf(target, sizeof target, "%s/key", top);
    assert_int_equal(symlink("..data/key", target), 0);
    assert_int_equal(opened(target, TRUSTED_SECRET), STATUS_OK);
    chmod(folder, 0777);
    assert_int_equal(opened(target, TRUSTED_SECRET), STATUS_REFUSED);
    assert_non_null(strstr(problem.text, folder));
    chmod(folder, 0755);
    unlink(link);
    assert_int_equal(symlink("..data", link), 0);
    assert_int_equal(opened(target, TRUSTED_SECRET), status_from_errno(ELOOP));
    unlink(link);
    assert_int_equal(symlink(folder, link), 0); /* absolute */
    assert_int_equal(opened(target, TRUSTED_SECRET), STATUS_OK);
    snprintf(target, sizeof target, "%s/../f/./key", folder);
    assert_int_equal(opened(target, TRUSTED_SECRET), STATUS_OK);
}

static void other_things_than_files_are_refused(void **state)
{
    char fifo[128];
    (void)state;
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(opened(fifo, TRUSTED_SECRET), STATUS_REFUSED);
    assert_int_equal(opened(folder, TRUSTED_SECRET), STATUS_REFUSED);
    assert_non_null(strstr(problem.text, "is a folder; name a file"));
    assert_int_equal(opened("/nonexistent/key", TRUSTED_SECRET), STATUS_NOT_FOUND);
    assert_int_equal(opened("", TRUSTED_SECRET), STATUS_REFUSED);
    snprintf(fifo, sizeof fifo, "%s/key/x", folder);
    assert_true(opened(fifo, TRUSTED_SECRET) != STATUS_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(secret_is_for_its_owner_alone),       T(group_may_read_what_is_roots),
        T(every_folder_above_counts),           T(links_are_followed_to_where_they_lead),
        T(other_things_than_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
