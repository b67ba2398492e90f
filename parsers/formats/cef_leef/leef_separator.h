/* leef_separator.h: the delimiter of LEEF attributes in a record that has lost it in transit. For
 * leef_read.c only. */
#ifndef VSOC_PARSERS_LEEF_SEPARATOR_H
#define VSOC_PARSERS_LEEF_SEPARATOR_H

#include "parsers/formats/cef_leef/leef_record.h"

/* Finds another delimiter when the record's own does not occur in its attributes: a tab as escaped
 * by rsyslog or a program (#011, \t, \x09), a tab, ^ or
 *
 * instead of the declared one, blanks. Sets delimiter or is_blank, and is_guessed. */
void leef_separator_guess(struct leef_record *record);
/* Size of the attribute at the head of s, which a blank and the next key end. */
size_t leef_separator_blank(struct slice s);

#endif
