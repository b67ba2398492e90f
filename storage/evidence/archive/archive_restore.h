/* archive_restore.h: what an archive holds, and how it becomes a spool again. Thread: main of a
 * command. */
#ifndef VSOC_EVIDENCE_ARCHIVE_RESTORE_H
#define VSOC_EVIDENCE_ARCHIVE_RESTORE_H

#include "storage/evidence/archive/archive_entry.h"
#include "storage/evidence/archive/archive_target.h"

/* What is wrong with an archive. */
enum archive_finding {
    ARCHIVE_FINDING_INDEX,   /* an index object can't be read */
    ARCHIVE_FINDING_OBJECT,  /* a segment's object is missing, or differs from its hash */
    ARCHIVE_FINDING_LEAVES,  /* the same for its leaf hashes */
    ARCHIVE_FINDING_MISSING, /* the segment does not continue the one before it */
    ARCHIVE_FINDING_TWICE,   /* a segment was archived in two forms; the later one is used */
};
const char *archive_finding_text(enum archive_finding finding);

/* The index of one spool in an archive, in the order of the log. Their heads are empty. */
struct archive_catalog {
    struct archive_entry *entries;
    size_t count, room;
    struct writer head;   /* the newest head whose leaf hashes are there up to its end */
    uint64_t head_leaves; /* leaves that it covers */
};

typedef void (*archive_finding_fn)(void *arg, enum archive_finding finding,
                                   const struct archive_entry *entry, const char *text);

/* Reads the index of the spool with this uid; NULL: of the only one, CONFLICT if there are several.
 * Calls found for what is wrong and goes on. NOT_FOUND: there is no segment. */
enum status archive_catalog_read(struct archive_target *target, const uint8_t *spool_uid,
                                 archive_finding_fn found, void *arg,
                                 struct archive_catalog *catalog,
                                 struct problem *problem) must_check;
void archive_catalog_fini(struct archive_catalog *catalog);

/* Compares the objects of an entry with the hashes in it. CORRUPT, NOT_FOUND: *wrong says which. */
enum status archive_check(struct archive_target *target, const struct archive_entry *entry,
                          enum archive_finding *wrong, struct problem *problem) must_check;

/* Writes the segment into the folder, checked, with its key areas from keys_fd (-1: they stay
 * blank), synced and under its name. EXISTS: the folder has a segment of this name. CORRUPT: the
 * object differs from its hash; nothing is left. *joined: key areas that were found. */
enum status archive_fetch(struct archive_target *target, const struct archive_entry *entry,
                          int folder, int keys_fd, uint64_t *joined,
                          struct problem *problem) must_check;
/* The same for this process alone: into a file on the folder's disk that never has a name while it
 * has bytes, so that nothing is left of it when the process ends, however that is. *fd: to be
 * closed. */
enum status archive_fetch_unnamed(struct archive_target *target, const struct archive_entry *entry,
                                  int folder, int keys_fd, int *fd,
                                  struct problem *problem) must_check;
/* Writes the entry's leaf hashes to fd at their place. OK also if it has none. */
enum status archive_fetch_leaves(struct archive_target *target, const struct archive_entry *entry,
                                 int fd, struct problem *problem) must_check;

#endif
