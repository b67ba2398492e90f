/* sshd_line.h: log lines of OpenSSH's server. One owner, one event. */
#ifndef VSOC_PARSERS_SSHD_LINE_H
#define VSOC_PARSERS_SSHD_LINE_H

#include "parsers/fill/text_event.h"

/* User, source address and port of a message of sshd; severity 2 for a refusal. */
void sshd_line_read(struct text_event *t, struct slice message);

#endif
