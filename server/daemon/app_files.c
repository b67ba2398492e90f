/* app_files.c: the limit of open files: raised at the start, and whether it is enough for what the
 * settings ask for. Main thread. Who gets how many: server/net/file_budget.c. */
#include "server/daemon/app_internal.h"
#include "core/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "server/net/file_budget.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"

void app_raise_file_limit(void)
{
    thread_assert(THREAD_MAIN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_warn("the limit of open files could not be raised", LOG_TEXT("error", strerror(errno)));
}

void app_check_file_limit(const struct app *app)
{
    thread_assert(THREAD_MAIN);
    const struct config *config = app->config;
    struct file_budget budget = file_budget_now(config, app->sink_files);
    if (budget.limit < budget.needed)
        log_warn("the limit of open files is lower than the settings need, so fewer connections "
                 "are accepted: raise it (LimitNOFILE, ulimit -n) or lower "
                 "limits.connections",
                 LOG_U64("limit", budget.limit), LOG_U64("needed", budget.needed),
                 LOG_U64("limits.connections", config->limit_connections),
                 LOG_U64("connections", budget.connections), LOG_U64("admin", budget.admin),
                 LOG_U64("refused", budget.refused), LOG_U64("other", budget.other));
}
