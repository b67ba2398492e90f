/* evidence_status.c: `vsocd evidence status`: how much evidence there is, how long it fits, and how
 * its tree is signed. Main thread. Reads files only, while the server runs or not; checks no
 * payloads. */
#include "server/commands/evidence/cmd_evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "core/clock.h"
#include "core/object.h"
#include "server/commands/command.h"
#include "server/commands/evidence/evidence_facts.h"
#include "server/commands/evidence/evidence_place.h"
#include "server/config/config.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/restart.h"
#include "storage/evidence/tree.h"
#include "storage/spool/spool_verify.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

/* --- spool ---------------------------------------------------------------------------------- */

#define SURVEY_MAGIC 0x53555256U

struct survey {
    unsigned magic; /* SURVEY_MAGIC */
    int64_t now_ns, oldest_ns;
    double day_bytes; /* written in the last 24 hours */
    int64_t day_from_ns;
    uint64_t archived; /* position */
    uint64_t behind;   /* segments with records after it */
    bool last_behind;  /* the newest, which is not full, is one of them */
};

OBJECT_CAST(survey, SURVEY_MAGIC)

/* A segment's bytes are spread evenly over the time in which it was written. */
static void on_segment(void *arg, const struct spool_segment_summary *s)
{
    struct survey *survey = survey_cast(arg);
    survey->last_behind = s->newest > survey->archived;
    survey->behind += survey->last_behind;
    if (!s->newest)
        return;
    if (!survey->oldest_ns)
        survey->oldest_ns = s->oldest_ns;
    int64_t from_ns = survey->now_ns - DAY_NS, took_ns = s->newest_ns - s->oldest_ns;
    if (s->newest_ns <= from_ns)
        return;
    double share = 1;
    if (s->oldest_ns < from_ns && took_ns > 0)
        share = (double)(s->newest_ns - from_ns) / (double)took_ns;
    survey->day_bytes += share * (double)s->used_bytes;
    int64_t since_ns = s->oldest_ns > from_ns ? s->oldest_ns : from_ns;
    if (!survey->day_from_ns || since_ns < survey->day_from_ns)
        survey->day_from_ns = since_ns;
}

/* Bytes that evidence may take: what it has and what the disk and the settings still allow. */
static double capacity(const struct evidence_place *place, double used)
{
    struct statvfs fs;
    double most = used;
    if (statvfs(place->spool_dir, &fs) == 0)
        most += (double)fs.f_bavail * (double)fs.f_frsize;
    if (place->config) {
        most -= (double)place->config->spool_reserve_bytes;
        if (most > (double)place->config->evidence_max_bytes)
            most = (double)place->config->evidence_max_bytes;
        if (most > (double)place->config->spool_max_bytes)
            most = (double)place->config->spool_max_bytes;
    }
    return most;
}

static enum status spool_facts(struct facts *f, const struct evidence_place *place)
{
    struct survey survey = {.magic = SURVEY_MAGIC, .now_ns = clock_wall_ns()};
    struct spool_verify_result spool;
    const struct spool_verify_options options = {
        .depth = SPOOL_DEPTH_LIST, .to = UINT64_MAX, .on_segment = on_segment, .arg = &survey};
    bool archives;
    enum status status = archive_position(place, &archives, &survey.archived);
    if (status == STATUS_OK)
        status = spool_verify_dir(place->spool_dir, &options, &spool);
    if (status != STATUS_OK)
        return status;
    int64_t took_ns = survey.now_ns - survey.day_from_ns;
    bool known = survey.day_from_ns && survey.day_bytes > 0 && took_ns > 0;
    double rate = known ? survey.day_bytes / ((double)took_ns / (double)DAY_NS) : 0;
    fact_number(f, "records", "records in the spool", spool.records);
    fact_number(f, "events", "events in them", spool.events);
    fact_number(f, "bytes", "bytes", spool.bytes);
    fact_time(f, "oldest", "oldest record", survey.oldest_ns);
    fact_real(f, "days", "days kept",
              survey.oldest_ns ? (double)(survey.now_ns - survey.oldest_ns) / (double)DAY_NS : 0,
              true);
    fact_real(f, "bytes_per_day", "bytes a day, at today's rate", rate, known);
    fact_real(f, "days_that_fit", "days that fit at that rate",
              known ? capacity(place, (double)spool.bytes) / rate : 0, known);
    fact_number(f, "evicted_batches", "evicted before their time", spool.evicted_batches);
    fact_number(f, "spool_leaves", "leaf indexes given", spool.leaves);
    archive_facts(f, place, archives, survey.archived, survey.behind - survey.last_behind);
    return STATUS_OK;
}

/* --- tree ----------------------------------------------------------------------------------- */

static void head_facts(struct facts *f, const struct evidence_place *place,
                       const struct evidence_head *head)
{
    struct note note;
    struct checkpoint checkpoint;
    char origin[NOTE_NAME_BYTES_MAX + 1] = "";
    if (note_parse(head->note, &note) == STATUS_OK &&
        checkpoint_parse(note.text, &checkpoint) == STATUS_OK)
        snprintf(origin, sizeof origin, "%.*s", SLICE_ARGS(checkpoint.origin));
    fact_text(f, "origin", "name of the tree (origin)", origin);
    fact_number(f, "head_size", "records in the newest head", head->size);
    fact_time(f, "head_signed", "signed", head->signed_ns);
    fact_real(f, "head_age_seconds", "seconds ago",
              (double)(clock_wall_ns() - head->signed_ns) / (double)NS_PER_S, head->signed_ns != 0);
    fact_number(f, "cosignatures", "cosignatures on it", cosignatures_of(place, head));
}

static enum status tree_facts(struct facts *f, const struct evidence_place *place)
{
    struct evidence_tree *tree;
    struct evidence_head head;
    struct evidence_restart restart;
    struct writer note;
    uint64_t leaves = 0;
    enum status status = evidence_tree_open(place->tree_dir, false, &tree);
    if (status == STATUS_OK) {
        status = evidence_tree_stored(tree, &leaves);
        evidence_tree_close(tree);
    }
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status == STATUS_OK)
        status = evidence_restart_read(place->dir, &restart);
    if (status != STATUS_OK)
        return status;
    fact_number(f, "leaves", "leaves stored", leaves);
    fact_number(f, "generation", "tree number", restart.generation);
    if (restart.generation > 1)
        fact_text(f, "restart_reason", "reason of the restart", restart.reason);
    writer_init(&note, NOTE_BYTES_MAX);
    status = evidence_heads_last(place->dir, &note, &head);
    if (status == STATUS_OK)
        head_facts(f, place, &head);
    else if (status == STATUS_NOT_FOUND || status == STATUS_IO)
        fact_number(f, "head_size", "records in the newest head", 0);
    writer_fini(&note);
    if (place->config)
        fact_text(f, "last_head", "second place of the head", place->config->evidence_last_head);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

int evidence_status(int argc, char **argv)
{
    struct facts f = {.json = false};
    struct evidence_place place;
    const char *given = NULL;
    char *rest[260];
    int count = 0;
    for (int i = 0; i < argc && count < 256; i++) {
        if (!strcmp(argv[i], "--json"))
            f.json = true;
        else if (i > 0 && argv[i][0] != '-' && strcmp(argv[i - 1], "-c") &&
                 strcmp(argv[i - 1], "--config") && strcmp(argv[i - 1], "--set"))
            given = argv[i];
        else
            rest[count++] = argv[i];
    }
    if (given && count > 1)
        return command_wrong("evidence", "give DIR or settings, not both");
    rest[count] = NULL;
    int code = evidence_place_find(given, count, rest, &place);
    if (code != EXIT_DONE)
        return code;
    writer_init(&f.w, SIZE_MAX / 2);
    if (f.json)
        writer_u8(&f.w, '{');
    const char *where = place.spool_dir;
    enum status status = spool_facts(&f, &place);
    if (status == STATUS_OK) {
        where = place.dir;
        status = tree_facts(&f, &place);
    }
    if (status == STATUS_OK)
        status = witness_facts(&f, &place);
    if (status == STATUS_OK)
        status = hold_facts(&f, &place);
    if (status == STATUS_OK)
        status = time_facts(&f, &place);
    if (f.json)
        writer_text(&f.w, "}\n");
    if (status == STATUS_OK)
        fwrite(f.w.data, 1, f.w.size, stdout);
    else
        fprintf(stderr, "vsocd evidence status: %s: %s\n", where, status_text(status));
    writer_fini(&f.w);
    evidence_place_fini(&place);
    return status != STATUS_OK ? EXIT_FAILED : fflush(stdout) != 0 ? EXIT_DISK : EXIT_DONE;
}
