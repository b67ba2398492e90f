/* sink_config.h: the sinks.* rows as the built-in sinks want them. Thread: main. */
#ifndef VSOC_SERVER_SINK_CONFIG_H
#define VSOC_SERVER_SINK_CONFIG_H

#include "server/config/config.h"
#include "storage/sinks/sink_settings.h"

/* Settings of the built-in sinks; properties is the storage of sinks.kafka.properties. Both, and
 * config, whose texts they point into, outlive the sinks. */
void sink_settings_from_config(const struct config *config,
                               struct sink_property properties[CONFIG_ITEMS_MAX],
                               struct sink_settings *out);
/* Name under which the sinks keep positions: `instance`, else the host's. */
void sink_instance_name(const struct config *config, char *name, size_t size);

#endif
