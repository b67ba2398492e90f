/* Reads HTTP/1.1 replies from a libevent buffer: status, length, Retry-After, body. */
#ifndef LOAD_TESTS_FLEET_REPLY_H
#define LOAD_TESTS_FLEET_REPLY_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fleet_reply_state { FLEET_REPLY_MORE, FLEET_REPLY_DONE, FLEET_REPLY_BROKEN };

/* One reply being read. Set it to zeros with fleet_reply_init, end it with fleet_reply_fini. */
struct fleet_reply {
    int status; /* 0 until the status line was read */
    bool head_done, has_length, close;
    uint64_t length;
    uint32_t retry_after_s; /* 0 = not sent, or as a date */
    char *body;             /* zero-terminated for printing; owned by the reply */
    size_t body_bytes;
};

void fleet_reply_init(struct fleet_reply *reply);
void fleet_reply_fini(struct fleet_reply *reply);

/* Takes what has arrived out of `in`. MORE: call again when there is more. DONE: the fields are
 * final and bytes of a further reply stay in `in`. BROKEN: no HTTP/1.x, a chunked body (vsocd sends
 * none), or a body over 4 MiB. Interim 1xx replies are skipped. Thread: the loop's. */
enum fleet_reply_state fleet_reply_read(struct fleet_reply *reply, struct evbuffer *in);

/* The peer has closed: DONE for a body that had no length, else BROKEN. */
enum fleet_reply_state fleet_reply_end(struct fleet_reply *reply, struct evbuffer *in);

#endif
