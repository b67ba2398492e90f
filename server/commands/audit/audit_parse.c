/* audit_parse.c: parses the body of a record. Main thread. Does not know the kinds. */
#include "server/commands/audit/audit_parse.h"

bool audit_parse_init(struct audit_parse *parse)
{
    parse->json = json_parser_create(8, AUDIT_PARSE_NODES);
    writer_init(&parse->padded, SIZE_MAX / 2);
    return parse->json != NULL;
}

void audit_parse_fini(struct audit_parse *parse)
{
    json_parser_destroy(parse->json);
    writer_fini(&parse->padded);
}

bool audit_parse_body(struct audit_parse *parse, struct slice body, struct json_document *d)
{
    static const uint8_t padding[JSON_PADDING];
    struct json_error error;
    writer_reset(&parse->padded);
    writer_add_slice(&parse->padded, body);
    writer_bytes(&parse->padded, padding, sizeof padding);
    return parse->padded.status == STATUS_OK &&
           json_parse(parse->json, slice_make(parse->padded.data, body.size), d, &error) ==
               STATUS_OK &&
           d->nodes[0].type == JSON_OBJECT;
}
