/* fuzz_catalog.c: any bytes as a catalogue file. What must hold: a file that is refused changes
 * nothing and says where it is wrong. */
#include <stdlib.h>

#include "parsers/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog_error error;
    struct catalog *catalog = catalog_create_builtin();
    if (!catalog)
        abort();
    const struct catalog_entry *before = catalog_find(catalog, 103);
    enum status status = catalog_add_csv(catalog, slice_make(data, size), &error);
    if (status == STATUS_MALFORMED && (!error.line || !error.column || !error.detail[0]))
        abort();
    if (status != STATUS_OK && catalog_find(catalog, 103) != before)
        abort();
    catalog_destroy(catalog);
    return 0;
}
