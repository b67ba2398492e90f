/* dlt_arguments.h: the arguments of a verbose DLT message. Thread: any. */
#ifndef VSOC_PARSERS_DLT_ARGUMENTS_H
#define VSOC_PARSERS_DLT_ARGUMENTS_H

#include "core/reader.h"
#include "parsers/fill/text_event.h"

/* Reads up to count arguments and adds them to t: their values, separated by blanks, as message;
 * each with its type, name, unit and value as attributes.arguments. Stops before the first that is
 * broken or of a kind that is not decoded (arrays, structures), at in->offset. True: all were read.
 * *repaired is set when a text was not UTF-8. */
bool dlt_arguments_read(struct text_event *t, struct reader *in, bool big_endian, unsigned count,
                        bool *repaired);

/* True when count arguments can be read and fill the payload. */
bool dlt_arguments_fit(struct slice payload, bool big_endian, unsigned count);

/* The text without its final byte 0, as UTF-8 without byte 0 (text_repair). */
struct slice dlt_text(struct text_event *t, struct slice bytes, bool *repaired);

#endif
