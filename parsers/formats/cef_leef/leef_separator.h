/* leef_separator.h: what parts the attributes of a LEEF record whose delimiter was lost on its way.
 * For leef_read.c only. */
#ifndef VSOC_PARSERS_LEEF_SEPARATOR_H
#define VSOC_PARSERS_LEEF_SEPARATOR_H

#include "parsers/formats/cef_leef/leef_record.h"

/* Finds another delimiter when the record's own is not in its attributes: a tab as rsyslog or a
 * program has escaped it (#011, \t, \x09), a tab, ^ or | in place of the declared one, blanks. Sets
 * delimiter or is_blank, and is_guessed. */
void leef_separator_guess(struct leef_record *record);
/* Bytes of the attribute at the head of s that a blank and the next key end. */
size_t leef_separator_blank(struct slice s);

#endif
