/* threat_ids.c: checks ids against the lists. Pure, any thread. The lists are short and used only
 * while a catalogue is read: a linear search is enough. */
#include "parsers/catalog/threat_ids.h"

extern const uint8_t catalog_r155[], catalog_atm[];
extern const size_t catalog_r155_size, catalog_atm_size;

/* True when id is the first field of a line. */
static bool starts_a_line(struct slice list, struct slice id)
{
    for (size_t at = 0; at < list.size;) {
        const uint8_t *lf = memchr(list.data + at, '\n', list.size - at);
        size_t end = lf ? (size_t)(lf - list.data) : list.size;
        if (end - at > id.size && list.data[at + id.size] == ',' &&
            !memcmp(list.data + at, id.data, id.size))
            return true;
        at = end + 1;
    }
    return false;
}

bool threat_id_is_r155(struct slice id)
{
    return id.size && id.data[0] >= '1' && id.data[0] <= '9' && !memchr(id.data, ',', id.size) &&
           starts_a_line(slice_make(catalog_r155, catalog_r155_size), id);
}

bool threat_id_is_atm(struct slice id)
{
    return slice_starts_with(id, "ATM-") && !memchr(id.data, ',', id.size) &&
           starts_a_line(slice_make(catalog_atm, catalog_atm_size), id);
}
