/* reparse.h: reads the bodies of a spool again and compares the events made of them with those that
 * are stored: finds events that were changed in place, whatever hashes say. Main thread. */
#ifndef VSOC_SERVER_REPARSE_H
#define VSOC_SERVER_REPARSE_H

#include "server/config/config.h"
#include "storage/spool/spool.h"

struct reparse_finding {
    uint64_t position;
    uint32_t index;    /* place in the batch */
    bool not_compared; /* it could not be compared; else it differs */
    char detail[256];
};

struct reparse_options {
    const char *dir; /* with the segments */
    uint64_t from, to;
    const struct config *config; /* limits, plug-ins, catalogues */
    void (*on_finding)(void *arg, const struct reparse_finding *finding);
    void *arg;
};

struct reparse_result {
    uint64_t batches, events; /* compared */
    uint64_t differ;          /* batches that differ */
    uint64_t not_compared;    /* batches that could not be compared */
};

/* Damaged records are passed over: verify tells of them. OK also when there are findings, of which
 * one a batch is told. CONFIG: plug-ins or catalogues can't be used, said on stderr. IO, NO_MEMORY.
 */
enum status reparse_dir(const struct reparse_options *options,
                        struct reparse_result *result) must_check;

#endif
