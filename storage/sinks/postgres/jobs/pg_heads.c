/* pg_heads.c: the job that copies this server's signed heads into vsoc.evidence_heads, and notices
 * when the database has a newer one than this server. Runs on the jobs thread. Checks no
 * signatures: the evidence thread does before it believes what is reported. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/jobs/pg_job.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/object.h"
#include "storage/evidence/heads_json.h"
#include "storage/evidence/last_head.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADS_AT_ONCE 500

#define THERE_MAGIC 0x54484552U

/* The newest head of an origin in the database. */
struct there {
    unsigned magic; /* THERE_MAGIC */
    uint64_t size;  /* 0: none */
    char root[2 * MERKLE_HASH_BYTES + 1];
    struct writer note;
};

OBJECT_CAST(there, THERE_MAGIC)

static void there_row(void *arg, const char *const *cells)
{
    struct there *there = there_cast(arg);
    there->size = strtoull(cells[0] ? cells[0] : "0", NULL, 10);
    snprintf(there->root, sizeof there->root, "%s", cells[1] ? cells[1] : "");
    writer_text(&there->note, cells[2] ? cells[2] : "");
}

#define GATHER_MAGIC 0x47415448U

struct gather {
    unsigned magic; /* GATHER_MAGIC */
    struct writer json;
    unsigned count;
};

OBJECT_CAST(gather, GATHER_MAGIC)

static bool gather_head(void *arg, const struct evidence_head *head)
{
    struct gather *g = gather_cast(arg);
    writer_u8(&g->json, g->count ? ',' : '[');
    evidence_head_write_json(&g->json, head);
    return ++g->count < HEADS_AT_ONCE;
}

static bool is_same(const struct there *there, const struct evidence_head *head)
{
    char root[2 * MERKLE_HASH_BYTES + 1];
    for (size_t i = 0; i < MERKLE_HASH_BYTES; i++)
        snprintf(root + 2 * i, 3, "%02x", head->root[i]);
    return there->size == head->size && strcmp(root, there->root) == 0;
}

/* Those after the newest one there. */
static enum status copy_heads(struct pg_connection *c, const struct pg_job_settings *settings,
                              const char *origin, uint64_t after, bool *more,
                              struct pg_error *error)
{
    struct gather g = {.magic = GATHER_MAGIC};
    writer_init(&g.json, SIZE_MAX / 2);
    enum status status = evidence_heads_walk(settings->evidence_dir, after + 1, gather_head, &g);
    writer_text(&g.json, "]");
    writer_u8(&g.json, '\0');
    if (status == STATUS_OK && g.json.status == STATUS_OK && g.count) {
        struct pg_param params[] = {{slice_from_text(origin), 0},
                                    {writer_slice(&g.json), 0},
                                    {slice_from_text(settings->instance), 0}};
        status = pg_connection_query(
            c,
            "INSERT INTO vsoc.evidence_heads (origin, size, root, time_signed, note, instance) "
            "SELECT $1, size, decode(root, 'base64'), signed, note, $3 FROM "
            "jsonb_to_recordset($2::jsonb) AS h(size int8, root text, signed timestamptz, note "
            "text) ON CONFLICT DO NOTHING",
            params, 3, NULL, NULL, error);
        *more = g.count == HEADS_AT_ONCE;
    } else if (status != STATUS_OK) {
        log_warn("signed heads can't be read", LOG_TEXT("dir", settings->evidence_dir),
                 LOG_STATUS(status));
        status = STATUS_OK; /* no fault of the database */
    }
    writer_fini(&g.json);
    return status;
}

static enum status compare(struct pg_connection *c, const struct pg_job_settings *settings,
                           const struct evidence_head *head, bool *more, struct pg_error *error)
{
    char origin[NOTE_NAME_BYTES_MAX + 1];
    struct there there = {.magic = THERE_MAGIC};
    snprintf(origin, sizeof origin, "%.*s", (int)strcspn((const char *)head->note.data, "\n"),
             (const char *)head->note.data);
    struct pg_param param = {slice_from_text(origin), 0};
    writer_init(&there.note, NOTE_BYTES_MAX);
    enum status status = pg_connection_query(
        c,
        "SELECT size::text, encode(root, 'hex'), note FROM vsoc.evidence_heads WHERE origin = $1 "
        "ORDER BY size DESC LIMIT 1",
        &param, 1, there_row, &there, error);
    if (status == STATUS_OK && there.size < head->size)
        status = copy_heads(c, settings, origin, there.size, more, error);
    else if (status == STATUS_OK && !is_same(&there, head) &&
             last_head_report(settings->evidence_dir, writer_slice(&there.note)) != STATUS_OK)
        log_warn("the database has a head that this server does not have, and it can't be noted",
                 LOG_TEXT("dir", settings->evidence_dir));
    writer_fini(&there.note);
    return status;
}

static enum status send_heads(struct pg_connection *c, const struct pg_job_settings *settings,
                              unsigned step, bool *more, struct pg_error *error)
{
    struct writer note;
    struct evidence_head head;
    (void)step;
    if (!settings->evidence_dir)
        return STATUS_OK;
    writer_init(&note, NOTE_BYTES_MAX);
    enum status status = STATUS_OK;
    if (evidence_heads_last(settings->evidence_dir, &note, &head) == STATUS_OK)
        status = compare(c, settings, &head, more, error);
    writer_fini(&note);
    return status;
}

const struct pg_job pg_job_heads = {
    .name = "evidence_heads",
    .period_ns = 2 * NS_PER_S,
    .retry_ns = 2 * NS_PER_S,
    .step = send_heads,
    .by_hand = "SELECT origin, max(size) FROM vsoc.evidence_heads GROUP BY origin",
};
