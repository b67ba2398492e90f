/* plugin_guard.h: checks the output of a plug-in before others see it. Thread: any. */
#ifndef VSOC_PARSERS_PLUGIN_GUARD_H
#define VSOC_PARSERS_PLUGIN_GUARD_H

#include "core/reasons/record_code.h"
#include "parsers/parser.h"

/* NULL when an event or an envelope may go on to the normaliser, else a sentence that says why it
 * is quarantined: it sets a field that only the server may set, or its JSON is invalid. Reads with
 * context->json */
const char *plugin_guard_event(const struct parser_context *context, const struct event *event);
/* Makes the word a valid machine-readable code and the detail a short sentence in UTF-8, whatever
 * the plug-in set. A code that only others give (record_codes.def: POLICY, SINK, NONE) becomes
 * malformed. */
void plugin_guard_reason(struct record_reason *reason);

#endif
