/* Turns numbers into coded batches. Runs on the generator's only thread. It does not send and does
 * not know which batches were acknowledged. */
#include "fleet_batch.h"

#include <stdlib.h>
#include <string.h>

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
    uint64_t ready = settings->reuse != 0 ? settings->reuse : settings->prebuilt;
    source->ready_count = ready < batches ? ready : batches;
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

static void free_batch(struct fleet_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->request);
    free(batch);
}

void fleet_source_destroy(struct fleet_source *source)
{
    if (source == NULL)
        return;
    for (uint64_t i = 0; source->ready != NULL && i < source->ready_count; i++)
        free_batch(source->ready[i]);
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

/* Puts head and coded body together. Frees the coded body, or makes it the request. */
static bool build_request(const struct fleet_source *source, struct fleet_batch *batch, char *body)
{
    char head[FLEET_HEAD_MAX];
    size_t bytes = 0;
    batch->request = body;
    if (source->settings.head != NULL) {
        bytes = source->settings.head(source->settings.head_context, batch, head, sizeof head,
                                      &batch->key_at);
        batch->request = bytes != 0 ? malloc(bytes + batch->body_bytes) : NULL;
        if (batch->request != NULL) {
            memcpy(batch->request, head, bytes);
            memcpy(batch->request + bytes, body, batch->body_bytes);
        }
        free(body);
    }
    batch->request_bytes = bytes + batch->body_bytes;
    batch->body = batch->request != NULL ? batch->request + bytes : NULL;
    return batch->request != NULL;
}

static struct fleet_batch *make(struct fleet_source *source, uint64_t number)
{
    struct fleet_batch *batch = calloc(1, sizeof *batch);
    char *body = NULL;
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
        !fleet_encoder_run(source->encoder, source->text.data, source->text.used, &body,
                           &batch->body_bytes) ||
        !build_request(source, batch, body)) {
        free_batch(batch);
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
        source->ready[i]->reusable = source->settings.reuse != 0;
    }
    return true;
}

/* A batch of the caller's own with the same bytes. */
static struct fleet_batch *copy(const struct fleet_batch *from)
{
    struct fleet_batch *batch = malloc(sizeof *batch);
    char *request = batch != NULL ? malloc(from->request_bytes) : NULL;
    if (request == NULL) {
        free(batch);
        return NULL;
    }
    memcpy(request, from->request, from->request_bytes);
    *batch = *from;
    batch->request = request;
    batch->body = request + (from->body - from->request);
    batch->reusable = batch->busy = false;
    return batch;
}

static void number_it(struct fleet_batch *batch, uint64_t number)
{
    batch->number = number;
    for (int i = FLEET_KEY_DIGITS; batch->key_at != 0 && i-- > 0; number /= 10)
        batch->request[batch->key_at + (size_t)i] = (char)('0' + number % 10);
}

static struct fleet_batch *take_again(struct fleet_source *source, uint64_t number)
{
    struct fleet_batch *batch = source->ready[number % source->ready_count];
    if (batch->busy && (batch = copy(batch)) == NULL)
        return NULL;
    batch->busy = batch->reusable;
    number_it(batch, number);
    return batch;
}

struct fleet_batch *fleet_source_take(struct fleet_source *source, uint64_t number)
{
    if (source->settings.reuse != 0)
        return take_again(source, number);
    if (number >= source->ready_count || source->ready[number] == NULL)
        return make(source, number);
    struct fleet_batch *batch = source->ready[number];
    source->ready[number] = NULL;
    return batch;
}

void fleet_batch_destroy(struct fleet_batch *batch)
{
    if (batch != NULL && batch->reusable)
        batch->busy = false;
    else
        free_batch(batch);
}
