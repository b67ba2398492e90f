/* retired.c: looks for records of removals in a spool directory. The caller's thread. Takes no lock
 * and changes nothing. */
#include "storage/evidence/retired.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/evidence/tree.h"
#include "storage/spool/spool.h"
#include "storage/spool/spool_segment.h"

#define PATH_BYTES 4300

struct search {
    const struct retired_question *question;
    struct spool_segment_header oldest; /* of the oldest segment */
    struct retired best;
};

/* --- what a removal says -------------------------------------------------------------------- */

/* NOT_FOUND: there is no such tree. */
static enum status tree_has_root(const char *dir, const struct retirement *r, bool *has)
{
    uint8_t root[MERKLE_HASH_BYTES];
    uint64_t leaves = 0;
    struct evidence_tree *tree;
    enum status status = evidence_tree_open(dir, false, &tree);
    if (status != STATUS_OK)
        return status;
    status = evidence_tree_stored(tree, &leaves);
    if (status == STATUS_OK && r->tree_size <= leaves)
        status = evidence_tree_root(tree, r->tree_size, root);
    *has = status == STATUS_OK && r->tree_size <= leaves && !memcmp(root, r->root, sizeof root);
    evidence_tree_close(tree);
    return status == STATUS_NOT_FOUND || status == STATUS_MALFORMED ? STATUS_OK : status;
}

/* Of the tree, or of one that was set aside when another was begun. */
static enum status has_root(const char *tree_dir, const struct retirement *r, bool *has)
{
    char before[PATH_BYTES];
    *has = true;
    if (!tree_dir)
        return STATUS_OK;
    enum status status = tree_has_root(tree_dir, r, has);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK; /* nothing to compare with */
    for (unsigned n = 2; status == STATUS_OK && !*has; n++) {
        snprintf(before, sizeof before, "%.4200s/../before-%u/tree", tree_dir, n);
        status = tree_has_root(before, r, has);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Recovery does not know the chain before an oldest segment whose header it had to make again. */
static bool is_continued(const struct retirement *r, const struct spool_segment_header *oldest)
{
    static const uint8_t unknown[SHA256_BYTES];
    return r->last < oldest->first_position &&
           (!memcmp(r->chain_hash, oldest->chain_before, SHA256_BYTES) ||
            (oldest->flags & SPOOL_SEGMENT_SALVAGED &&
             !memcmp(oldest->chain_before, unknown, SHA256_BYTES)));
}

static enum status consider(struct search *s, const struct batch_record *record)
{
    struct retired r = {.position = record->meta.position};
    bool true_root;
    if (retirement_read(record->body, &r.what) != STATUS_OK)
        return STATUS_OK; /* not this program's */
    uint64_t end = retired_end(&r);
    if (end > s->question->leaf || (s->best.position && end <= retired_end(&s->best)))
        return STATUS_OK;
    if (end == s->oldest.leaves_before && !is_continued(&r.what, &s->oldest))
        return STATUS_OK;
    enum status status = has_root(s->question->tree_dir, &r.what, &true_root);
    if (status == STATUS_OK && true_root)
        s->best = r;
    return status;
}

/* --- looking for it ------------------------------------------------------------------------- */

/* Records at positions [first, after); after 0: to the end. */
static enum status search(struct search *s, struct spool_reader *reader, uint64_t after)
{
    for (;;) {
        uint64_t position;
        uint32_t events;
        struct batch_record record;
        enum status status = spool_reader_peek(reader, &position, &events);
        if (status == STATUS_OK && after && position >= after)
            return STATUS_OK;
        if (status == STATUS_OK && spool_reader_peeked(reader)->kind != BATCH_KIND_RETIREMENT) {
            spool_reader_skip(reader);
            continue;
        }
        if (status == STATUS_OK)
            status = spool_reader_next(reader, &record);
        if (status == STATUS_OK)
            status = consider(s, &record);
        if (status != STATUS_OK && status != STATUS_CORRUPT)
            return status == STATUS_END ? STATUS_OK : status;
    }
}

/* NOT_FOUND: it was removed since the listing. */
static enum status read_oldest(int dir_fd, uint64_t first, struct spool_segment_header *header)
{
    int fd;
    enum status status = spool_segment_open(dir_fd, first, false, &fd);
    if (status != STATUS_OK)
        return status;
    status = spool_segment_read_header(fd, header);
    close(fd);
    if (status == STATUS_CORRUPT) /* nothing can be compared with it */
        *header =
            (struct spool_segment_header){.first_position = first, .leaves_before = UINT64_MAX};
    return status == STATUS_CORRUPT ? STATUS_OK : status;
}

static enum status list(const char *spool_dir, uint64_t **firsts, size_t *count,
                        struct spool_segment_header *oldest)
{
    int fd = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_NOT_FOUND;
    enum status status;
    do {
        status = spool_segment_list(fd, firsts, count);
        if (status != STATUS_OK || !*count)
            break;
        status = read_oldest(fd, (*firsts)[0], oldest);
        if (status != STATUS_OK)
            free(*firsts);
    } while (status == STATUS_NOT_FOUND);
    close(fd);
    return status;
}

enum status retired_before(const struct retired_question *question, struct retired *out)
{
    uint64_t *firsts;
    size_t count;
    struct search s = {.question = question};
    enum status status = list(question->spool_dir, &firsts, &count, &s.oldest);
    if (status != STATUS_OK)
        return status;
    if (question->after && s.oldest.first_position <= question->after)
        count = 0; /* the record before them is there */
    for (size_t i = count; i > 0 && status == STATUS_OK && !s.best.position; i--) {
        struct spool_reader *reader;
        status = spool_reader_open_dir(question->spool_dir, firsts[i - 1] - 1, &reader);
        if (status != STATUS_OK)
            break;
        spool_reader_heads_only(reader);
        status = search(&s, reader, i < count ? firsts[i] : 0);
        spool_reader_close(reader);
    }
    free(firsts);
    if (status == STATUS_OK)
        *out = s.best;
    return status;
}

void retired_write_text(struct writer *w, const struct retired *retired)
{
    const struct retirement *r = &retired->what;
    writer_format(w,
                  "records up to position %" PRIu64 ", the first %" PRIu64
                  " leaves, were removed: the record at position %" PRIu64 " says so (%s%s)\n",
                  r->last, retired_end(retired), retired->position, retirement_cause_text(r->cause),
                  r->cause == RETIREMENT_AGE ? "" : ", before evidence.retention was over");
}

void retired_write_json(struct writer *w, const struct retired *retired)
{
    const struct retirement *r = &retired->what;
    writer_format(w,
                  "{\"record\":%" PRIu64 ",\"to_position\":%" PRIu64 ",\"leaves\":%" PRIu64
                  ",\"reason\":\"%s\"}",
                  retired->position, r->last, retired_end(retired),
                  retirement_cause_text(r->cause));
}
