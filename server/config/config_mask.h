/* config_mask.h: which settings hold secrets, and their text without them. Thread: any. */
#ifndef VSOC_SERVER_CONFIG_MASK_H
#define VSOC_SERVER_CONFIG_MASK_H

#include <stdbool.h>
#include <stddef.h>

struct writer;

/* A libpq connection string with its passwords as ****; all of it as **** if it can't be parsed.
 * Not quoted. */
void config_write_masked_dsn(const char *dsn, struct writer *out);
/* True when it holds a password, or can't be read and may hold one. */
bool config_dsn_has_secret(const char *dsn);
/* True when the name of a property holds password, secret, key or jaas. */
bool config_name_is_secret(const char *name);
/* The same, but for properties that only name a file (….location). */
bool config_value_is_secret(const char *name);
/* True if a --set gives a connection string: every user of the machine sees it in the process list.
 */
bool config_sets_show_dsn(const char *const *sets, size_t count);

#endif
