/* pg_settings.c: the settings of the PostgreSQL sink as data, and checks across their rows. Any
 * thread. Reads no file and connects to nothing. */
#include "storage/sinks/postgres/pg_settings.h"

const struct sink_table_row sink_postgres_table[] = {
#define SINK_SETTING SINK_ROW
#define SINK_SHARED  SINK_SHARED_ROW
#include "storage/sinks/postgres/sink.def"
#undef SINK_SETTING
#undef SINK_SHARED
    {0}};
_Static_assert(sizeof(struct sink_postgres_settings) <= SINK_SETTINGS_BYTES, "they fit");

static bool is_set(const char *text)
{
    return text && *text;
}

void sink_postgres_check(const void *settings, const struct sink_settings_judge *judge)
{
    const struct sink_postgres_settings *s = settings;
    struct problem problem;
    if (!s->enabled || is_set(s->dsn) || is_set(s->dsn_file))
        return;
    problem_say(&problem,
                "required if sinks.postgres.enabled is true: set it or sinks.postgres.dsn_file");
    judge->tell(judge->arg, "sinks.postgres.dsn", &problem);
}
