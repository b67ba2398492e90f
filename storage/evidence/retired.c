/* retired.c: looks for records of removals in a spool directory. The caller's thread. Takes no lock
 * and changes nothing. */
#include "storage/evidence/retired.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/spool/spool.h"
#include "storage/spool/spool_segment.h"

static void consider(struct retired *best, uint64_t leaf, const struct batch_record *record)
{
    struct retired r = {.position = record->meta.position};
    if (retirement_read(record->body, &r.what) != STATUS_OK)
        return; /* not this program's */
    if (retired_end(&r) <= leaf && (!best->position || retired_end(&r) > retired_end(best)))
        *best = r;
}

/* Records at positions [first, after); after 0: to the end. */
static enum status search(struct spool_reader *reader, uint64_t after, uint64_t leaf,
                          struct retired *best)
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
            consider(best, leaf, &record);
        else if (status != STATUS_CORRUPT)
            return status == STATUS_END ? STATUS_OK : status;
    }
}

static enum status list(const char *spool_dir, uint64_t **firsts, size_t *count)
{
    int fd = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_NOT_FOUND;
    enum status status = spool_segment_list(fd, firsts, count);
    close(fd);
    return status;
}

enum status retired_before(const char *spool_dir, uint64_t leaf, struct retired *out)
{
    uint64_t *firsts;
    size_t count;
    struct retired best = {.position = 0};
    enum status status = list(spool_dir, &firsts, &count);
    if (status != STATUS_OK)
        return status;
    for (size_t i = count; i > 0 && status == STATUS_OK && !best.position; i--) {
        struct spool_reader *reader;
        status = spool_reader_open_dir(spool_dir, firsts[i - 1] - 1, &reader);
        if (status != STATUS_OK)
            break;
        spool_reader_heads_only(reader);
        status = search(reader, i < count ? firsts[i] : 0, leaf, &best);
        spool_reader_close(reader);
    }
    free(firsts);
    if (status == STATUS_OK)
        *out = best;
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
