/* archive_entry.h: the index object of an archived segment: what it holds, the hash of the object,
 * and the signed head that covers it. One JSON object, written after the segment: a segment without
 * it is not archived yet. Fields: docs/evidence.md. Thread: any. */
#ifndef VSOC_EVIDENCE_ARCHIVE_ENTRY_H
#define VSOC_EVIDENCE_ARCHIVE_ENTRY_H

#include "core/hash.h"
#include "core/uuid7.h"
#include "core/writer.h"

#define ARCHIVE_ENTRY_BYTES_MAX ((size_t)64 << 10)
#define ARCHIVE_HEAD_BYTES_MAX  ((size_t)32 << 10)
#define ARCHIVE_NAME_BYTES      128 /* of an object, with its NUL */

struct archive_entry {
    uint8_t spool_uid[UUID_BYTES];
    uint64_t segment;            /* its first position: the name of its file */
    uint64_t first, last;        /* positions of its records; 0: it has none */
    uint64_t records, events;    /* events and rejects in them */
    uint64_t events_before;      /* in all records before */
    uint64_t first_leaf, leaves; /* leaf indexes first_leaf … first_leaf + leaves - 1 */
    int64_t oldest_ns, newest_ns;
    uint64_t bytes;         /* of the segment's object */
    uint64_t damaged_bytes; /* of it, blanked because they were no intact record */
    uint64_t key_areas;     /* blanked, kept beside the spool */
    uint8_t sha256[SHA256_BYTES];
    uint8_t chain_before[SHA256_BYTES], chain_hash[SHA256_BYTES];
    uint64_t leaf_hashes; /* in their object, from first_leaf on; at least leaves, or 0: none */
    uint8_t leaves_sha256[SHA256_BYTES];
    struct slice head; /* signed checkpoint over at least first_leaf + leaves; empty: none */
};

/* The number of leaves that a signed checkpoint covers: its second line. 0: it is none. */
uint64_t archive_head_size(struct slice head);
/* Appends the JSON object. */
void archive_entry_write(struct writer *w, const struct archive_entry *entry);
/* Reads one. MALFORMED: it is none, or its values contradict each other; VERSION: made by a newer
 * version; NO_MEMORY. entry->head points into `head`, which is reset first and must outlive it. On
 * failure *entry is untouched. */
enum status archive_entry_read(struct slice json, struct archive_entry *entry,
                               struct writer *head) must_check;

/* The kinds of objects of a segment. */
enum archive_object { ARCHIVE_SEGMENT, ARCHIVE_LEAVES, ARCHIVE_INDEX };
/* SPOOL/FIRST-HASH.seg, .leaves or .json: the name follows from the content, so that a repeated
 * upload finds the first one. HASH: of the leaf hashes for .leaves, which go up to the newest head,
 * so that a later attempt may have more of them; else of the segment. */
void archive_object_name(const struct archive_entry *entry, enum archive_object kind,
                         char name[ARCHIVE_NAME_BYTES]);
/* True: the name of an index object; then spool_uid and segment are its. */
bool archive_index_name_parse(struct slice name, uint8_t spool_uid[UUID_BYTES], uint64_t *segment);

#endif
