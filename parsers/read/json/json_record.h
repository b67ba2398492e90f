/* json_record.h: a record that is one JSON object, and the error when it is not. Thread: any, one
 * owner. */
#ifndef VSOC_PARSERS_JSON_RECORD_H
#define VSOC_PARSERS_JSON_RECORD_H

#include "core/json/json.h"
#include "core/reasons/record_code.h"
#include "parsers/parser.h"

/* Reads the record with context->json. Not OK: *outcome is MALFORMED with a reason and *document is
 * undefined; INVALID_UTF8 and REFUSED (U+0000) mean texts that can't be stored. names may be NULL.
 */
enum status json_record_read(const struct parser_context *context, const struct json_names *names,
                             struct slice record, struct json_document *document,
                             struct parser_outcome *outcome) must_check;

/* Sets *outcome from a status that json_parse returned for the record. */
void json_record_tell(const struct parser_context *context, struct slice record, enum status status,
                      const struct json_error *error, struct parser_outcome *outcome);

/* "KEY: text", in memory of the call; text alone when there is no key. */
const char *json_record_about(const struct parser_context *context, struct slice key,
                              const char *text);

/* MALFORMED at offset, with a detail that names the key. text may end with the call. */
void json_record_refuse(const struct parser_context *context, struct slice key, size_t offset,
                        enum record_code code, const char *text, struct parser_outcome *outcome);

#endif
