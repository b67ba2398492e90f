/* sink_set.c: puts together the sinks of a process. Main thread. Runs none of them. */
#include "server/daemon/sink_set.h"

#include <stdio.h>

#include "server/daemon/sink_config.h"

static void add(struct sink_set *set, const struct sink *sink, const void *settings)
{
    set->items[set->count++] = (struct sink_choice){sink, settings};
}

enum status sink_set_open(const struct config *config, struct sink_set *out,
                          char reason[SINK_SET_REASON])
{
    reason[0] = '\0';
    *out = (struct sink_set){0};
    sink_settings_from_config(config, out->properties, &out->settings);
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++)
        add(out, sink_built_in(i), &out->settings);
    return STATUS_OK;
}

void sink_set_close(struct sink_set *set)
{
    *set = (struct sink_set){0};
}

enum status sink_set_check(const struct sink_set *set, char reason[SINK_SET_REASON])
{
    static const uint8_t no_spool[16];
    for (size_t i = 0; i < set->count; i++) {
        const struct sink_choice *choice = &set->items[i];
        struct sink_problem problem = {0};
        const struct sink_config config = {.struct_size = sizeof config,
                                           .instance = "check",
                                           .lanes = 1,
                                           .spool_uid = no_spool,
                                           .settings = choice->settings};
        if (!sink_is_enabled(choice->sink, choice->settings))
            continue;
        void *lane = choice->sink->open(&config, &problem);
        if (!lane) {
            snprintf(reason, SINK_SET_REASON, "%s", problem.text);
            return STATUS_CONFIG;
        }
        choice->sink->close(lane);
    }
    return STATUS_OK;
}
