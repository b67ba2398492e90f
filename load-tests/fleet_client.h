/* One keep-alive connection that posts one batch after the other. */
#ifndef LOAD_TESTS_FLEET_CLIENT_H
#define LOAD_TESTS_FLEET_CLIENT_H

#include "fleet_run.h"

/* Makes a connection's state and schedules its first batch; it connects when that is due. The run
 * outlives it. NULL when memory runs out. Thread: the loop's. */
struct fleet_client *fleet_client_create(struct fleet_run *run);
void fleet_client_destroy(struct fleet_client *client);

#endif
