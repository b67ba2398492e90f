/* heads_json.c: a head as a JSON object. Any thread. */
#include "storage/evidence/heads_json.h"

#include "core/event/event_json.h"

void evidence_head_write_json(struct writer *w, const struct evidence_head *head)
{
    writer_format(w, "{\"size\":%llu,\"root\":\"", (unsigned long long)head->size);
    writer_base64(w, slice_make(head->root, sizeof head->root));
    writer_text(w, "\",\"signed\":");
    event_json_write_time(w, head->signed_ns);
    writer_text(w, ",\"note\":");
    writer_json_string(w, head->note);
    writer_u8(w, '}');
}
