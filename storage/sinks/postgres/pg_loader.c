/* pg_loader.c: prepares the shared state of a lane's loads, and classifies failed calls. Runs on
 * the lane's thread. Sends no statement. */
#include "storage/sinks/postgres/pg_loader.h"

#include "core/hash.h"
#include "core/uuid7.h"
#include "storage/sinks/sink_record.h"

#include <stdio.h>
#include <stdlib.h>

#define BUFFER_MAX ((size_t)1 << 30) /* PostgreSQL accepts no larger value */

void pg_loader_init(struct pg_loader *l, struct pg_connection *connection, const char *instance,
                    unsigned lane, unsigned lanes)
{
    *l = (struct pg_loader){
        .connection = connection, .instance = instance, .lane = lane, .lanes = lanes};
    writer_init(&l->buffer, BUFFER_MAX);
    pg_probe_init(&l->probe);
    pg_columns_init(&l->columns);
}

void pg_loader_fini(struct pg_loader *l)
{
    writer_fini(&l->buffer);
    pg_probe_fini(&l->probe);
    free(l->flags);
    free(l->by_uid);
}

enum sink_result pg_loader_failed(enum status status, const struct pg_error *error,
                                  const char *what, struct sink_problem *problem)
{
    if (status != STATUS_REFUSED && status != STATUS_UNAVAILABLE) {
        snprintf(problem->text, sizeof problem->text, "%s: %s", what, status_text(status));
        return status == STATUS_NO_MEMORY ? SINK_LATER : SINK_BROKEN;
    }
    const char *advice = pg_error_advice(error->sqlstate);
    snprintf(problem->text, sizeof problem->text, "%s: %s%s%s%s%s", what, error->text,
             error->sqlstate[0] ? " (SQLSTATE " : "", error->sqlstate,
             error->sqlstate[0] ? ")" : "", advice ? "; " : "");
    size_t used = strlen(problem->text);
    snprintf(problem->text + used, sizeof problem->text - used, "%s", advice ? advice : "");
    return pg_error_no_partition(error) || pg_error_classify(error->sqlstate) == PG_ERROR_LATER
               ? SINK_LATER
               : SINK_BROKEN;
}

enum status pg_loader_make_room(struct pg_loader *l, size_t batches)
{
    if (batches <= l->capacity)
        return STATUS_OK;
    uint8_t *flags = realloc(l->flags, batches * sizeof *flags);
    if (flags)
        l->flags = flags;
    uint32_t *by_uid = realloc(l->by_uid, batches * sizeof *by_uid);
    if (by_uid)
        l->by_uid = by_uid;
    if (!flags || !by_uid)
        return STATUS_NO_MEMORY;
    l->capacity = batches;
    return STATUS_OK;
}

static int compare_uids(const void *a, const void *b, void *batches)
{
    const struct sink_batch *list = batches;
    return memcmp(list[*(const uint32_t *)a].batch_uid, list[*(const uint32_t *)b].batch_uid,
                  UUID_BYTES);
}

void pg_loader_sort(struct pg_loader *l, const struct sink_load *load)
{
    for (size_t i = 0; i < load->batch_count; i++)
        l->by_uid[i] = (uint32_t)i;
    qsort_r(l->by_uid, load->batch_count, sizeof *l->by_uid, compare_uids,
            (void *)(uintptr_t)load->batches);
}

uint8_t *pg_loader_flags(const struct pg_loader *l, const struct sink_load *load, const char *text)
{
    uint8_t uid[UUID_BYTES];
    if (!text || uuid_from_text(slice_from_text(text), uid) != STATUS_OK)
        return NULL;
    size_t low = 0, high = load->batch_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t batch = l->by_uid[middle];
        int order = memcmp(load->batches[batch].batch_uid, uid, UUID_BYTES);
        if (order == 0)
            return &l->flags[batch];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t pg_loader_batches(const struct sink_load *load)
{
    size_t count = 0;
    for (size_t i = 0; i < load->batch_count; i++)
        count += !sink_is_record(&load->batches[i]);
    return count;
}

void pg_loader_claim(const struct sink_batch *batch, uint8_t claim[SHA256_BYTES])
{
    uint8_t both[2 * SHA256_BYTES];
    memcpy(both, batch->key, SHA256_BYTES);
    memcpy(both + SHA256_BYTES, batch->inflated_digest, SHA256_BYTES);
    sha256_bytes(slice_make(both, sizeof both), claim);
}
