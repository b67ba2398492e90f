/* fault.c: named crash points of test builds. Any thread. Does nothing unless built with
 * VSOCD_FAULTS. */
#include "storage/fault.h"

#ifdef VSOCD_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Passes of the chosen point so far. */
static atomic_ulong fault_passes;

bool fault_due(const char *name)
{
    const char *chosen = getenv("VSOCD_FAULT");
    size_t size = strlen(name);
    if (!chosen || strncmp(chosen, name, size) != 0)
        return false;
    if (chosen[size] != '\0' && chosen[size] != ':')
        return false;
    unsigned long turn = chosen[size] == ':' ? strtoul(chosen + size + 1, NULL, 10) : 1;
    return atomic_fetch_add(&fault_passes, 1) + 1 == turn;
}

void fault_die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

void fault_point(const char *name)
{
    if (fault_due(name))
        fault_die();
}
#else
/* ISO C wants something in a translation unit. */
typedef int fault_points_are_off;
#endif
