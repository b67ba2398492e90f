/* Finds the end of an HTTP/1.1 answer: just enough of it to send the next request. */
#ifndef LOAD_TESTS_PEERS_SEND_REPLY_H
#define LOAD_TESTS_PEERS_SEND_REPLY_H

#include <stddef.h>

enum { SEND_REPLY_MORE = 0, SEND_REPLY_BAD = -1, SEND_REPLY_BYTES = 16384 };

struct send_reply {
    size_t held;
    char bytes[SEND_REPLY_BYTES + 1];
};

/* Forgets the last answer. */
void send_reply_start(struct send_reply *reply);

/* Adds bytes. Returns the status when the answer is whole, SEND_REPLY_MORE when more must come,
 * SEND_REPLY_BAD when it is no HTTP answer or larger than SEND_REPLY_BYTES. The length comes from
 * Content-Length, chunks or the status (204, 304). Thread: one at a time. */
int send_reply_feed(struct send_reply *reply, const char *bytes, size_t count);

#endif
