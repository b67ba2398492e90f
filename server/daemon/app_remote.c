/* app_remote.c: what the server asks others about its heads: witnesses and time-stamp authorities.
 * Makes the jobs of the remote thread from the settings, starts and stops it. Main thread, except
 * app_remote_stop. */
#include "server/daemon/app_internal.h"

#include <stdio.h>

#include "server/files/trusted_file.h"
#include "storage/evidence/remote/remote.h"
#include "storage/evidence/remote/time_job.h"
#include "storage/evidence/remote/witnesses.h"

#define LOG_COMPONENT "evidence"
#include "core/log/log.h"

static enum status read_trust(const char *path, struct time_trust **out, struct problem *problem)
{
    struct writer pem;
    struct problem why;
    if (!path) {
        problem_say(problem, "evidence.time_authorities need evidence.time_ca, the CAs that issue "
                             "their certificates");
        return STATUS_CONFIG;
    }
    enum status status = trusted_file_read(path, TRUSTED_PUBLIC, &pem, &why);
    if (status == STATUS_OK)
        status = time_trust_parse(writer_slice(&pem), out, &why);
    writer_fini(&pem);
    if (status != STATUS_OK)
        problem_say(problem, "evidence.time_ca: %s %s", path, why.text);
    return status;
}

static enum status add_time(struct app *app, const char *dir)
{
    const struct config *c = app->config;
    struct time_job_options options = {
        .dir = dir,
        .urls = c->evidence_time_authorities.items,
        .url_count = c->evidence_time_authorities.count,
        .interval_ns = c->evidence_time_interval,
    };
    struct problem problem;
    if (!options.url_count)
        return STATUS_OK;
    enum status status = read_trust(c->evidence_time_ca, &options.trust, &problem);
    if (status != STATUS_OK) {
        log_error("certificates of time authorities can't be used",
                  LOG_TEXT("problem", problem.text));
        return status_is_passing(status) ? status : STATUS_CONFIG;
    }
    status = time_job_create(&options, &app->time_job);
    if (status == STATUS_OK) {
        struct remote_job job = time_job_remote(app->time_job);
        remote_add(app->remote, &job);
    }
    return status;
}

static enum status add_witnesses(struct app *app, const char *dir)
{
    const struct config *c = app->config;
    const struct witnesses_options options = {
        .dir = dir,
        .log = evidence_log(app->evidence),
        .items = (const char *const *)c->evidence_witnesses.items,
        .count = c->evidence_witnesses.count,
        .quorum = (unsigned)c->evidence_witness_quorum,
    };
    struct problem problem = {""};
    if (!options.count && !options.quorum)
        return STATUS_OK;
    enum status status = witnesses_create(&options, &app->witnesses, &problem);
    if (status != STATUS_OK) {
        log_error("the witnesses can't be used", LOG_TEXT("problem", problem.text));
        return status;
    }
    struct remote_job job = witnesses_job(app->witnesses);
    remote_add(app->remote, &job);
    return STATUS_OK;
}

enum status app_remote_start(struct app *app)
{
    thread_assert(THREAD_MAIN);
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/evidence", app->config->data_dir);
    app->remote = remote_create(app->evidence);
    if (!app->remote)
        return STATUS_NO_MEMORY;
    enum status status = add_witnesses(app, dir); /* first: an authority is asked once an hour */
    if (status == STATUS_OK)
        status = add_time(app, dir);
    return status == STATUS_OK ? remote_start(app->remote) : status;
}

void app_remote_stop(struct app *app)
{
    remote_stop(app->remote);
}

void app_remote_destroy(struct app *app)
{
    thread_assert(THREAD_MAIN);
    remote_destroy(app->remote);
    time_job_destroy(app->time_job);
    witnesses_destroy(app->witnesses);
    app->remote = NULL;
    app->time_job = NULL;
    app->witnesses = NULL;
}

void app_remote_describe(struct app *app, struct writer *w)
{
    thread_assert(THREAD_MAIN);
    if (app->witnesses)
        witnesses_describe(app->witnesses, w);
}
