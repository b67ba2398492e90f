/* audit_parse.h: the JSON of a record. Thread: main. */
#ifndef VSOC_SERVER_AUDIT_PARSE_H
#define VSOC_SERVER_AUDIT_PARSE_H

#include "core/json/json.h"
#include "core/writer.h"

#define AUDIT_PARSE_NODES 4096

struct audit_parse {
    struct json_parser *json;
    struct writer padded;
};

/* False: no memory; fini in any case. */
bool audit_parse_init(struct audit_parse *parse);
void audit_parse_fini(struct audit_parse *parse);
/* False: the body is no JSON object. *d is valid until the next call. */
bool audit_parse_body(struct audit_parse *parse, struct slice body, struct json_document *d);

#endif
