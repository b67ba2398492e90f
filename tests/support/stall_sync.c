/* stall_sync.c: LD_PRELOAD library: while the file $STALL_SYNC exists, fdatasync and fsync do not
 * return, as on a disk that hangs (a frozen file system, a lost path). They then succeed. Any
 * thread. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_while_stalled(void)
{
    const char *path = getenv("STALL_SYNC");
    const struct timespec moment = {.tv_nsec = 20000000};
    while (path && access(path, F_OK) == 0)
        nanosleep(&moment, NULL);
}

int fdatasync(int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    wait_while_stalled();
    return real(fd);
}

int fsync(int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    wait_while_stalled();
    return real(fd);
}
