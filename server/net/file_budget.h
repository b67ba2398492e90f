/* file_budget.h: how many open files (descriptors) a server with these settings needs, and how they
 * are shared if the limit of the process is lower. Spool, sinks and probes come first, because a
 * segment that can't be opened stops the server. Pure, except file_budget_now. Thread: any. */
#ifndef VSOC_SERVER_FILE_BUDGET_H
#define VSOC_SERVER_FILE_BUDGET_H

#include <stddef.h>
#include <stdint.h>
#include "server/config/config.h"

/* Connections of the admin listener. */
#define FILES_ADMIN 64
/* Ingest connections over a limit that stay open until their 503 is read. */
#define FILES_REFUSED 128

struct file_budget {
    uint64_t limit;       /* of the process; UINT64_MAX: none */
    uint64_t needed;      /* for all that the settings allow at once */
    uint64_t other;       /* loops, segments, sinks, log, and briefly opened files */
    uint64_t admin;       /* connections of the admin listener */
    uint64_t refused;     /* lingering connections that were refused */
    uint64_t connections; /* ingest connections that are served */
};

/* Ingest threads that the settings ask for, at most 64. */
size_t file_budget_workers(const struct config *config);
/* The shares at this limit of open files; sinks: how many the sinks need (sink_set_files). Their
 * sum never exceeds the limit. */
struct file_budget file_budget_of(const struct config *config, uint64_t sinks, uint64_t limit);
/* The shares at the current limit of the process. */
struct file_budget file_budget_now(const struct config *config, uint64_t sinks);

#endif
