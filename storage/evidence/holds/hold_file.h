/* hold_file.h: legal holds, and the file that has them: data_dir/evidence/holds. A line is 8 hex
 * digits, the CRC32C of the JSON object that follows a space; lines are only appended. A hold is
 * added by one line and released by another. Thread: any. */
#ifndef VSOC_EVIDENCE_HOLD_FILE_H
#define VSOC_EVIDENCE_HOLD_FILE_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"
#include "core/uuid7.h"

#define HOLDS_FILE      "holds" /* in data_dir/evidence */
#define HOLD_PID_BYTES  32
#define HOLD_TEXT_BYTES 512 /* of reason and of the user's name, with the NUL */

enum hold_kind { HOLD_VEHICLE, HOLD_BATCH, HOLD_TIME };

struct hold {
    uint8_t id[UUID_BYTES];
    enum hold_kind kind;
    uint8_t vehicle_pid[HOLD_PID_BYTES]; /* HOLD_VEHICLE */
    uint8_t batch_uid[UUID_BYTES];       /* HOLD_BATCH */
    int64_t from_ns, to_ns;              /* HOLD_TIME: times of receipt, both included */
    int64_t added_ns;
    int64_t until_ns; /* it ends by itself then; INT64_MAX: it does not */
    char reason[HOLD_TEXT_BYTES], by[HOLD_TEXT_BYTES];
    bool released;
    int64_t released_ns;
    char release_reason[HOLD_TEXT_BYTES], released_by[HOLD_TEXT_BYTES];
};

/* All holds that were ever added, in that order. */
struct holds {
    struct hold *items;
    size_t count, room;
    uint64_t damaged; /* lines that can't be read */
    uint64_t bytes;   /* of the file */
};

/* In force at this time. */
bool hold_is_active(const struct hold *hold, int64_t now_ns);
const char *hold_kind_text(enum hold_kind kind);

/* Reads the file; no file: no holds. On failure (IO, NO_MEMORY) nothing is held. */
enum status holds_read(const char *evidence_dir, struct holds *holds,
                       struct problem *problem) must_check;
/* The same from text. NO_MEMORY. */
enum status holds_parse(struct slice text, struct holds *holds) must_check;
void holds_fini(struct holds *holds);
/* NULL: there is no such hold. */
const struct hold *holds_find(const struct holds *holds, const uint8_t id[UUID_BYTES]);

/* The same, and nobody adds a hold until *fd is closed. Waits for who does. Creates the file if it
 * is missing. Thread: one that may wait. */
enum status holds_read_locked(const char *evidence_dir, int *fd, struct holds *holds,
                              struct problem *problem) must_check;

/* Append a line, synced, while no segment is being removed and none erased. The hold is in force on
 * return. REFUSED: it could not be read back, and is not written. Thread: one that may wait. */
enum status holds_add(const char *evidence_dir, const struct hold *hold,
                      struct problem *problem) must_check;
enum status holds_release(const char *evidence_dir, const struct hold *hold,
                          struct problem *problem) must_check;

/* For the side that removes: opens the file for holds_begin, creates it if it is missing. */
enum status holds_open(const char *evidence_dir, int *fd) must_check;
/* The same, but NOT_FOUND if it is missing. */
enum status holds_open_there(const char *evidence_dir, int *fd) must_check;
/* Nobody adds a hold until holds_end. *bytes: the size of the file. BUSY: somebody is adding one.
 */
enum status holds_begin(int fd, uint64_t *bytes) must_check;
void holds_end(int fd);
/* fd is the file that has the name in the directory now. */
bool holds_is_current(const char *evidence_dir, int fd);

#endif
