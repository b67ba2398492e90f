/* json.h: the C interface of simdjson. One call reads a whole document, checks all of it (syntax,
 * UTF-8, numbers, depth, duplicate keys, U+0000) and returns it as a flat array of nodes in
 * document order.
 *
 * Walking: node 0 is the root. The children of a container at i start at i + 1; the sibling after
 * node k is at k + nodes[k].span; a container's children end at i + nodes[i].span. */
#ifndef VSOC_CORE_JSON_H
#define VSOC_CORE_JSON_H

#include "core/json/json_error.h"
#include "core/json/json_node.h"
#include "core/slice.h"
#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Readable bytes that must follow every document (simdjson reads in blocks). Their values do not
 * matter. */
#define JSON_PADDING 64

/* A parsed document. Nodes and texts live until the parser's next call. */
struct json_document {
    const struct json_node *nodes;
    size_t count;
};

struct json_parser; /* buffers, reused from document to document; one owner thread */

/* Parser for documents of at most max_depth nested containers and max_nodes nodes. NULL: out of
 * memory. */
struct json_parser *json_parser_create(size_t max_depth, size_t max_nodes);
void json_parser_destroy(struct json_parser *parser);

/* Documents of the next calls lie in body, mostly one after the other: the parser may read ahead in
 * it. Results are the same. body is followed by JSON_PADDING readable bytes and stays as it is
 * until the next call of this function; empty: there is no such body. */
void json_parser_ahead(struct json_parser *parser, struct slice body);

/* Parses one document that takes all of text (white space around it is allowed). text must be
 * followed by JSON_PADDING readable bytes. On failure *document is untouched and *error is set.
 * MALFORMED, INVALID_UTF8, TOO_DEEP, TOO_MANY (nodes), OUT_OF_RANGE (number does not fit a double),
 * DUPLICATE_KEY, REFUSED (U+0000 in a string), NO_MEMORY. */
enum status json_parse(struct json_parser *parser, struct slice text,
                       struct json_document *document, struct json_error *error) must_check;
/* The same, with the names that the caller knows (core/json/json_names.h): each node gets the
 * number of its key. names may be NULL. */
struct json_names;
enum status json_parse_named(struct json_parser *parser, const struct json_names *names,
                             struct slice text, struct json_document *document,
                             struct json_error *error) must_check;

/* The same, but accepts what readers of JSON interpret differently. A repeated key is counted in
 * its node's repeat (up to JSON_REPEAT_MAX). A number that no double can hold becomes a
 * JSON_STRING; its raw, and text, are its digits. Slower. */
enum status json_parse_lenient(struct json_parser *parser, const struct json_names *names,
                               struct slice text, struct json_document *document,
                               struct json_error *error) must_check;

/* Node of object `parent` with this key, or NULL. */
static inline const struct json_node *json_find(const struct json_document *d, size_t parent,
                                                const char *key)
{
    if (d->nodes[parent].type != JSON_OBJECT)
        return NULL;
    for (size_t k = parent + 1; k < parent + d->nodes[parent].span; k += d->nodes[k].span)
        if (slice_equal_text(d->nodes[k].key, key))
            return &d->nodes[k];
    return NULL;
}

#ifdef __cplusplus
}
#endif

#endif
