/* restart.h: a tree that an operator began anew, because spool or tree were rolled back, replaced
 * or forked: data_dir/evidence/generation. The new tree keeps the hashes up to where spool and old
 * tree agree, and signs under another origin, so that nobody takes it for the old one; the old tree
 * is kept in data_dir/evidence/before-N. */
#ifndef VSOC_STORAGE_EVIDENCE_RESTART_H
#define VSOC_STORAGE_EVIDENCE_RESTART_H

#include "core/log/problem.h"
#include "storage/evidence/formats/merkle.h"
#include "storage/evidence/formats/note_key.h"

#define EVIDENCE_REASON_BYTES 256

struct spool;

struct evidence_restart {
    unsigned generation; /* 1: the first tree */
    uint64_t size;       /* leaves kept, and their root */
    uint8_t root[MERKLE_HASH_BYTES];
    int64_t time_ns;
    char reason[EVIDENCE_REASON_BYTES]; /* one line */
};

/* What the folder (data_dir/evidence) says; without the file: generation 1 and nothing kept.
 * CORRUPT: not such a file. IO. Thread: any. */
enum status evidence_restart_read(const char *dir, struct evidence_restart *restart) must_check;
/* The origin of a generation: base, base/2, base/3, …. MALFORMED: too long. */
enum status evidence_restart_origin(const char *base, unsigned generation,
                                    char origin[NOTE_NAME_BYTES_MAX + 1]) must_check;
/* True if origin is that of an earlier generation than the one of `now`. */
bool evidence_restart_is_earlier(const char *now, unsigned generation, struct slice origin);

/* Sets the tree of dir aside and begins another that keeps the first `size` hashes, which are
 * stored there. The server must not run. LOCKED: it does; EXISTS, CORRUPT, NO_SPACE, IO, NO_MEMORY;
 * *problem says what happened.  After a crash in between nothing is signed
 * until it is called again. Thread: any. */
enum status evidence_restart(const char *dir, uint64_t size, const char *reason,
                             struct evidence_restart *restart, struct problem *problem) must_check;

/* Whether no record says yet that the tree was begun anew: an empty file `restarted` is in dir,
 * from evidence_restart until the record is there. Thread: any. */
bool evidence_restart_is_unrecorded(const char *dir);
void evidence_restart_recorded(const char *dir);

/* Whether the folder came from an archive: an empty file `restored` is in it, which goes with the
 * next head. */
bool evidence_is_restored(const char *dir);
void evidence_restored_done(const char *dir);

/* A segment that was damaged and set aside at this open of the spool took its leaf indexes along,
 * or the spool came from an archive that lacks the newest records: indexes below `size`, that of
 * the newest head in dir, are not given again, because the tree has their leaves. REFUSED: neither
 * is the case, and the spool has fewer records than the head all the same: it was rolled back or
 * replaced. Before spool_start. Thread: main. */
enum status evidence_keep_leaves(struct spool *spool, const char *dir, uint64_t size) must_check;

#endif
