/* json_names.c: puts names into their table. Any thread that owns the table. */
#include "core/json/json_names.h"

#include "core/thread.h"

void json_names_add(struct json_names *names, const char *text, unsigned number)
{
    struct slice name = slice_from_text(text);
    ensure(name.size && number >= 1 && number <= JSON_NAMES_MAX);
    ensure(json_names_find(names, name) == 0);
    struct slice_ends ends = slice_ends_of(name);
    size_t i = json_names_slot(ends, name.size);
    while (names->slots[i].size)
        i = (i + 1) % JSON_NAMES_SLOTS;
    names->slots[i] = (struct json_name){ends, name.data, (uint32_t)name.size, number};
}
