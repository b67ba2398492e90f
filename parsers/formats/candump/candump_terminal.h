/* candump_terminal.h: output of candump on a terminal, without -l and -L. Thread: any. */
#ifndef VSOC_PARSERS_CANDUMP_TERMINAL_H
#define VSOC_PARSERS_CANDUMP_TERMINAL_H

#include "parsers/formats/candump/candump_read.h"

/* Starts as such a line: "[(TIME)]  can0  [RX - -]  123  [8]". The rest may be truncated. */
bool candump_terminal_begins(struct slice text);
/* Reads such a line; false with *error. */
bool candump_terminal_read(struct slice line, struct candump_line *out,
                           struct candump_error *error);

#endif
