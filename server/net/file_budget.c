/* file_budget.c: shares of the open files. Any thread. Does not raise the limit; app.c does. */
#include "server/net/file_budget.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "server/net/balance.h"

#define WORKERS_MAX BALANCE_SEATS
/* Standard streams, locks, log and audit files, the spool's writer, the main loop, and files that
 * are open briefly: settings, certificates, name lookups. */
#define FILES_BASE 96
/* A worker's loop, its two eventfds, its copy of the listener, an accepted connection that is about
 * to be closed; and connections that were passed to it and are not counted yet. */
#define FILES_WORKER (8 + BALANCE_WAITING)
/* Minimum number of connections, however low the limit. */
#define LEAST 4

size_t file_budget_workers(const struct config *config)
{
    char *end;
    unsigned long n = strtoul(config->ingest_workers, &end, 10);
    if (end != config->ingest_workers && *end == '\0' && n > 0)
        return n < WORKERS_MAX ? n : WORKERS_MAX;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > 8 ? 8 : (size_t)cores;
}

static uint64_t others(const struct config *c, uint64_t sinks)
{
    return FILES_BASE + FILES_WORKER * file_budget_workers(c) + sinks;
}

static uint64_t at_least(uint64_t n)
{
    return n < LEAST ? LEAST : n;
}

struct file_budget file_budget_of(const struct config *config, uint64_t sinks, uint64_t limit)
{
    struct file_budget b = {.limit = limit,
                            .other = others(config, sinks),
                            .admin = FILES_ADMIN,
                            .refused = FILES_REFUSED};
    uint64_t fixed = b.other + b.admin + b.refused;
    b.needed = fixed + config->limit_connections;
    if (limit >= b.needed) {
        b.connections = config->limit_connections;
        return b;
    }
    if (limit >= 2 * fixed) {
        b.connections = limit - fixed;
        return b;
    }
    /* If files are scarce, half go to connections and half to the rest. */
    b.admin = at_least(limit / 32);
    b.refused = limit / 32;
    b.connections = at_least(limit / 2 - b.admin - b.refused);
    if (b.connections > config->limit_connections)
        b.connections = config->limit_connections;
    b.other = limit - b.connections - b.admin - b.refused;
    return b;
}

struct file_budget file_budget_now(const struct config *config, uint64_t sinks)
{
    struct rlimit files;
    bool none = getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY;
    return file_budget_of(config, sinks, none ? UINT64_MAX : (uint64_t)files.rlim_cur);
}
