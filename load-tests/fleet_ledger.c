/* Writes the ledger. Runs on the generator's only thread. It does not decide what counts as
 * acknowledged: it is called after a 200 with its report. */
#include "fleet_ledger.h"

#include "fleet_content.h"
#include "fleet_vin.h"

#include <stdio.h>
#include <stdlib.h>

struct fleet_ledger {
    FILE *file;
    bool broken; /* an event could not be hashed */
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

/* Why the event was quarantined, or NULL when errors[] does not name it. */
static const char *reason_of(const struct fleet_report *report, uint64_t index)
{
    for (uint32_t i = 0; i < report->error_count; i++) {
        if (report->error_index[i] == index)
            return report->error_code[i];
    }
    return NULL;
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

static bool hash_event(const struct fleet_event_plan *plan, uint64_t number, const char *reason,
                       char content[FLEET_CONTENT_HEX])
{
    char json[FLEET_EVENT_MAX_BYTES];
    struct fleet_text text = {.data = json, .capacity = sizeof json};
    fleet_event_write(plan, number, &text);
    return reason != NULL ? fleet_content_of_reject(json, text.used, reason, content)
                          : fleet_content_of_event(json, text.used, content);
}

void fleet_ledger_add(struct fleet_ledger *ledger, const struct fleet_event_plan *plan,
                      const struct fleet_batch *batch, const struct fleet_report *report)
{
    const char *others = state_of_others(report);
    char vin[FLEET_VIN_CHARS + 1];
    fleet_vin_write(batch->number % plan->vehicles, vin);
    for (uint32_t i = 0; i < batch->events; i++) {
        char id[FLEET_EVENT_ID_MAX], content[FLEET_CONTENT_HEX] = "";
        const char *reason = reason_of(report, i);
        fleet_event_write_id(plan, batch->first_event + i, id);
        if (!hash_event(plan, batch->first_event + i, reason, content))
            ledger->broken = true;
        fprintf(ledger->file, "%s\t%s\t%s\t%s\t%s\n", id, report->batch_id,
                reason != NULL ? "quarantined" : others, content, vin);
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
    bool good = !ledger->broken && fflush(ledger->file) == 0 && ferror(ledger->file) == 0;
    good = fclose(ledger->file) == 0 && good;
    free(ledger);
    return good;
}
