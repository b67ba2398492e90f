/* mailbox.h: many writers, one reader. Notifies only when it was empty; the reader takes all at
 * once. The lock is a leaf: nothing else is locked while it is held. */
#ifndef VSOC_CORE_MAILBOX_H
#define VSOC_CORE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

/* Embedded in what is sent. In at most one mailbox at a time. */
struct mail {
    struct mail *next;
};

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic clock */
    struct mail *first, **last;
    size_t count;
    bool closed;
    int event_fd; /* -1, or an eventfd written when mail arrives in an empty box: for event loops */
};

/* with_event_fd: make an eventfd for an event loop. BUSY when there is no descriptor. */
enum status mailbox_init(struct mailbox *box, bool with_event_fd) must_check;
/* The box must be empty. */
void mailbox_fini(struct mailbox *box);
/* Appends. CLOSED: refused, the caller keeps ownership. Thread: any. */
enum status mailbox_put(struct mailbox *box, struct mail *mail) must_check;
/* Takes all mail, oldest first, as a list; NULL when empty. Clears the eventfd. Thread: the reader.
 */
struct mail *mailbox_take(struct mailbox *box);
/* Waits until there is mail, the box is closed, or timeout_ns passed (< 0: forever); then as
 * mailbox_take. */
struct mail *mailbox_wait(struct mailbox *box, int64_t timeout_ns);
/* Closes the mailbox for new mail and wakes the reader. Mail inside can still be read. Thread: any.
 */
void mailbox_close(struct mailbox *box);
bool mailbox_is_closed(struct mailbox *box);

#endif
