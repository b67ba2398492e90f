/* registry.h: the existing parsers, and the choice of one for a body. Thread: one until the last
 * registry_add, then any. */
#ifndef VSOC_PARSERS_REGISTRY_H
#define VSOC_PARSERS_REGISTRY_H

#include "core/status.h"
#include "parsers/parser.h"
#include "parsers/registry/parser_check.h"
#include "parsers/registry/probed_type.h"

struct registry;

/* All built-in parsers. NULL: out of memory. */
struct registry *registry_create(void);
void registry_destroy(struct registry *registry);
/* Adds a parser that is not built in; borrowed as long as the registry lives. It comes after the
 * existing ones and must not use their names or media types. With override it comes before the
 * built-in ones and replaces the one of its name. REFUSED with the reason, a sentence for people:
 * its ABI is not this program's, a member is missing, or a name is taken; NO_MEMORY. */
enum status registry_add(struct registry *registry, const struct parser *parser, bool override,
                         char reason[REGISTRY_REASON]) must_check;
size_t registry_count(const struct registry *registry);
/* i-th parser, in order of probing. */
const struct parser *registry_at(const struct registry *registry, size_t i);
/* By format name; NULL when unknown. */
const struct parser *registry_by_name(const struct registry *registry, struct slice name);
/* By media type without parameters, ASCII case ignored; NULL when no parser names it. text/plain
 * and application/octet-stream name none: they are probed. */
const struct parser *registry_by_content_type(const struct registry *registry,
                                              struct slice media_type);
/* By probing the head of the inflated body; NULL when no parser claims it. Parsers that override
 * are asked first, added ones only when no other claims it; among the rest earlier ones win a tie.
 */
const struct parser *registry_probe(const struct registry *registry, struct slice head);
/* For many heads: which parser took the last one that began with a byte. All zero at first; one
 * owner. The answers are the same without. */
struct registry_hints {
    uint8_t likely[256]; /* index + 1, 0: none */
};
const struct parser *registry_probe_again(const struct registry *registry, struct slice head,
                                          struct registry_hints *hints);
/* True for parsers of this program. */
bool registry_is_builtin(const struct parser *parser);
/* Index of a parser in the registry, for tables by format. */
size_t registry_index(const struct registry *registry, const struct parser *parser);

#endif
