/* audit_note.h: a record as a batch for the spool, and the queue of those that wait. */
#ifndef VSOC_SERVER_AUDIT_NOTE_H
#define VSOC_SERVER_AUDIT_NOTE_H

#include <pthread.h>
#include "server/audit/audit_text.h"
#include "storage/spool/batch.h"

/* New batch with this record as its body. NULL: no memory. */
struct batch *audit_batch(const struct audit_head *head, const struct audit_field *fields,
                          size_t count);
/* Its head: a new uid, now. */
struct audit_head audit_head_now(enum audit_kind kind, const char *instance);

/* Notes that wait, at most. */
#define AUDIT_NOTES_MAX 4096

/* A record that waits: its text is made, so that it is what was said when it happened. */
struct audit_note {
    struct audit_note *next;
    struct audit_head head;
    size_t size;
    uint8_t json[];
};

struct audit_notes {
    pthread_mutex_t lock;
    struct audit_note *first, **last;
    size_t count;
    uint64_t lost; /* there was no room or memory for so many */
};

#define AUDIT_NOTES_INIT(notes)                                                                    \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .last = &(notes).first                                  \
    }

/* Thread: any. */
void audit_notes_add(struct audit_notes *notes, const struct audit_head *head,
                     const struct audit_field *fields, size_t count);
/* Takes all, oldest first; *lost gets how many are missing, and is counted no more. */
struct audit_note *audit_notes_take(struct audit_notes *notes, uint64_t *lost);
/* Puts a list from audit_notes_take back before those that came meanwhile. */
void audit_notes_give_back(struct audit_notes *notes, struct audit_note *list, uint64_t lost);
/* A batch of the note. NULL: no memory. */
struct batch *audit_note_batch(const struct audit_note *note);

#endif
