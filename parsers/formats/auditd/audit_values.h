/* audit_values.h: values collected from the records of one audit event. Plain data, one owner, one
 * event. */
#ifndef VSOC_PARSERS_AUDIT_VALUES_H
#define VSOC_PARSERS_AUDIT_VALUES_H

#include "core/slice.h"

/* Arguments of an EXECVE record, joined as they come. */
struct audit_command {
    uint8_t *bytes;
    size_t size, room;
    bool is_cut;
};

struct audit_host {
    struct slice acct, account_id, uid,
        uid_name;                       /* acct: the subject of the event; uid: the acting user */
    struct slice title, typed;          /* PROCTITLE; what sudo was given */
    struct slice cwd, path, other_path; /* of CWD, PATH; of records that name a file */
    struct slice item;                  /* name of the PATH at hand */
    bool is_parent;                     /* it is only the folder */
    struct slice arch, syscall, syscall_name, first_argument;
    struct slice peer;      /* text of the socket's address, empty: none */
    struct slice peer_port; /* decimal */
    struct audit_command command;
};

#endif
