/* config_table.h: the rows of config.def as data, for the files that make up config. Nobody else
 * includes it. Thread: any. */
#ifndef VSOC_SERVER_CONFIG_TABLE_H
#define VSOC_SERVER_CONFIG_TABLE_H

#include "server/config/config_types.h"

/* Place of each row in config_rows, by struct member. */
enum config_at {
#define CONFIG(key, member, kind, fallback, min, max, flags, help) CONFIG_AT_##member,
#include "server/config/config.def"
#undef CONFIG
    CONFIG_ROW_COUNT
};

struct config_row {
    const char *key;
    size_t offset; /* of the member in struct config */
    enum setting_kind kind;
    const char *fallback; /* default as text; NULL: null */
    const char *words;    /* ENUM: "default:a|b|c", else "" */
    uint64_t min, max;
    unsigned flags;
    const char *help;
};

/* CONFIG_ROW_COUNT rows. */
extern const struct config_row config_rows[];

/* Row with this key, or NULL. */
const struct config_row *config_row_find(const char *key);
/* MAP row that key names an entry of ("sinks.kafka.properties.linger.ms"); *name is then the rest
 * of key. NULL: none. */
const struct config_row *config_row_of_entry(const char *key, const char **name);
/* True if there are rows below this key. */
bool config_is_section(const char *key);
/* Key or section with the least edit distance to key; never NULL. */
const char *config_nearest(const char *key, char *buffer, size_t size);

/* The member of a row. */
static inline void *config_member(struct config *config, const struct config_row *row)
{
    return (char *)config + row->offset;
}

static inline const void *config_member_const(const struct config *config,
                                              const struct config_row *row)
{
    return (const char *)config + row->offset;
}

#endif
