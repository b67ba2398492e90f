/* s3_credentials.c: reads the keys anew for each transfer, so that rotated ones are taken. The
 * caller's thread. */
#include "storage/evidence/archive/s3_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX 16384

static bool take(struct slice value, char *out, size_t room)
{
    if (value.size >= room)
        return false;
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return true;
}

static bool take_line(struct slice line, struct s3_credentials *c)
{
    const uint8_t *equals = slice_find_byte(line, '=');
    if (!equals)
        return true;
    size_t at = (size_t)(equals - line.data);
    struct slice key = slice_trim(slice_sub(line, 0, at)),
                 value = slice_trim(slice_sub(line, at + 1, line.size));
    if (slice_equal_text(key, "aws_access_key_id"))
        return take(value, c->id, sizeof c->id);
    if (slice_equal_text(key, "aws_secret_access_key"))
        return take(value, c->secret, sizeof c->secret);
    if (slice_equal_text(key, "aws_session_token"))
        return take(value, c->token, sizeof c->token);
    return true;
}

enum status s3_credentials_parse(struct slice text, struct s3_credentials *out)
{
    bool ours = true, good = true;
    *out = (struct s3_credentials){0};
    while (text.size && good) {
        const uint8_t *end = slice_find_byte(text, '\n');
        size_t size = end ? (size_t)(end - text.data) : text.size;
        struct slice line = slice_trim(slice_sub(text, 0, size));
        text = slice_sub(text, size + 1, text.size);
        if (line.size && line.data[0] == '[')
            ours = slice_equal_text(line, "[default]");
        else if (ours && line.size && line.data[0] != '#')
            good = take_line(line, out);
    }
    return good && out->id[0] && out->secret[0] ? STATUS_OK : STATUS_CONFIG;
}

enum status s3_credentials_read(const char *path, struct s3_credentials *out,
                                struct problem *problem)
{
    char text[FILE_BYTES_MAX];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        problem_say(problem, "%.300s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return fd < 0 ? status_from_errno(errno) : STATUS_IO;
    }
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    if (st.st_mode & 077) {
        problem_say(problem, "%.300s can be read by others than its owner: chmod 600", path);
        return STATUS_REFUSED;
    }
    enum status status = n < 0 ? STATUS_IO : s3_credentials_parse(slice_make(text, (size_t)n), out);
    explicit_bzero(text, sizeof text);
    if (status != STATUS_OK)
        problem_say(problem,
                    "%.300s needs aws_access_key_id and aws_secret_access_key in [default]", path);
    return status;
}
