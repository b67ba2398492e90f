/* sink_set.h: the sinks there are, each with its settings. Thread: main; what it points to is
 * any thread's between open and close. */
#ifndef VSOC_SERVER_SINK_SET_H
#define VSOC_SERVER_SINK_SET_H

#include "server/config/config.h"
#include "storage/sinks/sink_registry.h"
#include "storage/sinks/sink_settings.h"

/* Sinks of a process. */
#define SINK_SET_MAX 8
/* Bytes of a reason. */
#define SINK_SET_REASON 5000

struct sink_choice {
    const struct sink *sink;
    const void *settings; /* for struct sink_config */
};

struct sink_set {
    struct sink_choice items[SINK_SET_MAX];
    size_t count;
    struct sink_settings settings; /* of the built-in sinks */
    struct sink_property properties[CONFIG_ITEMS_MAX];
};

/* The built-in sinks, enabled or not. config outlives *out, which stays where it is until it is
 * closed. CONFIG with the reason; *out is empty then. */
enum status sink_set_open(const struct config *config, struct sink_set *out,
                          char reason[SINK_SET_REASON]) must_check;
/* No sink is in use any more. *set may be all zeros, and is so afterwards. */
void sink_set_close(struct sink_set *set);
/* Asks each enabled sink whether it takes its settings; none of them connects. CONFIG with the
 * first sink's first mistake. */
enum status sink_set_check(const struct sink_set *set, char reason[SINK_SET_REASON]) must_check;

#endif
