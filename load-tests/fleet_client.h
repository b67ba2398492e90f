/* One keep-alive connection that posts one batch after the other. */
#ifndef LOAD_TESTS_FLEET_CLIENT_H
#define LOAD_TESTS_FLEET_CLIENT_H

#include "fleet_run.h"

/* Makes a connection's state; nothing happens before fleet_client_open or fleet_client_begin. The
 * run outlives it. NULL when memory runs out. Thread: the loop's, as all below. */
struct fleet_client *fleet_client_create(struct fleet_run *run);
void fleet_client_destroy(struct fleet_client *client);

/* Connects ahead, again and again until it can, then calls fleet_run_opened. */
void fleet_client_open(struct fleet_client *client);

/* Begins with its first batch; connects when that is due, unless it has. */
void fleet_client_begin(struct fleet_client *client);

/* Repeats the request if its deadline (--timeout) has passed. */
void fleet_client_check(struct fleet_client *client, uint64_t now_ns);

#endif
