/* app_evidence.c: the transparency tree of the server: opens it between the spool's recovery and
 * its writer, starts and stops its thread. Main thread. */
#include "server/daemon/app_internal.h"

#include <stdio.h>

#include "core/disk/folder.h"
#include "server/evidence/head_signer.h"
#include "storage/evidence/evidence.h"
#include "storage/evidence/restart.h"

#define LOG_COMPONENT "evidence"
#include "core/log/log.h"

static enum status make_signer(const struct app *app, const char *dir,
                               struct evidence_signer **signer, struct problem *problem)
{
    struct evidence_restart restart;
    enum status status = evidence_restart_read(dir, &restart);
    if (status != STATUS_OK) {
        problem_say(problem, "%.400s/generation: %s", dir, status_text(status));
        return status;
    }
    const struct head_signer_options options = {
        .config = app->config,
        .dir = dir,
        .instance = app->instance,
        .spool_uid = spool_uid(app->shared.spool),
        .generation = restart.generation,
    };
    return head_signer_make(&options, signer, problem);
}

enum status app_evidence_open(struct app *app)
{
    thread_assert(THREAD_MAIN);
    const char *dir = app->evidence_dir;
    struct problem problem = {""};
    struct evidence_signer *signer;
    snprintf(app->evidence_dir, sizeof app->evidence_dir, "%s/evidence", app->config->data_dir);
    enum status status = folder_make(dir);
    if (status != STATUS_OK)
        problem_say(&problem, "%.400s can't be made: %s", dir, status_text(status));
    else
        status = make_signer(app, dir, &signer, &problem);
    if (status == STATUS_OK) {
        const struct evidence_options options = {
            .dir = dir,
            .last_head = app->config->evidence_last_head,
            .signer = signer,
            .spool = app->shared.spool,
        };
        status = evidence_open(&options, &app->evidence, &problem);
    }
    if (status == STATUS_OK) {
        const struct spool_tree tree = {evidence_newest_root, app->evidence, app->instance};
        spool_record_removals(app->shared.spool, &tree);
    }
    if (status != STATUS_OK)
        log_error("the transparency tree can't be opened", LOG_TEXT("dir", dir),
                  LOG_TEXT("problem", problem.text), LOG_STATUS(status));
    return status;
}

enum status app_evidence_start(struct app *app)
{
    thread_assert(THREAD_MAIN);
    return evidence_start(app->evidence);
}

void app_evidence_stop(struct app *app)
{
    if (app->evidence)
        evidence_stop(app->evidence);
}

void app_evidence_close(struct app *app)
{
    thread_assert(THREAD_MAIN);
    evidence_close(app->evidence);
    app->evidence = NULL;
}
