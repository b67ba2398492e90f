/* conn_counts.h: the number of open connections, in total and per remote address, counted over all
 * workers. Only atomics, no lock: per address a counting sketch with a random key, which may count
 * too many (two addresses in all of its rows) but never too few. */
#ifndef VSOC_SERVER_CONN_COUNTS_H
#define VSOC_SERVER_CONN_COUNTS_H

#include <stdint.h>
#include "core/slice.h"
#include "core/status.h"
#include "server/connection/conn_half.h"

struct conn_counts;

/* NULL when memory is out. */
struct conn_counts *conn_counts_create(void);
/* All connections must have left. NULL is allowed. */
void conn_counts_destroy(struct conn_counts *counts);
/* Counts one more connection of address (bytes of the IP address or any other name of the sender).
 * BUSY: max_total are open; TOO_MANY: max_per_address of this address are open; then nothing was
 * counted. Thread: any. */
enum status conn_counts_enter(struct conn_counts *counts, struct slice address, uint64_t max_total,
                              uint64_t max_per_address) must_check;
/* Undoes one enter of the same address. Thread: any. */
void conn_counts_leave(struct conn_counts *counts, struct slice address);
/* Counts a connection that is over a limit and stays open briefly so that the client can read the
 * reason. False: max_refused already do. Thread: any. */
bool conn_counts_enter_refused(struct conn_counts *counts, uint64_t max_refused) must_check;
/* Undoes one. Thread: any. */
void conn_counts_leave_refused(struct conn_counts *counts);
/* Shared state of partial connections. */
struct conn_gate *conn_counts_gate(struct conn_counts *counts);

#endif
