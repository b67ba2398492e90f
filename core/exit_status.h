/* exit_status.h: how the program and its subcommands end (sysexits.h). */
#ifndef VSOC_CORE_EXIT_STATUS_H
#define VSOC_CORE_EXIT_STATUS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 64,
    EXIT_UNAVAILABLE = 69,
    EXIT_BUG = 70,
    EXIT_DISK = 74,
    EXIT_CONFIG = 78,
};

#endif
