/* ingest_report.c: the per-event report of a batch as JSON. Worker threads. Pure. */
#include "server/ingest_request.h"

#include "core/event_json.h"

/* errors[] holds this many entries at most. */
#define REPORT_ERRORS_MAX 100

void report_write(struct writer *out, const struct request *request, const char *level)
{
    const struct dedup_report *r = &request->report;
    writer_text(out, "{\"batch_id\":\"");
    event_json_write_uuid(out, r->batch_uid);
    writer_format(
        out,
        "\",\"position\":%llu,\"ack\":\"%s\",\"accepted\":%u,\"duplicates\":%u,\"quarantined\":%u",
        (unsigned long long)r->position, level, r->accepted, r->duplicates, r->quarantined);
    if (request->repeat)
        writer_text(out, ",\"duplicate\":true");
    if (!request->minimal) {
        writer_text(out, ",\"errors\":");
        if (r->errors.size)
            writer_add_slice(out, r->errors);
        else
            writer_text(out, "[]");
    }
    writer_format(out, ",\"truncated\":%s}\n",
                  r->quarantined > REPORT_ERRORS_MAX ? "true" : "false");
}
