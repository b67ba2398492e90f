/* audit_host.h: what audit records say of process, user, file and peer → columns. One owner, one
 * event. */
#ifndef VSOC_PARSERS_AUDIT_HOST_H
#define VSOC_PARSERS_AUDIT_HOST_H

#include "parsers/formats/auditd/audit_type.h"
#include "parsers/fill/text_event.h"

/* Arguments of an EXECVE record, joined as they come. */
struct audit_command {
    uint8_t *bytes;
    size_t size, room;
    bool is_cut;
};

struct audit_host {
    struct slice acct, account_id, uid,
        uid_name;                       /* acct: whom the event is about; uid: who acted */
    struct slice title, typed;          /* PROCTITLE; what sudo was given */
    struct slice cwd, path, other_path; /* of CWD, PATH; of records that name a file */
    struct slice item;                  /* name of the PATH at hand */
    bool is_parent;                     /* it is only the folder */
    struct slice arch, syscall, syscall_name, first_argument;
    struct slice peer;      /* text of the socket's address, empty: none */
    struct slice peer_port; /* decimal */
    struct audit_command command;
};

/* Looks at a field, decoded. text_bytes: of the whole record, a bound for its arguments. */
void audit_host_look(struct audit_host *h, struct text_event *t, const struct audit_type *type,
                     struct slice key, struct slice value, size_t text_bytes);
/* The record's fields are over. */
void audit_host_end_record(struct audit_host *h, const struct audit_type *type);
/* Columns of the whole event. */
void audit_host_fill(const struct audit_host *h, struct text_event *t);

#endif
