/* sink_config.h: what the configuration says to a built-in sink. Thread: main. */
#ifndef VSOC_SERVER_SINK_CONFIG_H
#define VSOC_SERVER_SINK_CONFIG_H

#include "server/config/config.h"
#include "storage/sinks/sink_table.h"

/* Fills *out, a struct sink_NAME_settings of zeros, with the settings that the rows name. config,
 * whose texts it points into, outlives the sink. */
void sink_settings_from_config(const struct config *config, const struct sink_table_row *rows,
                               struct sink_settings_room *out);
/* True when the name, in any case, is that of a built-in sink that these settings switch off. */
bool sink_is_switched_off(const struct config *config, const char *name);
/* Name under which the sinks keep positions: `instance`, else the host's. */
void sink_instance_name(const struct config *config, char *name, size_t size);

#endif
