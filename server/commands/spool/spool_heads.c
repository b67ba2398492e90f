/* spool_heads.c: compares a spool with signed heads from files. Main thread. Does not read the
 * spool itself (storage/evidence/head_compare.h). */
#include "server/commands/spool/spool_heads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/exit_status.h"
#include "core/object.h"
#include "server/commands/head_file.h"

#define TELLER_MAGIC 0x54454c4cU

struct teller {
    unsigned magic; /* TELLER_MAGIC */
    bool json;
    struct writer *findings;
};

OBJECT_CAST(teller, TELLER_MAGIC)

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
                  head_finding_words(f->kind));
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
    int code = command->verifier ? head_file_verifier(command->verifier, &verifier) : EXIT_DONE;
    for (size_t i = 0; i < command->head_count; i++)
        writer_init(&bytes[i], NOTE_BYTES_MAX);
    for (size_t i = 0; i < command->head_count && code == EXIT_DONE; i++)
        code = head_file_read(command->heads[i], command->verifier ? &verifier : NULL, &bytes[i],
                              &heads[i]);
    if (code == EXIT_DONE) {
        qsort(heads, command->head_count, sizeof *heads, by_size);
        code = compare(command, spool_uid, heads, findings, result);
    }
    for (size_t i = 0; i < command->head_count; i++)
        writer_fini(&bytes[i]);
    return code;
}
