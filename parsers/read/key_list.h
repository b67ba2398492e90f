/* key_list.h: makes the keys of one JSON object unique: a second "ip" becomes "ip#2". One owner */
#ifndef VSOC_PARSERS_KEY_LIST_H
#define VSOC_PARSERS_KEY_LIST_H

#include "parsers/parser.h"

#define KEY_LIST_MAX   512 /* members of one object; bounds the work of comparing */
#define KEY_LIST_FEW   48  /* members of most objects */
#define KEY_LIST_SLOTS 1024
#define KEY_LIST_BITS  512

/* Of a list with more keys than most: allocated when it is needed. */
struct key_list_room {
    struct slice keys[KEY_LIST_MAX];
    uint16_t next_number[KEY_LIST_MAX];
    uint16_t slots[KEY_LIST_SLOTS]; /* place in keys + 1, 0: free */
};

struct key_list {
    size_t count;                      /* 0 is an empty list; the rest need not be set then */
    uint64_t seen[KEY_LIST_BITS / 64]; /* by a cheap hash: a key without its bit is new */
    size_t in_slots;                   /* so many of the first keys have their slot */
    struct key_list_room *room;        /* holds all keys when there are more than few */
    struct slice keys[KEY_LIST_FEW];
    uint16_t next_number[KEY_LIST_FEW]; /* what the next key of this name is tried with */
};

/* Adds key, or key with #2, #3, … if it exists, and returns what was added; empty when the list is
 * full or memory runs out. An empty key becomes "_". Takes the same time for all keys. */
struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key);

#endif
