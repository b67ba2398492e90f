/* pg_days.c: creates the daily partitions that a load needs now. Runs on the lane's thread. A job
 * creates partitions ahead (jobs/pg_housekeeping.c). */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/pg_days.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"

#include <time.h>

#define DAY_NS        (86400 * NS_PER_S)
#define PG_DAY_IS_ODD "VSD01" /* vsoc.ensure_partition refuses this day */

static int32_t day_of(int64_t ns)
{
    int64_t day = ns / DAY_NS - (ns % DAY_NS < 0);
    return (int32_t)day;
}

static bool day_is_known(const struct pg_days *days, int32_t day)
{
    for (size_t i = 0; i < days->count; i++)
        if (days->known[i] == day)
            return true;
    return false;
}

static enum status ensure_day(struct pg_connection *c, int32_t day, struct pg_error *error)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)day * 86400;
    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%Y-%m-%d", &tm))
        return STATUS_OUT_OF_RANGE;
    struct pg_param param = {slice_make(text, strlen(text)), 0};
    enum status status = pg_connection_query(c, "SELECT vsoc.ensure_partition($1::date)", &param, 1,
                                             NULL, NULL, error);
    if (status == STATUS_REFUSED && strcmp(error->sqlstate, PG_DAY_IS_ODD) == 0) {
        log_warn("a batch was received on a day far from today: check the clock",
                 LOG_TEXT("day", text));
        status = pg_connection_query(c, "SELECT vsoc.ensure_odd_partition($1::date)", &param, 1,
                                     NULL, NULL, error);
    }
    fault_point(pg_day_made);
    return status;
}

enum status pg_days_ensure(struct pg_days *days, struct pg_connection *c,
                           const struct sink_load *load, struct pg_error *error)
{
    int32_t last = INT32_MIN;
    for (size_t i = 0; i < load->batch_count; i++) {
        int32_t day = day_of(load->batches[i].received_ns);
        if (day == last || day_is_known(days, day))
            continue;
        enum status status = ensure_day(c, day, error);
        if (status != STATUS_OK)
            return status;
        if (days->count == PG_DAYS_MAX)
            pg_days_forget(days);
        days->known[days->count++] = day;
        last = day;
    }
    return STATUS_OK;
}

void pg_days_forget(struct pg_days *days)
{
    days->count = 0;
}
