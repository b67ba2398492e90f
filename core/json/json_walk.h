/* json_walk.h: the parts of a json_parser that the walk to nodes (json.cpp) and the walk to bound
 * members (json_bind.cpp) share. For these two only; one owner thread. */
#ifndef VSOC_CORE_JSON_WALK_H
#define VSOC_CORE_JSON_WALK_H

#include "core/json/json_names.h"
#include "core/json/json_stage.h"

/* What the objects before say of the next one. */
struct json_order {
    /* Number of the name that came after each the last time: most objects have their keys in one
     * order. */
    uint8_t after[JSON_NAMES_COUNT];
    /* json_bind: the object that was not bound last; failures in a row; objects to skip. */
    const uint8_t *refused;
    unsigned failures, pause;
};

/* What both walks use of a parser. */
struct json_parts {
    struct json_stage *stage;
    struct json_order *order;
    size_t max_depth, max_nodes;
};

struct json_parser;
struct json_parts json_parser_parts(struct json_parser *parser);

#endif
