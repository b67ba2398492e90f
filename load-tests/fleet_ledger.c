/* Writes the ledger. Runs on the generator's only thread. It does not decide what counts as
 * acknowledged: it is called after a 200 with its report. */
#include "fleet_ledger.h"

#include <stdio.h>
#include <stdlib.h>

struct fleet_ledger {
    FILE *file;
};

struct fleet_ledger *fleet_ledger_open(const char *path)
{
    struct fleet_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->file = fopen(path, "w");
    if (ledger->file == NULL) {
        free(ledger);
        return NULL;
    }
    setvbuf(ledger->file, NULL, _IOFBF, 1 << 20);
    return ledger;
}

static bool is_listed(const struct fleet_report *report, uint64_t index)
{
    for (uint32_t i = 0; i < report->error_count; i++) {
        if (report->error_index[i] == index)
            return true;
    }
    return false;
}

/* What stands behind every event that errors[] does not name. */
static const char *state_of_others(const struct fleet_report *report)
{
    if (report->quarantined > report->error_count)
        return "unlisted";
    if (report->duplicates == 0)
        return "accepted";
    return report->accepted == 0 ? "duplicate" : "unlisted";
}

void fleet_ledger_add(struct fleet_ledger *ledger, const struct fleet_event_plan *plan,
                      const struct fleet_batch *batch, const struct fleet_report *report)
{
    const char *others = state_of_others(report);
    for (uint32_t i = 0; i < batch->events; i++) {
        char id[FLEET_EVENT_ID_MAX];
        fleet_event_write_id(plan, batch->first_event + i, id);
        fprintf(ledger->file, "%s\t%s\t%s\n", id, report->batch_id,
                is_listed(report, i) ? "quarantined" : others);
    }
}

void fleet_ledger_flush(struct fleet_ledger *ledger)
{
    if (ledger != NULL)
        fflush(ledger->file);
}

bool fleet_ledger_close(struct fleet_ledger *ledger)
{
    if (ledger == NULL)
        return true;
    bool good = fflush(ledger->file) == 0 && ferror(ledger->file) == 0;
    good = fclose(ledger->file) == 0 && good;
    free(ledger);
    return good;
}
