/* config_print.h: settings as text that people read; never with a secret. Thread: any. */
#ifndef VSOC_SERVER_CONFIG_PRINT_H
#define VSOC_SERVER_CONFIG_PRINT_H

#include "server/config/config_table.h"

struct writer;

/* The effective settings as YAML, secrets masked. */
void config_print(const struct config *config, struct writer *out);
/* The value as YAML flow text (strings in JSON quotes, sizes and durations with their largest
 * exact unit), secrets masked. */
void config_value_write(const struct config_row *row, const struct config *config,
                        struct writer *out);

#endif
