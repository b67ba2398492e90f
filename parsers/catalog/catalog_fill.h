/* catalog_fill.h: fills an event from its catalogue row. Thread: any. */
#ifndef VSOC_PARSERS_CATALOG_FILL_H
#define VSOC_PARSERS_CATALOG_FILL_H

#include "parsers/catalog/catalog.h"
#include "parsers/catalog/catalog_unknown.h"
#include "parsers/parser.h"

/* Looks the event up by its sev_id; else, for its format, by catalog_id, event_name and
 * catalog_group; else by its name for any format. The row found fills event_name, event_category
 * and severity_id that are missing or guessed, r155_threat and atm_technique that are missing, and
 * the columns of its layout. An id without a row is counted in unknown, which may be NULL. Memory
 * comes from context. False: out of memory. */
bool catalog_fill(const struct catalog *catalog, struct catalog_unknown *unknown,
                  struct slice tenant, const char *format, const struct parser_context *context,
                  struct event *event) must_check;

#endif
