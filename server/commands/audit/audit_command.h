/* audit_command.h: `vsocd audit`: what was asked, and its verbs. Thread: main. */
#ifndef VSOC_SERVER_AUDIT_COMMAND_H
#define VSOC_SERVER_AUDIT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

struct audit_command {
    char dir[4096];  /* of the spool */
    char keys[4096]; /* verify: privacy.keys_file of settings that were named, or empty */
    uint64_t from_position, to_position;
    int64_t from_ns, to_ns; /* by the time of the record in the spool */
    const char *kind;       /* NULL: all */
    bool json;
    const char *head, *verifier; /* verify: a signed head kept elsewhere, and who signs; or NULL */
};

/* Each returns an exit status. */
int audit_list(const struct audit_command *command);
int audit_follow(const struct audit_command *command);
int audit_verify(const struct audit_command *command);

#endif
