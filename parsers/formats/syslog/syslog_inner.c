/* syslog_inner.c: distinguishes records of other formats from texts. Pure, any thread. Anybody may
 * have written text further on, so a record counts only at the start of the message. */
#include "parsers/formats/syslog/syslog_inner.h"
#include "parsers/formats/auditd/audit_read.h"
#include "parsers/formats/syslog/syslog_local.h"
#include "parsers/formats/syslog/syslog_tag.h"

/* Programs whose messages are audit records without "type=": journald names the sender audit. */
static bool is_audit_program(struct slice app)
{
    return slice_equal_text(app, "audit") || slice_equal_text(app, "auditd") ||
           slice_equal_text(app, "audisp-syslog") || slice_equal_text(app, "audispd");
}

struct slice syslog_inner_find(const struct syslog_line *line, struct slice *format)
{
    struct audit_header header;
    struct slice rest = slice_trim(line->message);
    struct slice audit = slice_sub(rest, syslog_stamp_bytes(rest), rest.size);
    *format = SLICE_EMPTY;
    if (slice_starts_with(rest, "@cee:"))
        rest = slice_trim(slice_sub(rest, 5, rest.size));
    if (slice_starts_with(audit, "audit: "))
        audit = slice_sub(audit, 7, audit.size);
    bool is_bare = audit_bare_is_denial(audit) || is_audit_program(line->app);
    if (audit_header_read(audit, &header) && (header.has_serial || is_bare)) {
        *format = SLICE_LITERAL("auditd");
        return audit;
    }
    return syslog_carries(rest) ? rest : SLICE_EMPTY;
}
