/* bundle_prove.c: the head of a bundle, older heads that were time-stamped, and the proofs. The
 * owner's thread. */
#include "storage/evidence/bundle/bundle_export_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/object.h"
#include "storage/evidence/bundle/bundle_record.h"
#include "storage/evidence/formats/note_text.h"
#include "storage/evidence/formats/tlog_proof.h"
#include "storage/evidence/heads.h"

#define TOKENS_DIR      "tokens"
#define TOKEN_BYTES_MAX ((size_t)64 << 10)
#define TOKENS_MAX      4096
#define COSIGNED_FILE   "cosigned/head"
#define HEADS_LOOKED_AT 64

/* Takes the note as the bundle's head if it is good enough. */
static enum status try_head(struct bundle_export *x, struct slice note_bytes)
{
    struct note note;
    struct checkpoint checkpoint;
    enum status status = note_parse(note_bytes, &note);
    if (status == STATUS_OK)
        status = policy_verify(x->options.policy, &note, &checkpoint, NULL);
    if (status != STATUS_OK)
        return status;
    if (checkpoint.size <= x->custody.leaf_index)
        return STATUS_END;
    writer_reset(&x->head);
    writer_add_slice(&x->head, note_bytes);
    return x->head.status;
}

static enum status read_small(const char *dir, const char *name, size_t most, struct writer *out)
{
    char path[4600];
    uint8_t buffer[4096];
    ssize_t n;
    snprintf(path, sizeof path, "%.4200s/%.300s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_NOT_FOUND;
    while ((n = read(fd, buffer, sizeof buffer)) > 0 && out->size + (size_t)n <= most)
        writer_bytes(out, buffer, (size_t)n);
    close(fd);
    return n == 0 ? out->status : STATUS_IO;
}

enum status bundle_export_find_head(struct bundle_export *x, struct problem *problem)
{
    static const char *const files[] = {COSIGNED_FILE, HEADS_TEXT_FILE};
    enum status last = STATUS_NOT_FOUND;
    struct writer text;
    writer_init(&text, NOTE_BYTES_MAX);
    for (size_t i = 0; i < sizeof files / sizeof *files && last != STATUS_OK; i++) {
        writer_reset(&text);
        if (read_small(x->options.evidence_dir, files[i], NOTE_BYTES_MAX, &text) == STATUS_OK)
            last = try_head(x, writer_slice(&text));
    }
    writer_fini(&text);
    if (last == STATUS_OK)
        return STATUS_OK;
    problem_say(problem, "%s",
                last == STATUS_END         ? "no signed head covers the record of the export yet"
                : last == STATUS_NOT_FOUND ? "there is no head that a log of the policy signed"
                : last == STATUS_UNAVAILABLE
                    ? "too few witnesses of the policy have cosigned the newest head"
                    : status_text(last));
    return STATUS_UNAVAILABLE;
}

/* --- time-stamped heads --------------------------------------------------------------------- */

struct token {
    uint64_t size; /* of its head */
    unsigned authority;
};

struct tokens {
    struct token items[TOKENS_MAX];
    size_t count;
};

static int compare_tokens(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->authority > y->authority) - (x->authority < y->authority);
}

/* All tokens over heads that hold the first record and are parts of the bundle's. */
static void list_tokens(struct bundle_export *x, struct tokens *tokens)
{
    char path[4300];
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < x->count; i++)
        first = x->records[i].leaf_index < first ? x->records[i].leaf_index : first;
    snprintf(path, sizeof path, "%.4200s/" TOKENS_DIR, x->options.evidence_dir);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) && tokens->count < TOKENS_MAX;) {
        struct token t;
        int end = 0;
        if (sscanf(e->d_name, "%" SCNu64 "-%u.tsr%n", &t.size, &t.authority, &end) == 2 && end &&
            !e->d_name[end] && t.size > first && t.size <= x->checkpoint.size)
            tokens->items[tokens->count++] = t;
    }
    if (dir)
        closedir(dir);
    qsort(tokens->items, tokens->count, sizeof *tokens->items, compare_tokens);
}

static bool has_record(const struct bundle_export *x, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->records[i].leaf_index >= from && x->records[i].leaf_index < to)
            return true;
    return false;
}

/* The first time stamp after a record says most; later ones add nothing. */
static void keep_first(struct bundle_export *x, struct tokens *tokens)
{
    size_t kept = 0;
    uint64_t before = 0, size = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->items[i].size != size) {
            before = size;
            size = tokens->items[i].size;
        }
        if (has_record(x, before, size))
            tokens->items[kept++] = tokens->items[i];
    }
    tokens->count = kept;
}

#define STORED_HEAD_MAGIC 0x53544844U

struct stored_head {
    unsigned magic; /* STORED_HEAD_MAGIC */
    uint64_t size;
    struct writer *note;
};

OBJECT_CAST(stored_head, STORED_HEAD_MAGIC)

static bool on_head(void *arg, const struct evidence_head *head)
{
    struct stored_head *wanted = stored_head_cast(arg);
    if (head->size == wanted->size)
        writer_add_slice(wanted->note, head->note);
    return head->size < wanted->size;
}

/* An older head with the proof that the bundle's continues it. NOT_FOUND: it is not stored. */
static enum status add_old_head(struct bundle_export *x, uint64_t size)
{
    struct merkle_source source = evidence_tree_source(x->tree);
    struct merkle_path path;
    struct writer text;
    char name[64];
    writer_init(&text, NOTE_BYTES_MAX);
    struct stored_head wanted = {STORED_HEAD_MAGIC, size, &text};
    enum status status = evidence_heads_walk(x->options.evidence_dir, size, on_head, &wanted);
    if (status == STATUS_OK && !text.size)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = merkle_consistency(&source, size, x->checkpoint.size, &path);
    if (status == STATUS_OK) {
        snprintf(name, sizeof name, "heads/%" PRIu64 ".checkpoint", size);
        bundle_writer_add(x->options.writer, slice_from_text(name), writer_slice(&text));
        writer_reset(&text);
        note_text_write_path(&text, &path);
        snprintf(name, sizeof name, "heads/%" PRIu64 ".consistency", size);
        bundle_writer_add(x->options.writer, slice_from_text(name), writer_slice(&text));
    }
    writer_fini(&text);
    return status;
}

static enum status add_heads(struct bundle_export *x, struct tokens *tokens)
{
    char name[64];
    size_t kept = 0;
    list_tokens(x, tokens);
    keep_first(x, tokens);
    for (size_t i = 0; i < tokens->count; i++) {
        uint64_t size = tokens->items[i].size;
        bool again = kept && tokens->items[kept - 1].size == size;
        enum status status =
            again || size == x->checkpoint.size ? STATUS_OK : add_old_head(x, size);
        if (status == STATUS_OK)
            tokens->items[kept++] = tokens->items[i];
        else if (status != STATUS_NOT_FOUND)
            return status;
    }
    tokens->count = kept;
    snprintf(name, sizeof name, "heads/%" PRIu64 ".checkpoint", x->checkpoint.size);
    bundle_writer_add(x->options.writer, slice_from_text(name), writer_slice(&x->head));
    return STATUS_OK;
}

static void add_tokens(struct bundle_export *x, const struct tokens *tokens)
{
    struct writer token;
    char stored[64], name[64];
    writer_init(&token, TOKEN_BYTES_MAX);
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *t = &tokens->items[i];
        writer_reset(&token);
        snprintf(stored, sizeof stored, TOKENS_DIR "/%020" PRIu64 "-%u.tsr", t->size, t->authority);
        snprintf(name, sizeof name, "time/%" PRIu64 "-%u.tsr", t->size, t->authority);
        if (read_small(x->options.evidence_dir, stored, TOKEN_BYTES_MAX, &token) == STATUS_OK)
            bundle_writer_add(x->options.writer, slice_from_text(name), writer_slice(&token));
    }
    writer_fini(&token);
}

/* --- proofs --------------------------------------------------------------------------------- */

static enum status add_proof(struct bundle_export *x, const struct bundle_exported *r,
                             const char *folder, struct problem *problem)
{
    struct merkle_source source = evidence_tree_source(x->tree);
    struct tlog_proof proof = {.index = r->leaf_index, .note = writer_slice(&x->head)};
    struct writer text;
    enum status status = merkle_inclusion(&source, r->leaf_index, x->checkpoint.size, &proof.path);
    if (status == STATUS_OK)
        status = merkle_inclusion_verify(r->leaf, r->leaf_index, x->checkpoint.size, &proof.path,
                                         x->checkpoint.root);
    if (status != STATUS_OK) {
        problem_say(problem,
                    "position %" PRIu64 " is not in the tree as it is in the spool: %s; run "
                    "`vsocd evidence audit`",
                    r->position, status_text(status));
        return status == STATUS_REFUSED ? STATUS_CORRUPT : status;
    }
    writer_init(&text, NOTE_BYTES_MAX);
    tlog_proof_write(&text, &proof, NULL);
    bundle_writer_add_in(x->options.writer, folder, "proof.tlog-proof", writer_slice(&text));
    status = text.status;
    writer_fini(&text);
    return status;
}

static enum status add_custody(struct bundle_export *x, struct problem *problem)
{
    struct spool_reader *reader;
    struct batch_record record;
    enum status status =
        spool_reader_open_dir(x->options.spool_dir, x->custody.position - 1, &reader);
    if (status != STATUS_OK)
        return status;
    spool_reader_use_keys(reader, x->options.keys);
    status = spool_reader_next(reader, &record);
    if (status == STATUS_OK)
        status = record.meta.position == x->custody.position ? STATUS_OK : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = bundle_record_add(x->options.writer, "custody/", &record, x->spool_uid, problem);
    spool_reader_close(reader);
    return status == STATUS_OK ? add_proof(x, &x->custody, "custody/", problem) : status;
}

enum status bundle_export_proofs(struct bundle_export *x, struct problem *problem)
{
    static struct tokens tokens;
    struct note note;
    char folder[48];
    tokens.count = 0;
    enum status status = note_parse(writer_slice(&x->head), &note);
    if (status == STATUS_OK)
        status = checkpoint_parse(note.text, &x->checkpoint);
    if (status == STATUS_OK)
        status = add_heads(x, &tokens);
    if (status == STATUS_OK)
        add_tokens(x, &tokens);
    for (size_t i = 0; status == STATUS_OK && i < x->count; i++) {
        snprintf(folder, sizeof folder, "records/%" PRIu64 "/", x->records[i].position);
        status = add_proof(x, &x->records[i], folder, problem);
    }
    if (status == STATUS_OK)
        status = add_custody(x, problem);
    return status == STATUS_OK ? bundle_writer_status(x->options.writer) : status;
}
