/* One connection of the generator: plain or TLS, not blocking. It moves bytes and knows no HTTP. */
#ifndef LOAD_TESTS_FLEET_LINK_H
#define LOAD_TESTS_FLEET_LINK_H

#include "fleet_tls.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* What happens on a link. Each call is the last thing that the link does in its callback, so the
 * owner may close and open it again there. */
struct fleet_link_calls {
    void (*on_open)(void *owner);   /* connected and, with TLS, shaken hands */
    void (*on_data)(void *owner);   /* link->in has grown */
    void (*on_closed)(void *owner); /* by the peer or by an error; link->eof tells them apart */
};

/* Embedded in its owner; set up by fleet_link_init. */
struct fleet_link {
    struct event_base *base;
    const struct fleet_link_calls *calls;
    void *owner;
    struct event read_event, write_event;
    int fd;         /* -1: closed */
    bool open, eof; /* eof: the peer has ended it in order */
    SSL *ssl;       /* NULL: plain */
    const char *out;
    size_t out_bytes; /* not sent yet */
    char *in;         /* what has arrived and was not consumed */
    size_t in_bytes, in_room;
};

/* Closed. base, calls and owner outlive the link. Thread: the loop's, as all below. */
void fleet_link_init(struct fleet_link *link, struct event_base *base,
                     const struct fleet_link_calls *calls, void *owner);

/* Closes it and frees its buffer. */
void fleet_link_fini(struct fleet_link *link);

/* Begins to connect; tls NULL: plain. on_open or on_closed follows. False: not even begun (no
 * descriptors, no memory); it is closed then and nothing follows. */
__attribute__((warn_unused_result)) bool fleet_link_connect(struct fleet_link *link,
                                                            const struct sockaddr *address,
                                                            socklen_t address_bytes,
                                                            struct fleet_tls *tls);

/* Sends bytes that the owner keeps until link->out_bytes is 0 or the link is closed. The link is
 * open and has sent what it had before. An error shows as on_closed later, never in this call. */
void fleet_link_send(struct fleet_link *link, const char *data, size_t bytes);

/* Forgets the first bytes of link->in. */
void fleet_link_consume(struct fleet_link *link, size_t bytes);

/* Ends it at once, with TLS after close_notify; closed already: nothing. */
void fleet_link_close(struct fleet_link *link);

#endif
