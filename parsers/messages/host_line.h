/* host_line.h: messages that common programs of Linux write to syslog → columns. One owner, one
 * event. */
#ifndef VSOC_PARSERS_HOST_LINE_H
#define VSOC_PARSERS_HOST_LINE_H

#include "parsers/fill/text_event.h"

/* Copies from a message of the program what has a column (user, addresses, command, …), and guesses
 * category and severity where the phrase says that access was refused. An unknown form changes
 * nothing. Programs: sshd, sudo, su, cron, useradd and the like, all that use PAM; the kernel's
 * packet filter. */
void host_line_read(struct text_event *t, struct slice program, struct slice message);

#endif
