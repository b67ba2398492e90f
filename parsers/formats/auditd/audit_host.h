/* audit_host.h: process, user, file and peer of audit records → columns. One owner, one event. */
#ifndef VSOC_PARSERS_AUDIT_HOST_H
#define VSOC_PARSERS_AUDIT_HOST_H

#include "parsers/formats/auditd/audit_key.h"
#include "parsers/formats/auditd/audit_type.h"
#include "parsers/formats/auditd/audit_values.h"
#include "parsers/fill/text_event.h"

/* Processes a decoded field; name is what key was found by. text_bytes: size of the whole record,
 * which limits its arguments. */
void audit_host_look(struct audit_host *h, struct text_event *t, const struct audit_type *type,
                     enum audit_key key, struct slice name, struct slice value, size_t text_bytes);
/* Ends a record after its last field. */
void audit_host_end_record(struct audit_host *h, const struct audit_type *type);
/* Columns of the whole event. */
void audit_host_fill(const struct audit_host *h, struct text_event *t);

#endif
