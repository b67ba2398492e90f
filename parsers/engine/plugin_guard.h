/* plugin_guard.h: what a parser that is not built in hands over, looked at before it can harm
 * others. Thread: any. */
#ifndef VSOC_PARSERS_PLUGIN_GUARD_H
#define VSOC_PARSERS_PLUGIN_GUARD_H

#include "parsers/parser.h"

/* Code of what is quarantined for it. */
#define PLUGIN_GUARD_CODE "bad_event"

/* NULL when an event or an envelope may go on to the normaliser, else the sentence why it is
 * quarantined: it sets what is the server's alone, or its JSON is none. Reads with context->json.
 */
const char *plugin_guard_event(const struct parser_context *context, const struct event *event);
/* Makes code a machine word and detail a short sentence in UTF-8, whatever they were. */
void plugin_guard_reason(const char **code, const char **detail);

#endif
