/* time_job.c: when which authority is asked, and what becomes of its answer. The thread "remote".
 * An authority that is away or answers wrongly is asked again later; nothing waits for it. */
#include "storage/evidence/remote/time_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/object.h"
#include "storage/evidence/formats/note.h"
#include "storage/evidence/remote/remote_http.h"

#define LOG_COMPONENT "evidence"
#include "core/log/log.h"

#define TIMEOUT_MS  10000
#define FIRST_PAUSE (60 * NS_PER_S)
/* Difference of the clocks, beyond what the exchange took, that is worth a warning. */
#define OFFSET_MAX (2 * NS_PER_S)

struct authority {
    char *url;
    uint64_t size; /* of the head that its newest token is over */
    int64_t due_ns;
    int64_t pause_ns; /* after the next failure */
};

#define TIME_JOB_MAGIC 0x5654494dU

struct time_job {
    unsigned magic; /* TIME_JOB_MAGIC */
    char *dir;
    struct time_trust *trust;
    int64_t interval_ns;
    struct authority authorities[TIME_AUTHORITIES_MAX];
    size_t count;
    bool is_begun;
    int64_t newest_ns; /* of all tokens */
};

OBJECT_CAST(time_job, TIME_JOB_MAGIC)

/* What is stamped: a head. */
struct stamped {
    uint64_t size;
    uint8_t sha256[SHA256_BYTES];
};

/* The newest head; false: there is none. */
static bool read_head(struct evidence *evidence, struct stamped *out)
{
    struct writer bytes;
    struct note *note = malloc(sizeof *note);
    writer_init(&bytes, NOTE_BYTES_MAX);
    out->size = evidence_newest(evidence, &bytes);
    bool good = note && out->size && note_parse(writer_slice(&bytes), note) == STATUS_OK;
    if (good)
        sha256_bytes(note->text, out->sha256);
    free(note);
    writer_fini(&bytes);
    return good;
}

/* ---- the answer ---- */

static void publish_time(struct time_job *job, int64_t token_ns)
{
    if (token_ns <= job->newest_ns)
        return;
    job->newest_ns = token_ns;
    metric_set(metric_series(METRIC_vsocd_evidence_time_token_timestamp_seconds, ""),
               (double)token_ns / (double)NS_PER_S);
}

/* By how much our clock is ahead of the authority's, the time that the exchange took left out. */
static void compare_clocks(const struct authority *authority, const struct time_token *token,
                           int64_t sent_ns, int64_t answered_ns)
{
    int64_t offset_ns = 0;
    if (token->time_ns + token->accuracy_ns + NS_PER_S < sent_ns)
        offset_ns = sent_ns - token->time_ns;
    else if (token->time_ns - token->accuracy_ns > answered_ns)
        offset_ns = answered_ns - token->time_ns;
    metric_set(metric_series(METRIC_vsocd_evidence_time_offset_seconds, ""),
               (double)offset_ns / (double)NS_PER_S);
    if (offset_ns > OFFSET_MAX || offset_ns < -OFFSET_MAX)
        log_warn("the clock of this machine differs from that of a time authority: check its "
                 "synchronisation",
                 LOG_TEXT("authority", authority->url),
                 LOG_REAL("ahead_seconds", (double)offset_ns / (double)NS_PER_S));
}

static enum status take_answer(struct time_job *job, size_t i, const struct stamped *head,
                               struct slice answer, const struct time_token *token,
                               struct problem *problem)
{
    const struct time_place place = {head->size, (unsigned)i};
    enum status status = time_store_put(job->dir, &place, answer);
    if (status != STATUS_OK) {
        problem_say(problem, "the token can't be stored: %s", strerror(errno));
        return status;
    }
    job->authorities[i].size = head->size;
    publish_time(job, token->time_ns);
    log_info("a time authority has attested the newest head",
             LOG_TEXT("authority", job->authorities[i].url), LOG_U64("leaves", head->size),
             LOG_TEXT("serial", token->serial));
    return STATUS_OK;
}

static enum status exchange(const struct authority *authority, struct slice query,
                            const struct remote *remote, struct writer *answer,
                            struct problem *problem)
{
    const struct remote_http_request request = {
        .url = authority->url,
        .content_type = "application/timestamp-query",
        .accept = "application/timestamp-reply",
        .body = query,
        .timeout_ms = TIMEOUT_MS,
        .remote = remote,
    };
    long code = 0;
    enum status status = remote_http_post(&request, &code, answer, problem);
    if (status != STATUS_OK || code == 200)
        return status;
    problem_say(problem, "it answers with HTTP status %ld", code);
    return STATUS_UNAVAILABLE;
}

static enum status ask(struct time_job *job, size_t i, const struct stamped *head,
                       const struct remote *remote, struct problem *problem)
{
    uint8_t nonce[TIME_NONCE_BYTES];
    struct writer query, answer;
    struct time_token token;
    struct time_check check = {.sha256 = head->sha256, .nonce = nonce, .trust = job->trust};
    random_bytes(nonce, sizeof nonce);
    writer_init(&query, TIME_TOKEN_BYTES_MAX);
    writer_init(&answer, TIME_TOKEN_BYTES_MAX);
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    enum status status = time_request_write(head->sha256, nonce, &query);
    int64_t sent_ns = clock_wall_ns();
    if (status == STATUS_OK)
        status = exchange(&job->authorities[i], writer_slice(&query), remote, &answer, problem);
    check.at_ns = clock_wall_ns();
    if (status == STATUS_OK)
        status = time_token_check(writer_slice(&answer), &check, &token, problem);
    if (status == STATUS_OK) {
        compare_clocks(&job->authorities[i], &token, sent_ns, check.at_ns);
        status = take_answer(job, i, head, writer_slice(&answer), &token, problem);
    }
    writer_fini(&query);
    writer_fini(&answer);
    return status;
}

/* ---- when ---- */

static void fail(struct time_job *job, struct authority *authority, const struct problem *problem)
{
    metric_add(metric_series(METRIC_vsocd_evidence_time_failures_total, ""), 1);
    log_warn("a time authority gave no token; it is asked again later",
             LOG_TEXT("authority", authority->url), LOG_TEXT("problem", problem->text));
    authority->due_ns = clock_monotonic_ns() + authority->pause_ns;
    authority->pause_ns *= 2;
    if (authority->pause_ns > job->interval_ns)
        authority->pause_ns = job->interval_ns;
}

static int64_t first_pause(const struct time_job *job)
{
    return job->interval_ns < FIRST_PAUSE ? job->interval_ns : FIRST_PAUSE;
}

/* Returns when this authority wants its next turn. */
static int64_t serve(struct time_job *job, size_t i, const struct stamped *head,
                     const struct remote *remote)
{
    struct authority *authority = &job->authorities[i];
    struct problem problem;
    if (head->size <= authority->size)
        return INT64_MAX; /* nothing new to attest */
    if (clock_monotonic_ns() < authority->due_ns)
        return authority->due_ns;
    enum status status = ask(job, i, head, remote, &problem);
    if (status == STATUS_OK) {
        authority->due_ns = clock_monotonic_ns() + job->interval_ns;
        authority->pause_ns = first_pause(job);
    } else if (status != STATUS_CLOSED) {
        fail(job, authority, &problem);
    }
    return authority->due_ns;
}

/* Continues where an earlier process ended. */
static void begin(struct time_job *job)
{
    for (unsigned i = 0; i < job->count; i++) {
        struct time_place place;
        if (time_store_newest(job->dir, &i, &place) == STATUS_OK)
            job->authorities[i].size = place.size;
        job->authorities[i].pause_ns = first_pause(job);
    }
    job->is_begun = true;
}

static int64_t run(void *arg, struct remote *remote)
{
    struct time_job *job = time_job_cast(arg);
    struct stamped head;
    int64_t first_ns = INT64_MAX;
    thread_assert(THREAD_REMOTE);
    if (!job->is_begun)
        begin(job);
    if (!read_head(remote_evidence(remote), &head))
        return INT64_MAX;
    for (size_t i = 0; i < job->count && !remote_is_stopping(remote); i++) {
        int64_t due_ns = serve(job, i, &head, remote);
        first_ns = due_ns < first_ns ? due_ns : first_ns;
    }
    return first_ns;
}

/* ---- life ---- */

static bool copy_texts(struct time_job *job, const struct time_job_options *options)
{
    job->dir = strdup(options->dir);
    bool good = job->dir != NULL;
    for (size_t i = 0; good && i < options->url_count; i++) {
        job->authorities[i].url = strdup(options->urls[i]);
        good = job->authorities[i].url != NULL;
        job->count += good;
    }
    return good;
}

enum status time_job_create(const struct time_job_options *options, struct time_job **out)
{
    struct time_job *job = calloc(1, sizeof *job);
    if (!job) {
        time_trust_destroy(options->trust);
        return STATUS_NO_MEMORY;
    }
    job->magic = TIME_JOB_MAGIC;
    job->trust = options->trust;
    job->interval_ns = options->interval_ns;
    enum status status = options->url_count <= TIME_AUTHORITIES_MAX ? STATUS_OK : STATUS_TOO_MANY;
    if (status == STATUS_OK && !copy_texts(job, options))
        status = STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        *out = job;
    else
        time_job_destroy(job);
    return status;
}

void time_job_destroy(struct time_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->count; i++)
        free(job->authorities[i].url);
    free(job->dir);
    time_trust_destroy(job->trust);
    object_end(&job->magic);
    free(job);
}

struct remote_job time_job_remote(struct time_job *job)
{
    return (struct remote_job){.name = "time", .run = run, .arg = job};
}
