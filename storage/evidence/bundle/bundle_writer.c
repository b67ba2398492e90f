/* bundle_writer.c: writes the archive of a bundle through a buffer. The owner's thread. Knows
 * nothing of records. */
#include "storage/evidence/bundle/bundle_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/evidence/bundle/bundle_files.h"

#define FLUSH_BYTES ((size_t)256 << 10)

struct bundle_writer {
    int fd;
    enum status status;
    uint64_t bytes;
    struct writer out; /* not written yet */
    struct writer sums, contents;
};

struct bundle_writer *bundle_writer_create(int fd)
{
    struct bundle_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->fd = fd;
    writer_init(&w->out, SIZE_MAX / 2);
    writer_init(&w->sums, SIZE_MAX / 2);
    writer_init(&w->contents, SIZE_MAX / 2);
    return w;
}

void bundle_writer_destroy(struct bundle_writer *w)
{
    if (!w)
        return;
    writer_fini(&w->out);
    writer_fini(&w->sums);
    writer_fini(&w->contents);
    free(w);
}

static void fail(struct bundle_writer *w, enum status status)
{
    if (w->status == STATUS_OK)
        w->status = status;
}

static void write_all(struct bundle_writer *w, struct slice bytes)
{
    while (bytes.size && w->status == STATUS_OK) {
        ssize_t n = write(w->fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            fail(w, n < 0 ? status_from_errno(errno) : STATUS_IO);
        else
            bytes = slice_sub(bytes, (size_t)n, SIZE_MAX);
    }
}

static void flush(struct bundle_writer *w)
{
    fail(w, w->out.status);
    write_all(w, writer_slice(&w->out));
    writer_reset(&w->out);
}

static void put(struct bundle_writer *w, struct slice bytes)
{
    w->bytes += bytes.size;
    if (w->out.size + bytes.size > FLUSH_BYTES)
        flush(w);
    if (bytes.size > FLUSH_BYTES)
        write_all(w, bytes);
    else
        writer_add_slice(&w->out, bytes);
}

static void put_file(struct bundle_writer *w, struct slice name, struct slice bytes)
{
    static const uint8_t zeros[BUNDLE_BLOCK_BYTES];
    uint8_t header[BUNDLE_BLOCK_BYTES];
    enum status status = bundle_archive_header(name, bytes.size, header);
    if (status != STATUS_OK) {
        fail(w, status);
        return;
    }
    put(w, slice_make(header, sizeof header));
    put(w, bytes);
    put(w, slice_make(zeros, bundle_archive_padding(bytes.size)));
}

void bundle_writer_add(struct bundle_writer *w, struct slice name, struct slice bytes)
{
    uint8_t digest[SHA256_BYTES];
    put_file(w, name, bytes);
    sha256_bytes(bytes, digest);
    bundle_sum_line(&w->sums, name, digest);
    if (bundle_is_content(name))
        bundle_sum_line(&w->contents, name, digest);
    fail(w, w->sums.status);
    fail(w, w->contents.status);
}

void bundle_writer_add_in(struct bundle_writer *w, const char *folder, const char *name,
                          struct slice bytes)
{
    char whole[BUNDLE_NAME_BYTES_MAX + 1];
    int n = snprintf(whole, sizeof whole, "%s%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof whole)
        fail(w, STATUS_TOO_LARGE);
    else
        bundle_writer_add(w, slice_from_text(whole), bytes);
}

void bundle_writer_contents(const struct bundle_writer *w, uint8_t digest[SHA256_BYTES])
{
    sha256_bytes(writer_slice(&w->contents), digest);
}

enum status bundle_writer_status(const struct bundle_writer *w)
{
    return w->status;
}

uint64_t bundle_writer_bytes(const struct bundle_writer *w)
{
    return w->bytes;
}

enum status bundle_writer_finish(struct bundle_writer *w)
{
    static const uint8_t end[BUNDLE_END_BYTES];
    put_file(w, SLICE_LITERAL(BUNDLE_SUMS), writer_slice(&w->sums));
    put(w, slice_make(end, sizeof end));
    flush(w);
    return w->status;
}
