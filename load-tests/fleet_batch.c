/* Turns numbers into coded batches. Runs on the generator's only thread. It does not send and does
 * not know which batches were acknowledged. */
#include "fleet_batch.h"

#include <stdlib.h>

struct fleet_source {
    struct fleet_source_settings settings;
    struct fleet_encoder *encoder;
    struct fleet_text text; /* the batch being written, before coding */
    struct fleet_batch **ready;
    uint64_t ready_count;
};

uint64_t fleet_source_batches(const struct fleet_source *source)
{
    uint32_t size = source->settings.plan.batch_events;
    return source->settings.events / size + (source->settings.events % size != 0);
}

static bool source_open(struct fleet_source *source)
{
    const struct fleet_source_settings *settings = &source->settings;
    uint64_t batches = fleet_source_batches(source);
    source->ready_count = settings->prebuilt < batches ? settings->prebuilt : batches;
    source->ready = calloc(source->ready_count + 1, sizeof(struct fleet_batch *));
    source->text.capacity = (size_t)settings->plan.batch_events * FLEET_EVENT_MAX_BYTES;
    source->text.data = malloc(source->text.capacity);
    source->encoder = fleet_encoder_create(settings->encoding, settings->level);
    return source->ready != NULL && source->text.data != NULL && source->encoder != NULL;
}

struct fleet_source *fleet_source_create(const struct fleet_source_settings *settings)
{
    struct fleet_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->settings = *settings;
    if (!source_open(source)) {
        fleet_source_destroy(source);
        return NULL;
    }
    return source;
}

void fleet_source_destroy(struct fleet_source *source)
{
    if (source == NULL)
        return;
    for (uint64_t i = 0; source->ready != NULL && i < source->ready_count; i++)
        fleet_batch_destroy(source->ready[i]);
    free(source->ready);
    free(source->text.data);
    fleet_encoder_destroy(source->encoder);
    free(source);
}

/* Writes the events into the source's text: one a line, or as one JSON array. */
static void write_events(struct fleet_source *source, const struct fleet_batch *batch)
{
    bool array = source->settings.format == FLEET_JSON_ARRAY;
    struct fleet_text *text = &source->text;
    text->used = 0;
    for (uint32_t i = 0; i < batch->events; i++) {
        if (array)
            fleet_text_puts(text, i == 0 ? "[" : ",");
        fleet_event_write(&source->settings.plan, batch->first_event + i, text);
        if (!array)
            fleet_text_puts(text, "\n");
    }
    if (array)
        fleet_text_puts(text, "]");
}

static struct fleet_batch *make(struct fleet_source *source, uint64_t number)
{
    struct fleet_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    uint32_t size = source->settings.plan.batch_events;
    batch->number = number;
    batch->first_event = number * size;
    uint64_t left = source->settings.events - batch->first_event;
    batch->events = left < size ? (uint32_t)left : size;
    write_events(source, batch);
    batch->json_bytes = source->text.used;
    if (source->text.overflow ||
        !fleet_encoder_run(source->encoder, source->text.data, source->text.used, &batch->body,
                           &batch->body_bytes)) {
        fleet_batch_destroy(batch);
        return NULL;
    }
    return batch;
}

bool fleet_source_prebuild(struct fleet_source *source)
{
    for (uint64_t i = 0; i < source->ready_count; i++) {
        source->ready[i] = make(source, i);
        if (source->ready[i] == NULL)
            return false;
    }
    return true;
}

struct fleet_batch *fleet_source_take(struct fleet_source *source, uint64_t number)
{
    if (number >= source->ready_count || source->ready[number] == NULL)
        return make(source, number);
    struct fleet_batch *batch = source->ready[number];
    source->ready[number] = NULL;
    return batch;
}

void fleet_batch_destroy(struct fleet_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->body);
    free(batch);
}
