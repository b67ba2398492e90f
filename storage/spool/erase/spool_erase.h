/* spool_erase.h: destroys the keys of a vehicle's records. The directory may be a running server's:
 * only the key areas of durable records are overwritten, which nobody else writes. Thread: one that
 * may wait for the disk. Bytes: docs/spool-format.md §3. */
#ifndef VSOC_STORAGE_SPOOL_ERASE_H
#define VSOC_STORAGE_SPOOL_ERASE_H

#include "storage/spool/batch.h"

struct spool_erase_options {
    const char *dir; /* with the segments */
    bool dry_run;    /* only counts */
    /* Whether the record, which names this vehicle in its keys, is to be erased. */
    bool (*chosen)(void *arg, const struct batch_meta *meta,
                   const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    /* Whether a hold keeps it: asked for each vehicle of the record, because the body as received
     * goes with the first one. May be NULL. */
    bool (*held)(void *arg, const struct batch_meta *meta,
                 const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    /* Before a segment is looked at, and after it was erased: what held() says stays so in between.
     * begin's failure ends the erasure with its status. Not in a dry run; both may be NULL. */
    enum status (*begin)(void *arg);
    void (*end)(void *arg);
    /* An entry of this vehicle is erased, or would be; may be NULL. */
    void (*taken)(void *arg, const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    /* After each segment; may be NULL. */
    void (*progress)(void *arg, uint64_t segments_done, uint64_t segments);
    void *arg;
};

struct spool_erase_counts {
    uint64_t records;     /* looked at */
    uint64_t erased;      /* or would be, in a dry run: of this vehicle alone */
    uint64_t parts;       /* the same: of several vehicles, of which the others stay */
    uint64_t held;        /* left: a hold keeps them */
    uint64_t undelivered; /* left: not all sinks have them yet */
    uint64_t clear;       /* left: their parts are not encrypted */
    uint64_t shared;      /* batches of no vehicle that is known, or of too many for parts */
    uint64_t old;         /* of version 1: neither encrypted nor attributed to a vehicle */
    uint64_t gone;        /* were erased before, or a vehicle in them */
    uint64_t damaged;     /* places that are not intact records */
};

/* Erases, durably, every chosen record up to the position that all cursors have reached. Repeating
 * it goes on where it was interrupted. NOT_FOUND: no spool there. VERSION, IO, NO_MEMORY: *counts
 * say how far it was. */
enum status spool_erase(const struct spool_erase_options *options,
                        struct spool_erase_counts *counts) must_check;

#endif
