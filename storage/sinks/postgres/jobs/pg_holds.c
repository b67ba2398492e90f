/* pg_holds.c: the job that copies this server's legal holds into vsoc.holds, so that whoever
 * deletes rows of the database, or reads them, knows what must stay. Runs on the jobs thread. The
 * file of holds decides; nothing is read back. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/jobs/pg_job.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/writer.h"
#include "storage/evidence/holds/hold_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void sums_row(void *arg, const char *const *cells)
{
    uint64_t *sums = arg;
    for (int i = 0; i < 2; i++)
        sums[i] = strtoull(cells[i] ? cells[i] : "0", NULL, 10);
}

/* Holds are only added and released, so two numbers tell whether the database has them all. */
static enum status is_there(struct pg_connection *c, const struct pg_job_settings *settings,
                            const struct holds *holds, bool *there, struct pg_error *error)
{
    struct pg_param param = {slice_from_text(settings->instance), 0};
    uint64_t sums[2] = {0, 0}, released = 0;
    for (size_t i = 0; i < holds->count; i++)
        released += holds->items[i].released;
    enum status status = pg_connection_query(
        c, "SELECT count(*), count(time_released) FROM vsoc.holds WHERE instance = $1", &param, 1,
        sums_row, sums, error);
    *there = sums[0] == holds->count && sums[1] == released;
    return status;
}

static enum status copy_holds(struct pg_connection *c, const struct pg_job_settings *settings,
                              const struct holds *holds, struct pg_error *error)
{
    struct writer json;
    int64_t now_ns = clock_wall_ns();
    writer_init(&json, SIZE_MAX / 2);
    for (size_t i = 0; i < holds->count; i++) {
        writer_u8(&json, i ? ',' : '[');
        hold_write_json(&json, &holds->items[i], now_ns);
    }
    writer_text(&json, "]");
    writer_u8(&json, '\0');
    struct pg_param params[] = {{slice_from_text(settings->instance), 0}, {writer_slice(&json), 0}};
    enum status status = json.status;
    if (status == STATUS_OK)
        status = pg_connection_query(c, "SELECT vsoc.note_holds($1, $2::jsonb)", params, 2, NULL,
                                     NULL, error);
    writer_fini(&json);
    return status;
}

static enum status send_holds(struct pg_connection *c, const struct pg_job_settings *settings,
                              unsigned step, bool *more, struct pg_error *error)
{
    struct holds holds;
    struct problem problem;
    bool there = true;
    (void)step;
    (void)more;
    if (!settings->evidence_dir)
        return STATUS_OK;
    if (holds_read(settings->evidence_dir, &holds, &problem) != STATUS_OK) {
        log_warn("the file of holds can't be read", LOG_TEXT("problem", problem.text));
        return STATUS_OK; /* no fault of the database */
    }
    enum status status = is_there(c, settings, &holds, &there, error);
    if (status == STATUS_OK && holds.count && !there)
        status = copy_holds(c, settings, &holds, error);
    holds_fini(&holds);
    return status;
}

const struct pg_job pg_job_holds = {
    .name = "holds",
    .period_ns = 2 * NS_PER_S,
    .retry_ns = 2 * NS_PER_S,
    .step = send_holds,
    .by_hand = "SELECT instance, count(*) FROM vsoc.holds GROUP BY instance",
};
