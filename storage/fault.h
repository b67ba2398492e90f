/* fault.h: named crash points for tests. With the CMake option VSOCD_FAULTS and
 * VSOCD_FAULT=name[:n] in the environment, the process sends itself SIGKILL the n-th time (default:
 * first) it comes past that point. Nothing of it is in other builds. */
#ifndef VSOC_STORAGE_FAULT_H
#define VSOC_STORAGE_FAULT_H

#include <stdbool.h>

#ifdef VSOCD_FAULTS
/* Kills the process if it is this point's turn. Thread: any. */
void fault_point(const char *name);
/* True once, when it is this point's turn: the caller then does its work by halves and dies with
 * fault_die. Thread: any. */
bool fault_due(const char *name);
_Noreturn void fault_die(void);
#else
#define fault_point(name) ((void)0)
#define fault_due(name)   false
#define fault_die()       ((void)0)
#endif

#endif
