/* fault.c: named crash points of test builds. Any thread; the choice is read before main. Does
 * nothing unless built with VSOCD_FAULTS. */
#include "core/disk/fault.h"

#ifdef VSOCD_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_COMPONENT "fault"
#include "core/log/log.h"

static const struct {
    const char *name, *happened, *holds;
} points[] = {
#define FAULT_POINT(name, happened, holds) {#name, happened, holds},
#include "core/disk/fault_points.def"
#undef FAULT_POINT
};

static enum fault chosen = FAULT_COUNT;
static unsigned long turn;
static bool halts; /* instead of dying */
static atomic_ulong passes;

static void print_points(void)
{
    for (size_t i = 0; i < FAULT_COUNT; i++)
        printf("%s\t%s\t%s\n", points[i].name, points[i].happened, points[i].holds);
    exit(0);
}

__attribute__((constructor)) static void choose(void)
{
    const char *wish = getenv("VSOCD_FAULT");
    if (!wish || !*wish)
        return;
    if (strcmp(wish, "list") == 0)
        print_points();
    size_t size = strcspn(wish, ":");
    for (size_t i = 0; i < FAULT_COUNT; i++)
        if (strlen(points[i].name) == size && memcmp(points[i].name, wish, size) == 0)
            chosen = (enum fault)i;
    char *rest = NULL;
    turn = wish[size] ? strtoul(wish + size + 1, &rest, 10) : 1;
    halts = rest && strcmp(rest, ":stop") == 0;
    if (chosen != FAULT_COUNT && turn > 0)
        return;
    fprintf(stderr, "VSOCD_FAULT: no such crash point: %s; VSOCD_FAULT=list prints them\n", wish);
    exit(64);
}

bool fault_turn(enum fault fault)
{
    return fault == chosen && atomic_fetch_add(&passes, 1) + 1 == turn;
}

void fault_meet(void)
{
    if (!halts)
        fault_die();
    /* To this thread: one that is sent to the process may reach another first, and this one goes on
     * meanwhile. */
    raise(SIGSTOP);
}

void fault_die(void)
{
    log_flush();
    fprintf(stderr, "crash point %s, pass %lu\n", points[chosen].name, turn);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
#else
/* ISO C wants something in a translation unit. */
typedef int fault_points_are_off;
#endif
