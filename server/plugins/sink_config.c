/* sink_config.c: copies settings into the struct of a built-in sink, by the sink's own table. Main
 * thread. Names no sink. */
#include "server/plugins/sink_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/thread.h"
#include "server/config/config_table.h"
#include "storage/sinks/registry/sink_registry.h"

static size_t bytes_of(enum setting_kind kind)
{
    static const size_t bytes[] = {
        [SETTING_KIND_TEXT] = sizeof(SETTING_TYPE_TEXT),
        [SETTING_KIND_BOOL] = sizeof(SETTING_TYPE_BOOL),
        [SETTING_KIND_UINT] = sizeof(SETTING_TYPE_UINT),
        [SETTING_KIND_SIZE] = sizeof(SETTING_TYPE_SIZE),
        [SETTING_KIND_DURATION] = sizeof(SETTING_TYPE_DURATION),
        [SETTING_KIND_ENUM] = sizeof(SETTING_TYPE_ENUM),
        [SETTING_KIND_LIST] = sizeof(SETTING_TYPE_LIST),
        [SETTING_KIND_MAP] = sizeof(SETTING_TYPE_MAP),
    };
    return bytes[kind];
}

void sink_settings_from_config(const struct config *config, const struct sink_table_row *rows,
                               struct sink_settings_room *out)
{
    memset(out, 0, sizeof *out);
    for (const struct sink_table_row *row = rows; row->key; row++) {
        const struct config_row *from = config_row_find(row->key);
        size_t bytes = bytes_of(row->kind);
        ensure(from && from->kind == row->kind && row->offset + bytes <= sizeof out->bytes);
        memcpy(out->bytes + row->offset, config_member_const(config, from), bytes);
    }
}

bool sink_is_switched_off(const struct config *config, const char *name)
{
    struct sink_settings_room settings;
    const struct sink *sink = sink_by_name(slice_from_text(name));
    for (size_t i = 0; sink && i < SINK_BUILT_IN_COUNT; i++) {
        if (sink_built_in(i) != sink)
            continue;
        sink_settings_from_config(config, sink_built_in_table(i), &settings);
        return !sink_is_enabled(sink, settings.bytes);
    }
    return false;
}

void sink_instance_name(const struct config *config, char *name, size_t size)
{
    memset(name, 0, size);
    if (config->instance && config->instance[0])
        snprintf(name, size, "%s", config->instance);
    else if (gethostname(name, size - 1) != 0)
        snprintf(name, size, "vsocd");
}
