/* app_archive.c: the archive of evidence as a part of the server. Main thread; sends nothing
 * itself.
 */
#include "server/daemon/app_internal.h"

#include <stdio.h>

#define LOG_COMPONENT "archive"
#include "core/log/log.h"
#include "server/daemon/archive_config.h"

enum status app_holds_create(struct app *app)
{
    thread_assert(THREAD_MAIN);
    struct problem problem = {""};
    snprintf(app->spool_dir, sizeof app->spool_dir, "%s/spool", app->config->data_dir);
    snprintf(app->evidence_dir, sizeof app->evidence_dir, "%s/evidence", app->config->data_dir);
    enum status s = hold_guard_create(app->evidence_dir, app->spool_dir, &app->shared.seal,
                                      &app->holds, &problem);
    if (s != STATUS_OK) {
        log_error("legal holds can't be read", LOG_TEXT("problem", problem.text));
        return s;
    }
    const struct spool_guard guard = {hold_guard_begin, hold_guard_end, app->holds};
    spool_guard_with(app->shared.spool, &guard);
    return hold_guard_start(app->holds);
}

enum status app_archive_create(struct app *app)
{
    thread_assert(THREAD_MAIN);
    const struct config *c = app->config;
    struct problem problem = {""};
    if (!c->archive_url || !c->archive_url[0])
        return STATUS_OK;
    const struct archiver_options options = {
        .spool_dir = app->spool_dir,
        .evidence_dir = app->evidence_dir,
        .target = archive_settings_of(c),
        .retain_ns = c->archive_retain,
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

static void describe_holds(struct app *app, struct writer *w)
{
    struct hold_guard_stats s;
    hold_guard_stats(app->holds, &s);
    if (s.active)
        writer_format(w, "holds %llu in force\n", (unsigned long long)s.active);
    if (s.damaged)
        writer_format(w, "holds: %llu lines of the file can't be read: nothing is removed\n",
                      (unsigned long long)s.damaged);
    if (s.kept_position)
        writer_format(w,
                      "hold %s keeps the segment up to position %llu, and those after it, beyond "
                      "their retention\n",
                      s.kept_by, (unsigned long long)s.kept_position);
}

void app_archive_describe(struct app *app, struct writer *w)
{
    struct archiver_stats s;
    describe_holds(app, w);
    if (!app->archiver)
        return;
    archiver_stats(app->archiver, &s);
    writer_format(w, "archive %s position %llu, %llu segments behind%s%s\n", s.up ? "up" : "DOWN",
                  (unsigned long long)s.position, (unsigned long long)s.behind, s.up ? "" : ": ",
                  s.up ? "" : s.problem);
}
