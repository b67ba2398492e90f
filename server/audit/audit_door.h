/* audit_door.h: how subcommands find the running server of a data directory: data_dir/audit.door,
 * two lines that only the server's user can read: the URL of the admin listener, and a token that
 * is good for POST /api/v1/audit until the server stops. */
#ifndef VSOC_SERVER_AUDIT_DOOR_H
#define VSOC_SERVER_AUDIT_DOOR_H

#include "core/log/problem.h"
#include "core/status.h"

#define AUDIT_DOOR_FILE        "audit.door"
#define AUDIT_DOOR_URL_BYTES   160
#define AUDIT_DOOR_TOKEN_BYTES 65

struct audit_door {
    char url[AUDIT_DOOR_URL_BYTES];     /* without a path */
    char token[AUDIT_DOOR_TOKEN_BYTES]; /* 32 random bytes in hex; empty: there is no door */
};

/* Makes a token and writes the file. bound: the admin listener's address, as listener_bind gives
 * it. NO_SPACE, IO, REFUSED. Thread: main. */
enum status audit_door_open(const char *data_dir, const char *bound, struct audit_door *door,
                            struct problem *problem) must_check;
/* Removes the file. */
void audit_door_close(const char *data_dir);
/* Reads it. NOT_FOUND: no server, or none that stopped in order left one; REFUSED: another user's;
 * MALFORMED, IO. Thread: any. */
enum status audit_door_read(const char *data_dir, struct audit_door *door,
                            struct problem *problem) must_check;

#endif
