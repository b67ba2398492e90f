/* app_archive.c: the archive of evidence as a part of the server. Main thread; sends nothing
 * itself.
 */
#include "server/daemon/app_internal.h"

#include <stdio.h>

#define LOG_COMPONENT "archive"
#include "core/log/log.h"
#include "server/daemon/archive_config.h"

enum status app_archive_create(struct app *app)
{
    thread_assert(THREAD_MAIN);
    const struct config *c = app->config;
    struct problem problem = {""};
    if (!c->archive_url || !c->archive_url[0])
        return STATUS_OK;
    snprintf(app->spool_dir, sizeof app->spool_dir, "%s/spool", c->data_dir);
    snprintf(app->evidence_dir, sizeof app->evidence_dir, "%s/evidence", c->data_dir);
    const struct archiver_options options = {
        .spool_dir = app->spool_dir,
        .evidence_dir = app->evidence_dir,
        .target = archive_settings_of(c),
    };
    enum status s = archiver_create(app->shared.spool, &options, &app->archiver, &problem);
    if (s != STATUS_OK)
        log_error("the archive can't be used", LOG_TEXT("url", c->archive_url),
                  LOG_TEXT("problem", problem.text), LOG_STATUS(s));
    return s;
}

enum status app_archive_start(struct app *app)
{
    thread_assert(THREAD_MAIN);
    return app->archiver ? archiver_start(app->archiver) : STATUS_OK;
}

void app_archive_describe(struct app *app, struct writer *w)
{
    struct archiver_stats s;
    if (!app->archiver)
        return;
    archiver_stats(app->archiver, &s);
    writer_format(w, "archive %s position %llu, %llu segments behind%s%s\n", s.up ? "up" : "DOWN",
                  (unsigned long long)s.position, (unsigned long long)s.behind, s.up ? "" : ": ",
                  s.up ? "" : s.problem);
}
