/* parser_check.h: checks whether this program can use a plug-in's parser. Thread: any. */
#ifndef VSOC_PARSERS_PARSER_CHECK_H
#define VSOC_PARSERS_PARSER_CHECK_H

#include "parsers/parser.h"

#define REGISTRY_REASON 256 /* bytes of a reason */

/* False with a sentence for people: versions and sizes of the ABI differ, or a member is missing or
 * breaks its rule. For a parser of another ABI only the versions and sizes are read. */
bool parser_check(const struct parser *parser, char reason[REGISTRY_REASON]);

#endif
