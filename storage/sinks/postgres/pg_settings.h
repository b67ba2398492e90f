/* pg_settings.h: the settings of the PostgreSQL sink, from sink.def. Immutable; texts are the
 * server's. Thread: any. */
#ifndef VSOC_STORAGE_PG_SETTINGS_H
#define VSOC_STORAGE_PG_SETTINGS_H

#include "storage/sinks/sink_table.h"

struct sink_postgres_settings {
#define SINK_SETTING SINK_MEMBER
#define SINK_SHARED  SINK_SHARED_MEMBER
#include "storage/sinks/postgres/sink.def"
#undef SINK_SETTING
#undef SINK_SHARED
};

struct sink;
extern const struct sink sink_postgres;
extern const struct sink_table_row sink_postgres_table[];
/* Tells the judge each mistake in a struct sink_postgres_settings that is enabled. */
void sink_postgres_check(const void *settings, const struct sink_settings_judge *judge);

#endif
