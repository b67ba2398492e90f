/* wake.c: see wake.h. Any thread. Carries no message: what happened is the caller's state. */
#include "core/wait/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_open(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* EAGAIN: its count is at the limit, so it is readable already. */
void wake_send(int fd)
{
    const uint64_t one = 1;
    int saved = errno;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = saved;
}

/* EAGAIN: nobody has sent since. */
void wake_clear(int fd)
{
    uint64_t count;
    int saved = errno;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    errno = saved;
}
