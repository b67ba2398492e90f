/* json_names.c: puts names into their table. Any thread that owns the table. */
#include "core/json/json_names.h"

#include "core/thread.h"

void json_names_add(struct json_names *names, const char *text, unsigned number)
{
    struct slice name = slice_from_text(text);
    ensure(name.size && number >= 1 && number <= JSON_NAMES_MAX && !names->names[number].size);
    ensure(json_names_find(names, name) == 0);
    size_t i = json_names_slot(json_name_head_of(name));
    while (names->numbers[i])
        i = (i + 1) % JSON_NAMES_SLOTS;
    names->numbers[i] = (uint8_t)number;
    names->names[number] = (struct json_name){json_name_head_of(name), name.data, name.size};
}
