/* record_keys.c: see record_keys.h. Main thread. Never creates the file: pseudonym_keys.c does. */
#include "server/ingest/record_keys.h"

#include <stdlib.h>
#include <string.h>

#include "server/identity/pseudonym.h"

enum status record_keys_load(const char *path, struct seal_keys *keys, struct problem *problem)
{
    struct pseudonym_keys *all = malloc(sizeof *all);
    memset(keys, 0, sizeof *keys);
    if (!all)
        return STATUS_NO_MEMORY;
    enum status status = pseudonym_keys_read(path, all, problem);
    for (size_t i = 0; status == STATUS_OK && i < all->count; i++)
        status = seal_keys_add(keys, (uint32_t)all->items[i].id, all->items[i].bytes);
    explicit_bzero(all, sizeof *all);
    free(all);
    keys->encrypts = true;
    if (status != STATUS_OK)
        seal_keys_wipe(keys);
    return status;
}
