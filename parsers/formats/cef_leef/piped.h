/* piped.h: common to CEF and LEEF: fields between |, and finding a record after a syslog header.
 * Thread: any. */
#ifndef VSOC_PARSERS_PIPED_H
#define VSOC_PARSERS_PIPED_H

#include "parsers/fill/text_event.h"

/* True: *record, without quotes around it, starts with mark ("CEF:"). False: *outcome has the
 * result. A record further on went to syslog, which hands it back with the header as envelope; a
 * line without one is NOT_MINE. */
bool piped_open(const struct parser_context *context, const char *mark, struct slice *record,
                struct parser_outcome *outcome);
/* The first line of head starts with mark. */
bool piped_probe(struct slice head, const char *mark);

/* The field at *at up to an unescaped |; moves *at past it. False: no
 *
 * follows; the field extends to the end. */
bool piped_field(struct slice s, size_t *at, struct slice *field);

#endif
