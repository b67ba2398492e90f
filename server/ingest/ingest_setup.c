/* ingest_setup.c: creates and frees one worker's ingest. Called on the main thread before and after
 * its worker runs; ingest_reconfigure on the worker. */
#include "server/ingest/ingest.h"
#include "server/ingest/reading_room.h"
#include "server/ingest/ingest_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/thread.h"

#define SCRATCH_LIMIT ((size_t)1 << 20)

static metric_t batch_series(const char *result)
{
    char labels[64];
    snprintf(labels, sizeof labels, "result=\"%s\"", result);
    return metric_series(METRIC_vsocd_batches_total, labels);
}

static metric_t event_series(const char *format, const char *result)
{
    char labels[128];
    snprintf(labels, sizeof labels, "format=\"%s\",result=\"%s\"", format, result);
    return metric_series(METRIC_vsocd_events_total, labels);
}

static bool make_series(struct ingest *in)
{
    size_t formats = registry_count(in->shared->registry);
    in->batches_accepted = batch_series("accepted");
    in->batches_duplicate = batch_series("duplicate");
    in->batches_quarantined = batch_series("quarantined");
    in->batches_refused = batch_series("refused");
    in->batches_failed = batch_series("failed");
    in->slices = metric_series(METRIC_vsocd_body_slices_total, "");
    in->decoded_bytes = metric_series(METRIC_vsocd_http_decoded_bytes_total, "");
    in->formats = calloc(formats + 1, sizeof *in->formats);
    for (size_t i = 0; in->formats && i <= formats; i++) {
        const char *name = i < formats ? registry_at(in->shared->registry, i)->name : "none";
        in->formats[i].accepted = event_series(name, "accepted");
        in->formats[i].duplicate = event_series(name, "duplicate");
        in->formats[i].quarantined = event_series(name, "quarantined");
    }
    return in->formats != NULL;
}

struct ingest *ingest_from(void *arg)
{
    return ingest_cast(arg);
}

struct ingest *ingest_create(struct ingest_shared *shared, const struct config *config,
                             const struct catalog *catalog, void (*shed)(void *arg), void *shed_arg)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (!in || mailbox_init(&in->verdicts, true) != STATUS_OK) {
        free(in);
        return NULL;
    }
    in->shared = shared;
    in->magic = INGEST_MAGIC;
    TAILQ_INIT(&in->waiting);
    TAILQ_INIT(&in->submitted);
    TAILQ_INIT(&in->reading.ring);
    TAILQ_INIT(&in->reading.waiting);
    body_list_init(&in->bodies, &shared->shed, shed, shed_arg);
    in->config = config;
    in->catalog = catalog;
    in->unknown_ids = catalog_unknown_create();
    writer_init(&in->scratch, SCRATCH_LIMIT);
    in->pseudonym = pseudonym_create(&shared->key);
    if (in->unknown_ids && in->pseudonym && make_series(in))
        return in;
    ingest_destroy(in);
    return NULL;
}

void ingest_destroy(struct ingest *in)
{
    if (!in)
        return;
    body_list_fini(&in->bodies, &in->shared->shed);
    ensure(!in->reading.active && TAILQ_EMPTY(&in->reading.waiting));
    reading_drop_spares(in);
    catalog_unknown_destroy(in->unknown_ids);
    pseudonym_destroy(in->pseudonym);
    writer_fini(&in->scratch);
    mailbox_fini(&in->verdicts);
    object_end(&in->magic);
    free(in->formats);
    free(in);
}

void ingest_on_need_turn(struct ingest *in, void (*need_turn)(void *arg), void *arg)
{
    in->reading.need_turn = need_turn;
    in->reading.need_turn_arg = arg;
}

bool ingest_may_reconfigure(struct ingest *in)
{
    ingest_assert(in);
    in->reading.closed = in->reading.active > 0;
    return !in->reading.closed;
}

void ingest_reconfigure(struct ingest *in, const struct config *config,
                        const struct catalog *catalog)
{
    ingest_assert(in);
    ensure(!in->reading.active);
    in->reading.closed = false;
    reading_drop_spares(in);
    in->config = config;
    in->catalog = catalog;
    catalog_unknown_reset(in->unknown_ids);
    if (!TAILQ_EMPTY(&in->reading.waiting))
        in->reading.need_turn(in->reading.need_turn_arg);
}

struct catalog_unknown *ingest_unknown_ids(struct ingest *in)
{
    return in->unknown_ids;
}
