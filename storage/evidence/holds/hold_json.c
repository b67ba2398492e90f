/* hold_json.c: a hold as a JSON object. Any thread. */
#include "storage/evidence/holds/hold_json.h"

#include "core/event/event_json.h"

static void write_time(struct writer *w, const char *key, int64_t ns)
{
    writer_format(w, ",\"%s\":", key);
    event_json_write_time(w, ns);
}

void hold_write_json(struct writer *w, const struct hold *h, int64_t now_ns)
{
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(h->id, uid);
    writer_format(w, "{\"id\":\"%.*s\",\"state\":\"%s\",\"kind\":\"%s\"", UUID_TEXT_BYTES, uid,
                  h->released                 ? "released"
                  : hold_is_active(h, now_ns) ? "active"
                                              : "over",
                  hold_kind_text(h->kind));
    if (h->kind == HOLD_VEHICLE) {
        writer_text(w, ",\"vehicle\":\"");
        writer_hex(w, slice_make(h->vehicle_pid, HOLD_PID_BYTES));
        writer_u8(w, '"');
    } else if (h->kind == HOLD_BATCH) {
        uuid_to_text(h->batch_uid, uid);
        writer_format(w, ",\"batch\":\"%.*s\"", UUID_TEXT_BYTES, uid);
    } else {
        write_time(w, "from", h->from_ns);
        write_time(w, "to", h->to_ns);
    }
    write_time(w, "added", h->added_ns);
    if (h->until_ns != INT64_MAX)
        write_time(w, "until", h->until_ns);
    writer_text(w, ",\"by\":");
    writer_json_string(w, slice_from_text(h->by));
    writer_text(w, ",\"reason\":");
    writer_json_string(w, slice_from_text(h->reason));
    if (h->released) {
        write_time(w, "released", h->released_ns);
        writer_text(w, ",\"released_by\":");
        writer_json_string(w, slice_from_text(h->released_by));
        writer_text(w, ",\"release_reason\":");
        writer_json_string(w, slice_from_text(h->release_reason));
    }
    writer_u8(w, '}');
}
