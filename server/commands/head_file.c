/* head_file.c: signed heads and verifier keys that a command is given, and what is said of a spool
 * that differs from a head. Main thread. Compares nothing (storage/evidence/head_compare.h). */
#include "server/commands/head_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "storage/evidence/formats/checkpoint.h"

const char *head_finding_words(enum head_finding_kind kind)
{
    switch (kind) {
    case HEAD_FINDING_SHORT:
        return "the spool ends before the head: it was rolled back, truncated or replaced";
    case HEAD_FINDING_ROOT:
        return "the head has another root: a record up to its size was changed, or another tree "
               "was "
               "signed";
    case HEAD_FINDING_LEAF:
        return "the record is not the one whose hash is in the stored tree";
    case HEAD_FINDING_MISSING:
        return "records were removed from within the spool";
    case HEAD_FINDING_REMOVED:
        return "the oldest records are gone, and no record says that they were removed";
    case HEAD_FINDING_HASHES:
        return "stored hashes of removed records are not there: no root can be made";
    }
    return "";
}

static int fail(const char *file, const char *problem)
{
    fprintf(stderr, "vsocd: %s: %s\n", file, problem);
    return EXIT_FAILED;
}

static bool read_file(const char *path, struct writer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && writer_reserve(out, 4096)) {
        n = read(fd, out->data + out->size, 4096);
        out->size += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    return n == 0;
}

int head_file_verifier(const char *given, struct note_verifier *verifier)
{
    struct writer text;
    writer_init(&text, 65536);
    if (access(given, R_OK) != 0 || !read_file(given, &text)) {
        writer_reset(&text);
        writer_text(&text, given);
    }
    enum status status = note_verifier_parse(slice_trim(writer_slice(&text)), verifier);
    writer_fini(&text);
    if (status == STATUS_OK)
        return EXIT_DONE;
    return fail(given, status == STATUS_CONFLICT
                           ? "the key's id (the 8 digits) does not fit its name and key: copy the "
                             "whole key again"
                           : "is neither a verifier key nor a file with one");
}

int head_file_read(const char *path, const struct note_verifier *verifier, struct writer *bytes,
                   struct evidence_head *head)
{
    struct note note;
    struct checkpoint checkpoint;
    if (!read_file(path, bytes))
        return fail(path, "can't be read");
    enum status status = evidence_head_parse(writer_slice(bytes), 0, head);
    if (status != STATUS_OK)
        return fail(path, "is not a signed head (c2sp.org/tlog-checkpoint)");
    if (verifier && checkpoint_open(writer_slice(bytes), verifier, &note, &checkpoint) != STATUS_OK)
        return fail(path, "is not signed by the key that --verifier gives");
    return EXIT_DONE;
}
