/* reparse.h: parses the bodies of a spool again and compares the results with the stored events:
 * finds events that were changed in place, even if all hashes match. Main thread. */
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
    const struct seal_keys *keys; /* NULL: none */
    const struct config *config;  /* limits, plug-ins, catalogues */
    void (*on_finding)(void *arg, const struct reparse_finding *finding);
    void *arg;
};

struct reparse_result {
    uint64_t batches, events; /* compared */
    uint64_t differ;          /* batches that differ */
    uint64_t not_compared;    /* batches that could not be compared */
};

/* Skips damaged records, which verify reports. OK also if there are findings; it reports one per
 * batch. CONFIG: plug-ins or catalogues can't be used, explained on stderr. IO, NO_MEMORY.
 */
enum status reparse_dir(const struct reparse_options *options,
                        struct reparse_result *result) must_check;

#endif
