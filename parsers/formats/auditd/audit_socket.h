/* audit_socket.h: addresses in audit records → src and dst columns. One owner, one event. */
#ifndef VSOC_PARSERS_AUDIT_SOCKET_H
#define VSOC_PARSERS_AUDIT_SOCKET_H

#include "parsers/fill/text_event.h"
#include "parsers/formats/auditd/audit_key.h"
#include "parsers/formats/auditd/audit_type.h"
#include "parsers/formats/auditd/audit_values.h"

/* Reads saddr of a SOCKADDR record: struct sockaddr in hex. Keeps its parts in attributes, and an
 * IP address in *h. */
void audit_socket_read(struct audit_host *h, struct text_event *t, struct slice hex);
/* Reads a field that contains an address or a port as text. False: it does not. */
bool audit_socket_look(struct text_event *t, const struct audit_type *type, enum audit_key key,
                       struct slice value);
/* The peer's columns, by the system call: it is the destination of connect and the source of
 * accept. */
void audit_socket_fill(struct text_event *t, const struct audit_host *h);

#endif
