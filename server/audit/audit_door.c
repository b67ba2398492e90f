/* audit_door.c: the file that tells subcommands where the server is. Any thread but a worker.
 * Connects to nothing. */
#include "server/audit/audit_door.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/writer.h"

#define FILE_BYTES (AUDIT_DOOR_URL_BYTES + 2 * AUDIT_DOOR_TOKEN_BYTES + 4)

static bool path_of(const char *data_dir, const char *suffix, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/" AUDIT_DOOR_FILE "%s", data_dir, suffix);
    return n > 0 && n < PATH_MAX;
}

static bool make_token(char token[AUDIT_DOOR_TOKEN_BYTES])
{
    uint8_t bytes[32];
    struct writer hex = {
        .data = (uint8_t *)token, .capacity = 2 * sizeof bytes, .limit = 2 * sizeof bytes};
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    writer_hex(&hex, slice_make(bytes, sizeof bytes));
    token[2 * sizeof bytes] = '\0';
    return true;
}

/* An address that stands for all of the machine's is reached on its loopback. */
static void make_url(const char *bound, char url[AUDIT_DOOR_URL_BYTES])
{
    static const char *const any[][2] = {{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}};
    for (size_t i = 0; i < 2; i++)
        if (!strncmp(bound, any[i][0], strlen(any[i][0]))) {
            snprintf(url, AUDIT_DOOR_URL_BYTES, "http://%s%s", any[i][1],
                     bound + strlen(any[i][0]));
            return;
        }
    snprintf(url, AUDIT_DOOR_URL_BYTES, "%s%s", strncmp(bound, "unix:", 5) ? "http://" : "", bound);
}

static enum status write_file(const char *path, const struct audit_door *door)
{
    char text[FILE_BYTES];
    int size = snprintf(text, sizeof text, "%s\n%s\n%s\n", door->url, door->token, door->key);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = STATUS_OK;
    if (write(fd, text, (size_t)size) != size)
        status = errno ? status_from_errno(errno) : STATUS_NO_SPACE;
    if (close(fd) != 0 && status == STATUS_OK)
        status = status_from_errno(errno);
    return status;
}

enum status audit_door_open(const char *data_dir, const char *bound, struct audit_door *door,
                            struct problem *problem)
{
    char path[PATH_MAX], made[PATH_MAX];
    enum status status = STATUS_IO;
    make_url(bound, door->url);
    errno = 0;
    if (path_of(data_dir, "", path) && path_of(data_dir, ".new", made) && make_token(door->token) &&
        make_token(door->key)) {
        status = write_file(made, door);
        if (status == STATUS_OK && rename(made, path) != 0)
            status = status_from_errno(errno);
    }
    if (status != STATUS_OK) {
        door->token[0] = '\0';
        problem_say(problem, "%s/" AUDIT_DOOR_FILE " can't be written: %s", data_dir,
                    status_text(status));
    }
    return status;
}

void audit_door_close(const char *data_dir)
{
    char path[PATH_MAX];
    if (path_of(data_dir, "", path))
        (void)unlink(path);
}

/* The next line of *text. */
static bool take_line(char **text, char *out, size_t room)
{
    char *end = strchr(*text, '\n');
    if (!end || end == *text || (size_t)(end - *text) >= room)
        return false;
    snprintf(out, room, "%.*s", (int)(end - *text), *text);
    *text = end + 1;
    return true;
}

enum status audit_door_read(const char *data_dir, struct audit_door *door, struct problem *problem)
{
    char path[PATH_MAX] = "", text[FILE_BYTES], *at = text;
    struct stat st;
    int fd = path_of(data_dir, "", path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) {
        enum status status = status_from_errno(errno);
        problem_say(problem, "%s: %s", path, status_text(status));
        return status;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & (S_IWGRP | S_IWOTH));
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (good && take_line(&at, door->url, sizeof door->url) &&
        take_line(&at, door->token, sizeof door->token) &&
        take_line(&at, door->key, sizeof door->key))
        return STATUS_OK;
    problem_say(problem, "%s: %s", path, good ? "is not a server's" : "others may write it");
    return good ? STATUS_MALFORMED : STATUS_REFUSED;
}

void audit_door_prove(const struct audit_door *door, struct slice nonce, struct slice body,
                      char proof[AUDIT_DOOR_PROOF_BYTES])
{
    struct hmac_key key, request;
    uint8_t bytes[SHA256_BYTES], mac[SHA256_BYTES];
    struct writer hex = {
        .data = (uint8_t *)proof, .capacity = 2 * sizeof mac, .limit = 2 * sizeof mac};
    hmac_key_init(&key, slice_from_text(door->key));
    hmac_key_derive(&key, "vsocd audit durable", nonce, bytes);
    hmac_key_init(&request, slice_make(bytes, sizeof bytes));
    hmac_key_compute(&request, body, mac);
    writer_hex(&hex, slice_make(mac, sizeof mac));
    proof[2 * sizeof mac] = '\0';
    explicit_bzero(&key, sizeof key);
    explicit_bzero(&request, sizeof request);
    explicit_bzero(bytes, sizeof bytes);
}
