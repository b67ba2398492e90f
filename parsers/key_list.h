/* key_list.h: keeps the keys of one JSON object different: a second "ip" becomes "ip#2". One owner.
 */
#ifndef VSOC_PARSERS_KEY_LIST_H
#define VSOC_PARSERS_KEY_LIST_H

#include "parsers/parser.h"

#define KEY_LIST_MAX 512 /* members of one object; bounds the work of comparing */

struct key_list {
    struct slice keys[KEY_LIST_MAX];
    size_t count;
};

/* Adds key, or key with #2, #3, … if it is there, and returns what was added; empty when the list
 * is full or memory is out. An empty key becomes "_". */
struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key);

#endif
