/* fault.h: named crash points for tests. Only where VSOCD_FAULTS is defined, which is the program
 * vsocd_faults: with VSOCD_FAULT=NAME[:N] in the environment the process sends itself SIGKILL the
 * N-th time (default: first) it comes past that point, with NAME:N:stop SIGSTOP, after which it
 * may go on; VSOCD_FAULT=list prints the points. The points are in fault_points.def. */
#ifndef VSOC_STORAGE_FAULT_H
#define VSOC_STORAGE_FAULT_H

#include <stdbool.h>

#ifdef VSOCD_FAULTS
enum fault {
#define FAULT_POINT(name, happened, holds) FAULT_##name,
#include "core/disk/fault_points.def"
#undef FAULT_POINT
    FAULT_COUNT
};

/* True once, when it is this point's turn. Thread: any. */
bool fault_turn(enum fault fault);
void fault_meet(void);
_Noreturn void fault_die(void);

/* Kills or stops the process when it is this point's turn. Thread: any. */
#define fault_point(name) (fault_turn(FAULT_##name) ? fault_meet() : (void)0)
/* True once, when it is this point's turn: the caller then does half of its work and dies with
 * fault_die. Thread: any. */
#define fault_due(name) fault_turn(FAULT_##name)
#else
#define fault_point(name) ((void)0)
#define fault_due(name)   false
#define fault_die()       ((void)0)
#endif

#endif
