/* audit_event.h: builds one event from the records of Linux audit that belong to it. One owner. */
#ifndef VSOC_PARSERS_AUDIT_EVENT_H
#define VSOC_PARSERS_AUDIT_EVENT_H

#include "parsers/formats/auditd/audit_read.h"
#include "parsers/formats/auditd/audit_host.h"
#include "parsers/formats/auditd/audit_type.h"
#include "parsers/fill/text_event.h"

struct audit_event {
    struct text_event t; /* t.keys: of the record at hand */
    struct key_list records;
    struct audit_type main;
    bool has_main;
    bool is_repaired;         /* noted */
    bool has_failed;          /* res or success says so */
    int64_t items, paths;     /* PATH records announced and seen */
    struct slice avc;         /* denied, granted */
    struct slice permissions; /* … for what */
    struct slice permissive;  /* 1: denied, yet done */
    struct slice apparmor;    /* DENIED, ALLOWED, … */
    struct audit_host host;
    size_t text_bytes; /* of the record at hand */
};

/* header: of the event's first record. */
void audit_event_init(struct audit_event *e, const struct parser_context *context,
                      const struct audit_header *header);
void audit_event_add(struct audit_event *e, const struct audit_header *header);
/* Emits the event with its position. MALFORMED: out of memory. */
void audit_event_emit(struct audit_event *e, size_t offset, size_t size,
                      struct parser_outcome *outcome);

#endif
