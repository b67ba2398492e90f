/* bundle_heads.c: the heads of a bundle. Any thread; works on memory alone. Does not look at
 * time-stamp tokens. */
#include "storage/evidence/bundle/bundle_heads.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/evidence/formats/note_text.h"

static bool is_head(struct slice name)
{
    struct slice end = SLICE_LITERAL(".checkpoint");
    return slice_starts_with(name, "heads/") && name.size > end.size &&
           slice_equal(slice_sub(name, name.size - end.size, end.size), end);
}

static void head_name(uint64_t size, const char *suffix, char name[BUNDLE_NAME_BYTES_MAX])
{
    snprintf(name, BUNDLE_NAME_BYTES_MAX, "heads/%" PRIu64 ".%s", size, suffix);
}

/* Signed by a log of the policy, and named after its size. UNAVAILABLE: and too few witnesses. */
static enum status check_head(struct bundle_heads *h, const struct bundle_file *file,
                              struct checkpoint *checkpoint, struct policy_result *signers)
{
    struct note note;
    char name[BUNDLE_NAME_BYTES_MAX];
    enum status status = note_parse(file->bytes, &note);
    if (status == STATUS_OK)
        status = policy_verify(h->policy, &note, checkpoint, signers);
    if (status != STATUS_OK && status != STATUS_UNAVAILABLE) {
        problem_say(h->problem, "%.*s: %s", SLICE_ARGS(file->name),
                    status == STATUS_NOT_FOUND ? "not signed by a log of the policy"
                    : status == STATUS_REFUSED ? "a signature is wrong"
                                               : status_text(status));
        return status;
    }
    head_name(checkpoint->size, "checkpoint", name);
    if (!slice_equal_text(file->name, name)) {
        problem_say(h->problem, "%.*s is a head of another size", SLICE_ARGS(file->name));
        return STATUS_REFUSED;
    }
    return status;
}

static enum status find_largest(struct bundle_heads *h, const struct bundle_files *files)
{
    enum status largest = STATUS_NOT_FOUND;
    for (size_t i = 0; i < files->count; i++) {
        struct checkpoint checkpoint;
        struct policy_result signers;
        if (!is_head(files->files[i].name))
            continue;
        enum status status = check_head(h, &files->files[i], &checkpoint, &signers);
        if (status != STATUS_OK && status != STATUS_UNAVAILABLE)
            return status;
        if (!h->count++ || checkpoint.size > h->checkpoint.size) {
            largest = status;
            h->note = files->files[i].bytes;
            h->checkpoint = checkpoint;
            h->signers = signers;
        }
    }
    if (largest == STATUS_NOT_FOUND)
        problem_say(h->problem, "there is no signed head");
    else if (largest == STATUS_UNAVAILABLE)
        problem_say(h->problem, "too few witnesses have cosigned head %" PRIu64 ": %zu",
                    h->checkpoint.size, h->signers.cosigned);
    return largest;
}

static bool read_path(struct slice text, struct merkle_path *path)
{
    return note_text_path(&text, path) == STATUS_OK && !text.size;
}

static enum status check_continues(struct bundle_heads *h, const struct bundle_files *files,
                                   struct slice bytes)
{
    struct note note;
    struct checkpoint old;
    struct merkle_path path;
    char name[BUNDLE_NAME_BYTES_MAX];
    enum status status = note_parse(bytes, &note);
    if (status == STATUS_OK)
        status = checkpoint_parse(note.text, &old);
    if (status != STATUS_OK || old.size == h->checkpoint.size)
        return status;
    head_name(old.size, "consistency", name);
    const struct bundle_file *file = bundle_files_find(files, SLICE_EMPTY, name);
    if (!file || !read_path(file->bytes, &path) || !slice_equal(old.origin, h->checkpoint.origin) ||
        merkle_consistency_verify(old.size, old.root, h->checkpoint.size, h->checkpoint.root,
                                  &path) != STATUS_OK) {
        problem_say(h->problem, "head %" PRIu64 " does not continue head %" PRIu64,
                    h->checkpoint.size, old.size);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

/* A consistency proof is of an older head, and a token of any. */
static enum status check_other(struct bundle_heads *h, const struct bundle_files *files,
                               struct slice name)
{
    char head[BUNDLE_NAME_BYTES_MAX], largest[BUNDLE_NAME_BYTES_MAX];
    bool is_token = slice_starts_with(name, "time/");
    struct slice folder = bundle_folder_of(name);
    struct slice base = slice_sub(name, folder.size, SIZE_MAX);
    const uint8_t *end = slice_find_byte(base, is_token ? '-' : '.');
    if (!end)
        return STATUS_REFUSED;
    snprintf(head, sizeof head, "heads/%.*s.checkpoint", (int)(end - base.data),
             (const char *)base.data);
    head_name(h->checkpoint.size, "checkpoint", largest);
    if (bundle_files_find(files, SLICE_EMPTY, head) && (is_token || strcmp(head, largest) != 0))
        return STATUS_OK;
    problem_say(h->problem, "%.*s is of no %shead of the bundle", SLICE_ARGS(name),
                is_token ? "" : "older ");
    return STATUS_REFUSED;
}

static bool needs_head(struct slice name)
{
    return slice_starts_with(name, "time/") ||
           (slice_starts_with(name, "heads/") && !is_head(name));
}

enum status bundle_heads_check(struct bundle_heads *heads, const struct bundle_files *files)
{
    enum status status = find_largest(heads, files);
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++)
        if (is_head(files->files[i].name))
            status = check_continues(heads, files, files->files[i].bytes);
        else if (needs_head(files->files[i].name))
            status = check_other(heads, files, files->files[i].name);
    return status;
}
