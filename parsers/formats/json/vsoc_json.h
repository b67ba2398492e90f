/* vsoc_json.h: a native event from a parsed JSON document. Thread: any, one owner. */
#ifndef VSOC_PARSERS_VSOC_JSON_H
#define VSOC_PARSERS_VSOC_JSON_H

#include "parsers/read/json/json_repair.h"

/* Emits the event of a document that was read with vsoc_json_names, or answers MALFORMED. repair:
 * repairs of the record. */
void vsoc_json_read(struct slice record, const struct parser_context *context,
                    const struct json_document *document, const struct json_repair *repair,
                    struct parser_outcome *outcome);

#endif
