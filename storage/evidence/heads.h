/* heads.h: the signed heads of the tree: data_dir/evidence/heads, append-only, older parts as
 * heads-SIZE, the newest also as the text file `head`.
 *
 * An entry: u32 bytes of what follows its CRC · u32 CRC32C of that · i64 time signed, ns (all
 * little-endian) · the signed note. A part of HEADS_PART_BYTES is complete and gets the size of its
 * first head as 20 digits in its name. */
#ifndef VSOC_STORAGE_EVIDENCE_HEADS_H
#define VSOC_STORAGE_EVIDENCE_HEADS_H

#include "storage/evidence/formats/checkpoint.h"

#define HEADS_FILE       "heads"
#define HEADS_TEXT_FILE  "head"
#define HEADS_PART_BYTES (UINT64_C(4) << 20)

struct evidence_head {
    uint64_t size;
    uint8_t root[MERKLE_HASH_BYTES];
    int64_t signed_ns; /* wall clock of the signer */
    struct slice note; /* whole, as signed */
};

/* Reads size and root out of a note; checks no signature. head->note is the given one. Statuses of
 * note_parse and checkpoint_parse. */
enum status evidence_head_parse(struct slice note, int64_t signed_ns,
                                struct evidence_head *head) must_check;

struct evidence_heads;

/* Opens the heads of the folder (data_dir/evidence), which exists, for appending: cuts an
 * unfinished last entry. CORRUPT: an entry is damaged that others follow. IO, NO_MEMORY. */
enum status evidence_heads_open(const char *dir, struct evidence_heads **out) must_check;
void evidence_heads_close(struct evidence_heads *heads); /* NULL is allowed */
/* False: there is none yet. *head is valid until the next append. */
bool evidence_heads_newest(const struct evidence_heads *heads, struct evidence_head *head);
/* Without stored heads, takes that of the text file, if there is one: only it comes with a spool
 * from an archive. MALFORMED: it is no head; else as evidence_heads_append. */
enum status evidence_heads_adopt(struct evidence_heads *heads) must_check;
/* Stores a head durably, then as text. On failure nothing is stored. NO_SPACE, IO, NO_MEMORY. */
enum status evidence_heads_append(struct evidence_heads *heads,
                                  const struct evidence_head *head) must_check;

/* Calls on_head for stored heads of the folder in ascending order of size, from the first of at
 * least `from` on, until it returns false. head is valid during the call. A folder without heads is
 * OK. CORRUPT: a damaged entry, which ends the walk. IO, NO_MEMORY. Thread: any, any process. */
enum status evidence_heads_walk(const char *dir, uint64_t from,
                                bool (*on_head)(void *arg, const struct evidence_head *head),
                                void *arg) must_check;
/* The newest heads of less than `below` leaves first, `most` of them at most. Reads no more than
 * the parts that have them. Statuses of evidence_heads_walk. Thread: any, any process. */
enum status evidence_heads_recent(const char *dir, uint64_t below, size_t most,
                                  void (*on_head)(void *arg, const struct evidence_head *head),
                                  void *arg) must_check;
/* The newest stored head of the folder, its note appended to *note (head->note is there).
 * NOT_FOUND: there is none. Thread: any, any process. */
enum status evidence_heads_last(const char *dir, struct writer *note,
                                struct evidence_head *head) must_check;

#endif
