/* The ledger: which event ids the server has acknowledged, and as what. */
#ifndef LOAD_TESTS_FLEET_LEDGER_H
#define LOAD_TESTS_FLEET_LEDGER_H

#include "fleet_batch.h"
#include "fleet_report.h"

struct fleet_ledger;

/* Opens a new ledger file, replacing an old one. NULL (errno set) when it cannot be written. */
struct fleet_ledger *fleet_ledger_open(const char *path);

/* Writes one line for each event of an acknowledged batch: id TAB batch id TAB
 * accepted|duplicate|quarantined TAB content hash TAB VIN. Where the report names fewer events than
 * it counts, the others of the batch are written as "unlisted". The events are made a second time
 * for their hashes, so a run without a ledger pays nothing. */
void fleet_ledger_add(struct fleet_ledger *ledger, const struct fleet_event_plan *plan,
                      const struct fleet_batch *batch, const struct fleet_report *report);

/* Hands what was written to the kernel, so that a kill of the generator loses nothing older. */
void fleet_ledger_flush(struct fleet_ledger *ledger);

/* Closes it; NULL is allowed. False when a line could not be written: the ledger is then
 * incomplete. */
__attribute__((warn_unused_result)) bool fleet_ledger_close(struct fleet_ledger *ledger);

#endif
