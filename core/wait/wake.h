/* wake.h: a descriptor (eventfd) by which one thread wakes the poll or event loop of another. */
#ifndef VSOC_CORE_WAKE_H
#define VSOC_CORE_WAKE_H

/* The descriptor, owned by the caller, who closes it; readable after wake_send. -1 when the process
 * has none left. */
int wake_open(void);
/* Makes it readable until wake_clear. Thread: any, also in a signal handler; keeps errno. */
void wake_send(int fd);
/* Not readable until the next wake_send; one that is under way is not lost. Thread: the reader. */
void wake_clear(int fd);

#endif
