/* sink_registry.c: the built-in sinks, by name. Any thread; immutable. */
#include "storage/sinks/sink_runner.h"

static const struct sink *const sinks[] = {&sink_kafka, &sink_postgres, &sink_file};

const struct sink *sink_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof sinks / sizeof *sinks; i++)
        if (!strcmp(sinks[i]->name, name))
            return sinks[i];
    return NULL;
}
