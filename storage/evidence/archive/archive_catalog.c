/* archive_catalog.c: reads the index objects of an archive and puts them in order. The caller's
 * thread. Reads no segment. */
#include "storage/evidence/archive/archive_restore.h"

#include <stdlib.h>

#include "core/object.h"

#define LISTING_MAGIC 0x41434c49U

struct listing {
    unsigned magic; /* LISTING_MAGIC */
    struct archive_target *target;
    const uint8_t *wanted; /* NULL: any */
    bool has_uid;
    uint8_t uid[UUID_BYTES];
    struct archive_catalog *catalog;
    archive_finding_fn found;
    void *arg;
    struct writer json, head;
    struct problem *problem;
};

OBJECT_CAST(listing, LISTING_MAGIC)

const char *archive_finding_text(enum archive_finding finding)
{
    static const char *const texts[] = {"index", "object", "leaves", "missing", "twice"};
    return texts[finding];
}

static enum status add(struct archive_catalog *c, const struct archive_entry *entry)
{
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 256;
        struct archive_entry *grown = realloc(c->entries, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        c->entries = grown;
        c->room = room;
    }
    c->entries[c->count] = *entry;
    c->entries[c->count++].head = SLICE_EMPTY;
    return STATUS_OK;
}

static void keep_head(struct archive_catalog *c, const struct archive_entry *entry)
{
    uint64_t leaves = archive_head_size(entry->head);
    if (!entry->head.size || leaves < c->head_leaves ||
        entry->first_leaf + entry->leaf_hashes < leaves)
        return;
    writer_reset(&c->head);
    writer_add_slice(&c->head, entry->head);
    c->head_leaves = leaves;
}

/* Two forms of one segment: recovery after damage made another file of it. The one with more
 * records is the whole one. */
static void settle_twice(struct listing *l, const struct archive_entry *entry)
{
    struct archive_entry *last = &l->catalog->entries[l->catalog->count - 1];
    l->found(l->arg, ARCHIVE_FINDING_TWICE, entry, "the segment is archived in two forms");
    if (entry->records > last->records)
        *last = *entry;
    last->head = SLICE_EMPTY;
}

static enum status take_entry(struct listing *l, const char *name)
{
    struct archive_entry entry;
    char own[ARCHIVE_NAME_BYTES];
    writer_reset(&l->json);
    enum status status = archive_target_read(l->target, name, &l->json, l->problem);
    if (status == STATUS_OK)
        status = archive_entry_read(writer_slice(&l->json), &entry, &l->head);
    if (status == STATUS_OK) {
        archive_object_name(&entry, ARCHIVE_INDEX, own);
        if (strcmp(own, name) != 0)
            status = STATUS_MALFORMED;
    }
    if (status == STATUS_MALFORMED || status == STATUS_TOO_LARGE || status == STATUS_VERSION) {
        l->found(l->arg, ARCHIVE_FINDING_INDEX, NULL, name);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    keep_head(l->catalog, &entry);
    const struct archive_catalog *c = l->catalog;
    if (c->count && c->entries[c->count - 1].segment == entry.segment) {
        settle_twice(l, &entry);
        return STATUS_OK;
    }
    return add(l->catalog, &entry);
}

static enum status take_name(void *arg, struct slice name)
{
    struct listing *l = listing_cast(arg);
    uint8_t uid[UUID_BYTES];
    uint64_t segment;
    char text[ARCHIVE_NAME_BYTES];
    if (name.size >= sizeof text || !archive_index_name_parse(name, uid, &segment))
        return STATUS_OK;
    if (l->wanted ? memcmp(uid, l->wanted, UUID_BYTES) != 0 : false)
        return STATUS_OK;
    if (l->has_uid && memcmp(uid, l->uid, UUID_BYTES) != 0) {
        problem_say(l->problem, "the archive holds several spools: name one with --spool");
        return STATUS_CONFLICT;
    }
    memcpy(l->uid, uid, UUID_BYTES);
    l->has_uid = true;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return take_entry(l, text);
}

static void check_order(const struct listing *l)
{
    const struct archive_catalog *c = l->catalog;
    for (size_t i = 1; i < c->count; i++) {
        const struct archive_entry *before = &c->entries[i - 1], *e = &c->entries[i];
        if (e->events_before != before->events_before + before->events ||
            memcmp(e->chain_before, before->chain_hash, SHA256_BYTES) != 0)
            l->found(l->arg, ARCHIVE_FINDING_MISSING, e,
                     "the segment does not continue the one before it");
    }
}

enum status archive_catalog_read(struct archive_target *target, const uint8_t *spool_uid,
                                 archive_finding_fn found, void *arg,
                                 struct archive_catalog *catalog, struct problem *problem)
{
    struct listing l = {.magic = LISTING_MAGIC,
                        .target = target,
                        .wanted = spool_uid,
                        .catalog = catalog,
                        .found = found,
                        .arg = arg,
                        .problem = problem};
    *catalog = (struct archive_catalog){0};
    problem_say(problem, "%s", "");
    writer_init(&catalog->head, ARCHIVE_HEAD_BYTES_MAX);
    writer_init(&l.json, ARCHIVE_ENTRY_BYTES_MAX);
    writer_init(&l.head, ARCHIVE_HEAD_BYTES_MAX);
    enum status status = archive_target_list(target, take_name, &l, problem);
    writer_fini(&l.json);
    writer_fini(&l.head);
    if (status == STATUS_OK && !catalog->count) {
        problem_say(problem, "no archived segment is there");
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        check_order(&l);
    else
        archive_catalog_fini(catalog);
    return status;
}

void archive_catalog_fini(struct archive_catalog *catalog)
{
    free(catalog->entries);
    writer_fini(&catalog->head);
    *catalog = (struct archive_catalog){0};
}
