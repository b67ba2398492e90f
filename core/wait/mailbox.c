/* mailbox.c: a locked list with a condition variable and, when wanted, an eventfd. Thread: see each
 * function. Does not own the mail.
 *
 * Invariants (tests/models/group_commit.pml): a reader that sleeps, or polls the eventfd, is
 * notified of mail although only the first item notifies: putting and notifying, and taking and
 * clearing the eventfd, are one step each under the lock. Nothing arrives after close. */
#include "core/wait/mailbox.h"

#include <unistd.h>

#include "core/thread.h"
#include "core/wait/condition.h"
#include "core/wait/wake.h"

enum status mailbox_init(struct mailbox *box, bool with_event_fd)
{
    int fd = -1;
    if (with_event_fd) {
        fd = wake_open();
        if (fd < 0)
            return STATUS_BUSY;
    }
    *box = (struct mailbox){.last = &box->first, .event_fd = fd};
    condition_init(&box->wake);
    pthread_mutex_init(&box->lock, NULL);
    return STATUS_OK;
}

void mailbox_fini(struct mailbox *box)
{
    ensure(box->first == NULL);
    if (box->event_fd >= 0)
        close(box->event_fd);
    box->event_fd = -1;
    pthread_cond_destroy(&box->wake);
    pthread_mutex_destroy(&box->lock);
}

/* Under the lock, so that the descriptor cannot be closed meanwhile. */
static void mailbox_notify(struct mailbox *box)
{
    if (box->event_fd >= 0)
        wake_send(box->event_fd);
    pthread_cond_signal(&box->wake);
}

enum status mailbox_put(struct mailbox *box, struct mail *mail)
{
    pthread_mutex_lock(&box->lock);
    if (box->closed) {
        pthread_mutex_unlock(&box->lock);
        return STATUS_CLOSED;
    }
    bool was_empty = box->first == NULL;
    mail->next = NULL;
    *box->last = mail;
    box->last = &mail->next;
    box->count++;
    if (was_empty)
        mailbox_notify(box);
    pthread_mutex_unlock(&box->lock);
    return STATUS_OK;
}

/* All mail; the lock is held. */
static struct mail *mailbox_empty(struct mailbox *box)
{
    struct mail *all = box->first;
    box->first = NULL;
    box->last = &box->first;
    box->count = 0;
    if (box->event_fd >= 0)
        wake_clear(box->event_fd);
    return all;
}

struct mail *mailbox_take(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct mail *all = mailbox_empty(box);
    pthread_mutex_unlock(&box->lock);
    return all;
}

struct mail *mailbox_wait(struct mailbox *box, int64_t timeout_ns)
{
    int64_t end_ns = condition_end_ns(timeout_ns);
    pthread_mutex_lock(&box->lock);
    bool in_time = true;
    while (!box->first && !box->closed && in_time) {
        if (timeout_ns < 0)
            pthread_cond_wait(&box->wake, &box->lock);
        else
            in_time = condition_wait(&box->wake, &box->lock, end_ns);
    }
    struct mail *all = mailbox_empty(box);
    pthread_mutex_unlock(&box->lock);
    return all;
}

void mailbox_close(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->closed = true;
    mailbox_notify(box);
    pthread_mutex_unlock(&box->lock);
}

bool mailbox_is_closed(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    bool closed = box->closed;
    pthread_mutex_unlock(&box->lock);
    return closed;
}
