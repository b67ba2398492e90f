/* sink_table.h: the settings of a built-in sink: rows of storage/sinks/NAME/sink.def as a struct
 * and as data. The server fills the struct from its configuration and knows nothing else of it.
 *
 * Rows, between #ifdef and #endif of their name:
 *   SINK(name)
 *   SINK_SETTING(sink, key, member, kind, default, min, max, flags, help): the setting
 * sinks.SINK.KEY, as in server/config/config.def, and the member of struct sink_SINK_settings that
 * it fills SINK_SHARED(sink, key, member, kind): a setting of another section that the sink reads
 * as well
 *
 * Thread: any; immutable. */
#ifndef VSOC_STORAGE_SINK_TABLE_H
#define VSOC_STORAGE_SINK_TABLE_H

#include "core/log/problem.h"
#include "core/settings.h"

/* Most bytes of a struct sink_NAME_settings. */
#define SINK_SETTINGS_BYTES 256

/* Room for one of them. */
struct sink_settings_room {
    _Alignas(max_align_t) unsigned char bytes[SINK_SETTINGS_BYTES];
};

struct sink_table_row {
    const char *key;        /* whole: sinks.NAME.KEY */
    enum setting_kind kind; /* of the setting and of the member */
    size_t offset;          /* of the member */
};

/* Who hears what is wrong with a sink's settings, beside what their rows say. */
struct sink_settings_judge {
    /* key: whole, the setting to change; problem: what it must be. */
    void (*tell)(void *arg, const char *key, const struct problem *problem);
    void *arg;
};

/* What SINK_SETTING and SINK_SHARED are to make the members of the struct. */
#define SINK_MEMBER(sink, key, member, kind, fallback, min, max, flags, help)                      \
    SETTING_TYPE_##kind member;
#define SINK_SHARED_MEMBER(sink, key, member, kind) SETTING_TYPE_##kind member;

/* The same, to make the rows of a table. */
#define SINK_ROW(sink, key, member, kind, fallback, min, max, flags, help)                         \
    {"sinks." #sink "." key, SETTING_KIND_##kind, offsetof(struct sink_##sink##_settings, member)},
#define SINK_SHARED_ROW(sink, key, member, kind)                                                   \
    {key, SETTING_KIND_##kind, offsetof(struct sink_##sink##_settings, member)},

#endif
