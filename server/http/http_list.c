/* http_list.c: elements of a header's list. Any thread. */
#include "server/http/http_list.h"

bool http_list_next(struct slice *list, struct slice *element)
{
    while (list->size) {
        const uint8_t *comma = memchr(list->data, ',', list->size);
        size_t size = comma ? (size_t)(comma - list->data) : list->size;
        struct slice one = slice_trim(slice_make(list->data, size));
        *list = slice_sub(*list, size + 1, list->size);
        if (one.size) {
            *element = one;
            return true;
        }
    }
    return false;
}
