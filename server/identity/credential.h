/* credential.h: the token of a request. Pure; thread: worker. */
#ifndef VSOC_SERVER_CREDENTIAL_H
#define VSOC_SERVER_CREDENTIAL_H

#include "core/arena.h"

/* The token in the value of Authorization: `Bearer TOKEN`, `Splunk TOKEN`, or Basic with the token
 * as the password. It points into the value or the arena. MALFORMED: another scheme or form;
 * NO_MEMORY. */
enum status credential_of_header(struct slice authorization, struct arena *arena,
                                 struct slice *token) must_check;

#endif
