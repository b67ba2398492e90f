/* balance.h: which loop serves a new connection: the one with the fewest. Whichever loop wakes
 * first accepts, and passes the descriptor on when another loop has fewer connections; so the
 * counts of all loops stay within one of each other while connections arrive and each loop comes
 * for what was passed to it. One lock, a leaf. */
#ifndef VSOC_SERVER_BALANCE_H
#define VSOC_SERVER_BALANCE_H

#include <stdbool.h>
#include <sys/socket.h>
#include "core/status.h"

struct balance;
struct balance_seat; /* of one loop */

/* Loops that may join. */
#define BALANCE_SEATS 64
/* Connections that wait to be taken by one loop. A loop that does not come for them is busier than
 * its count says: then the loop that accepted keeps the connection. */
#define BALANCE_WAITING 16

/* A connection as accept returned it. */
struct accepted {
    int fd;
    socklen_t address_size;
    struct sockaddr_storage address;
};

/* NULL when memory is out. Thread: any. */
struct balance *balance_create(void);
/* Nothing may wait in it: all loops have left. NULL is allowed. */
void balance_destroy(struct balance *balance);
/* A seat for a loop; notify(arg) is called on any thread, under the lock, when a connection waits
 * for it. NULL: BALANCE_SEATS loops have joined before. Thread: any. */
struct balance_seat *balance_join(struct balance *balance, void (*notify)(void *arg), void *arg);
/* Counts the connection that self has accepted for the loop with the fewest. True: that is self,
 * who keeps it; false: it was passed on, and its descriptor belongs to the other loop. Thread:
 * self's loop. */
bool balance_place(struct balance_seat *self, const struct accepted *connection) must_check;
/* Takes one of the connections passed to self, which are counted already. False: none waits.
 * Thread: self's loop. */
bool balance_take(struct balance_seat *self, struct accepted *out) must_check;
/* A connection that was counted for self has been closed. Thread: self's loop. */
void balance_left(struct balance_seat *self);
/* While held, other loops pass nothing to self. Thread: self's loop. */
void balance_hold(struct balance_seat *self, bool held);
/* Nothing is passed to self from now on; what was passed before can be taken. May be called again.
 * Thread: self's loop. */
void balance_leave(struct balance_seat *self);

#endif
