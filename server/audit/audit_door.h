/* audit_door.h: how subcommands find the running server of a data directory: data_dir/audit.door,
 * three lines that only the server's user can read: the URL of the admin listener; a token that is
 * good for POST /api/v1/audit until the server stops; and a key that is never sent. The file stays
 * after kill -9, and then anybody may listen at that URL and get the token: with the key the server
 * proves that it is the one that made the file, and that it has stored just this record. */
#ifndef VSOC_SERVER_AUDIT_DOOR_H
#define VSOC_SERVER_AUDIT_DOOR_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"

#define AUDIT_DOOR_FILE        "audit.door"
#define AUDIT_DOOR_URL_BYTES   160
#define AUDIT_DOOR_TOKEN_BYTES 65
#define AUDIT_DOOR_PROOF_BYTES 65
/* Header of the request: what the command has drawn at random, so that no proof is good twice. */
#define AUDIT_DOOR_NONCE "vsoc-nonce"

struct audit_door {
    char url[AUDIT_DOOR_URL_BYTES];     /* without a path */
    char token[AUDIT_DOOR_TOKEN_BYTES]; /* 32 random bytes in hex; empty: there is no door */
    char key[AUDIT_DOOR_TOKEN_BYTES];   /* the same */
};

/* Makes a token and a key, and writes the file. bound: the admin listener's address, as
 * listener_bind gives it. NO_SPACE, IO, REFUSED. Thread: main. */
enum status audit_door_open(const char *data_dir, const char *bound, struct audit_door *door,
                            struct problem *problem) must_check;
/* Removes the file. */
void audit_door_close(const char *data_dir);
/* Reads it. NOT_FOUND: no server, or none that stopped in order left one; REFUSED: another user's;
 * MALFORMED, IO. Thread: any. */
enum status audit_door_read(const char *data_dir, struct audit_door *door,
                            struct problem *problem) must_check;
/* What proves that the record in body is durable: HMAC-SHA-256 under the key, in hex. Thread: any.
 */
void audit_door_prove(const struct audit_door *door, struct slice nonce, struct slice body,
                      char proof[AUDIT_DOOR_PROOF_BYTES]);

#endif
