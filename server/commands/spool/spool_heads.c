/* spool_heads.c: compares a spool with signed heads from files. Main thread. Does not read the
 * spool itself (storage/evidence/head_compare.h). */
#include "server/commands/spool/spool_heads.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "core/object.h"
#include "storage/evidence/formats/checkpoint.h"

#define TELLER_MAGIC 0x54454c4cU

struct teller {
    unsigned magic; /* TELLER_MAGIC */
    bool json;
    struct writer *findings;
};

OBJECT_CAST(teller, TELLER_MAGIC)

static const char *words_of(enum head_finding_kind kind)
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

static void on_finding(void *arg, const struct head_finding *f)
{
    const struct teller *t = teller_cast(arg);
    if (t->json) {
        writer_format(t->findings,
                      "%s{\"kind\":\"%s\",\"leaf\":%" PRIu64 ",\"count\":%" PRIu64 ",\"position\":",
                      t->findings->size ? "," : "", head_finding_text(f->kind), f->leaf, f->count);
        if (f->position)
            writer_format(t->findings, "%" PRIu64 "}", f->position);
        else
            writer_text(t->findings, "null}");
        return;
    }
    writer_format(t->findings, "leaf %" PRIu64 ": %s: %s", f->leaf, head_finding_text(f->kind),
                  words_of(f->kind));
    if (f->count > 1)
        writer_format(t->findings, ", %" PRIu64 " records", f->count);
    if (f->position)
        writer_format(t->findings, ", position %" PRIu64, f->position);
    writer_u8(t->findings, '\n');
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

/* A verifier key, or a file with one. */
static int read_verifier(const char *given, struct note_verifier *verifier)
{
    struct writer text;
    writer_init(&text, 65536);
    if (access(given, R_OK) != 0 || !read_file(given, &text)) {
        writer_reset(&text);
        writer_text(&text, given);
    }
    enum status status = note_verifier_parse(slice_trim(writer_slice(&text)), verifier);
    writer_fini(&text);
    return status == STATUS_OK ? EXIT_DONE
                               : fail(given, "is neither a verifier key nor a file with one");
}

static int read_head(const char *path, const struct note_verifier *verifier, struct writer *bytes,
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

static int by_size(const void *a, const void *b)
{
    uint64_t x = ((const struct evidence_head *)a)->size,
             y = ((const struct evidence_head *)b)->size;
    return (x > y) - (x < y);
}

static int compare(const struct spool_command *command, const uint8_t *spool_uid,
                   const struct evidence_head *heads, struct writer *findings,
                   struct head_compare_result *result)
{
    char tree[4200];
    struct teller teller = {TELLER_MAGIC, command->json, findings};
    snprintf(tree, sizeof tree, "%s/../evidence/tree", command->dir);
    const struct head_compare_options options = {
        .spool_dir = command->dir,
        .tree_dir = tree,
        .spool_uid = spool_uid,
        .heads = heads,
        .count = command->head_count,
        .on_finding = on_finding,
        .arg = &teller,
    };
    enum status status = head_compare(&options, result);
    return status == STATUS_OK ? EXIT_DONE : fail(command->dir, status_text(status));
}

int spool_compare_heads(const struct spool_command *command, const uint8_t *spool_uid,
                        struct writer *findings, struct head_compare_result *result)
{
    struct writer bytes[SPOOL_HEADS_MAX];
    struct evidence_head heads[SPOOL_HEADS_MAX];
    struct note_verifier verifier;
    int code = command->verifier ? read_verifier(command->verifier, &verifier) : EXIT_DONE;
    for (size_t i = 0; i < command->head_count; i++)
        writer_init(&bytes[i], NOTE_BYTES_MAX);
    for (size_t i = 0; i < command->head_count && code == EXIT_DONE; i++)
        code = read_head(command->heads[i], command->verifier ? &verifier : NULL, &bytes[i],
                         &heads[i]);
    if (code == EXIT_DONE) {
        qsort(heads, command->head_count, sizeof *heads, by_size);
        code = compare(command, spool_uid, heads, findings, result);
    }
    for (size_t i = 0; i < command->head_count; i++)
        writer_fini(&bytes[i]);
    return code;
}
