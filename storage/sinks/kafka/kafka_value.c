/* kafka_value.c: chooses how an event is written. The lane's sink thread. Sends nothing. */
#include "storage/sinks/kafka/kafka_value.h"

#include "storage/sinks/kafka/kafka_map.h"

static const char *const types[] = {[KAFKA_FORMAT_JSON] = "vsoc.event.v1",
                                    [KAFKA_FORMAT_LEAN] = "vsoc.event.lean.v1",
                                    [KAFKA_FORMAT_ECS] = "vsoc.event.ecs.v1",
                                    [KAFKA_FORMAT_OCSF] = "vsoc.event.ocsf.v1"};

const char *kafka_value_type(enum kafka_format format)
{
    return types[format];
}

void kafka_value_write(struct writer *w, enum kafka_format format, const struct event *event,
                       struct event_json_memo *memo)
{
    switch (format) {
    case KAFKA_FORMAT_JSON:
        event_json_write_styled(w, event, &event_json_whole, memo);
        return;
    case KAFKA_FORMAT_LEAN:
        event_json_write_styled(w, event, kafka_map_lean(), memo);
        return;
    case KAFKA_FORMAT_ECS:
        kafka_map_write(w, event, kafka_map_ecs, memo);
        return;
    case KAFKA_FORMAT_OCSF:
        kafka_map_write(w, event, kafka_map_ocsf, memo);
        return;
    }
}
