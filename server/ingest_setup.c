/* ingest_setup.c: makes and frees one worker's ingest. Called on the main thread before and after
 * its worker runs; ingest_reconfigure on the worker. */
#include "server/ingest_internal.h"

#include <stdio.h>
#include <stdlib.h>

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

struct ingest *ingest_create(struct ingest_shared *shared, const struct config *config,
                             const struct catalog *catalog, void (*shed)(void *arg), void *shed_arg)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (!in || mailbox_init(&in->verdicts, true) != STATUS_OK) {
        free(in);
        return NULL;
    }
    in->shared = shared;
    body_list_init(&in->bodies, &shared->shed, shed, shed_arg);
    in->config = config;
    in->catalog = catalog;
    in->unknown_ids = catalog_unknown_create();
    writer_init(&in->inflated, config->limit_inflated_bytes + JSON_PADDING);
    writer_init(&in->scratch, SCRATCH_LIMIT);
    in->inflate = inflate_create();
    in->json = json_parser_create(config->limit_json_depth, PIPELINE_JSON_NODES);
    in->json_inner = json_parser_create(config->limit_json_depth, PIPELINE_JSON_NODES);
    in->pseudonym = pseudonym_create(&shared->key);
    in->sha = sha256_create();
    if (in->unknown_ids && in->inflate && in->json && in->json_inner && in->pseudonym && in->sha &&
        make_series(in))
        return in;
    ingest_destroy(in);
    return NULL;
}

void ingest_destroy(struct ingest *in)
{
    if (!in)
        return;
    body_list_fini(&in->bodies, &in->shared->shed);
    catalog_unknown_destroy(in->unknown_ids);
    inflate_destroy(in->inflate);
    json_parser_destroy(in->json);
    json_parser_destroy(in->json_inner);
    pseudonym_destroy(in->pseudonym);
    sha256_destroy(in->sha);
    writer_fini(&in->inflated);
    writer_fini(&in->scratch);
    mailbox_fini(&in->verdicts);
    free(in->formats);
    free(in);
}

/* Without memory the old one, with the old depth, stays. */
static void renew_json(struct json_parser **json, size_t depth)
{
    struct json_parser *made = json_parser_create(depth, PIPELINE_JSON_NODES);
    if (!made)
        return;
    json_parser_destroy(*json);
    *json = made;
}

void ingest_reconfigure(struct ingest *in, const struct config *config,
                        const struct catalog *catalog)
{
    if (config->limit_json_depth != in->config->limit_json_depth) {
        renew_json(&in->json, config->limit_json_depth);
        renew_json(&in->json_inner, config->limit_json_depth);
    }
    in->config = config;
    in->catalog = catalog;
    catalog_unknown_reset(in->unknown_ids);
}

struct catalog_unknown *ingest_unknown_ids(struct ingest *in)
{
    return in->unknown_ids;
}
