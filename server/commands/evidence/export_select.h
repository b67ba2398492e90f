/* export_select.h: the words of `vsocd evidence export` that select records. Thread: main. */
#ifndef VSOC_SERVER_EXPORT_SELECT_H
#define VSOC_SERVER_EXPORT_SELECT_H

#include "core/log/problem.h"
#include "core/writer.h"
#include "storage/evidence/bundle/bundle_select.h"

#define EXPORT_PIDS_MAX 64

struct export_vehicle;

struct export_select {
    struct bundle_selection selection;
    struct export_vehicle *vehicle;    /* NULL: any */
    uint8_t pids[EXPORT_PIDS_MAX][32]; /* under which it was found */
    size_t pid_count;
};

/* batch: ids, separated by commas; from, to: RFC 3339. Each may be NULL. NULL, or what is wrong. */
const char *export_select_parse(struct export_select *select, const char *batch,
                                const char *vehicle, const char *from, const char *to);
/* Only records with events of this vehicle, under any key of the file. CONFIG, NO_MEMORY, statuses
 * of the file. */
enum status export_select_vehicle(struct export_select *select, const char *keys_file,
                                  const char *vin, struct problem *problem) must_check;
void export_select_fini(struct export_select *select);
/* The pseudonyms as a JSON array. */
void export_select_write_pids(const struct export_select *select, struct writer *w);

#endif
