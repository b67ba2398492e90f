/* sign_server.h: the process `vsocd signer`: answers requests at a unix socket, one after the
 * other. Thread: main. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGN_SERVER_H
#define VSOC_STORAGE_EVIDENCE_SIGN_SERVER_H

#include <sys/types.h>

#include "storage/evidence/formats/note.h"
#include "storage/evidence/signer/sign_state.h"

struct sign_server {
    struct note_signer key; /* in the memory of this process or in a token */
    struct sign_state *state;
    const uid_t *peers; /* users whose processes may ask */
    size_t peer_count;
};

/* Appends the answer to one request: checks it against the state, makes the new state durable, then
 * signs. Always appends one. */
void sign_server_answer(const struct sign_server *server, struct slice request, struct writer *out);
/* Answers connections of listen_fd, in the order in which they come, until stop_fd is readable. A
 * peer has 5 seconds. A process of another user than the peers' gets no answer but a refusal. */
void sign_server_run(const struct sign_server *server, int listen_fd, int stop_fd);

#endif
