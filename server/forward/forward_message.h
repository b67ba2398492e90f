/* forward_message.h: an audit record as a syslog message. Pure; thread: any. */
#ifndef VSOC_SERVER_FORWARD_MESSAGE_H
#define VSOC_SERVER_FORWARD_MESSAGE_H

#include "core/json/json.h"
#include "core/writer.h"
#include "storage/spool/batch.h"

enum forward_format { FORWARD_RFC5424, FORWARD_CEF };

struct forward_origin {
    const char *instance, *version;
    const uint8_t *spool_uid; /* 16 bytes */
};

/* Appends one message with its octet count before it (RFC 5425 §4.3): facility 13 (log audit),
 * MSGID is the kind, structured data are uid, position and leaf of the record, and the text is the
 * record's JSON, or CEF whose msg is that. record: its parsed JSON. Sources: RFC 5424, the CEF
 * Implementation Standard of 2019. */
void forward_message_write(struct writer *w, enum forward_format format,
                           const struct forward_origin *origin, const struct batch_record *record,
                           const struct json_document *json);

#endif
