/* pg_records.c: hands records of the audit log to the function that adds them to vsoc.audit, where
 * the unique id makes each count once. Runs on the lane's thread. Opens and ends no transaction. */
#include "storage/sinks/postgres/pg_records.h"

#include <stdlib.h>

#include "core/uuid7.h"
#include "storage/sinks/sink_record.h"

static void added_row(void *arg, const char *const *cells)
{
    *(uint64_t *)arg += strtoull(cells[0] ? cells[0] : "0", NULL, 10);
}

enum status pg_records_put(struct pg_loader *l, const struct sink_load *load, uint64_t *added,
                           struct pg_error *error)
{
    char uid[UUID_TEXT_BYTES + 1] = "";
    struct writer *w = &l->buffer;
    writer_reset(w);
    *added = 0;
    for (size_t i = 0; i < load->batch_count; i++) {
        if (!sink_is_record(&load->batches[i]))
            continue;
        writer_u8(w, w->size ? ',' : '[');
        sink_record_write(w, &load->batches[i], load->spool_uid);
    }
    if (!w->size)
        return w->status;
    writer_text(w, "]");
    writer_u8(w, '\0');
    if (w->status != STATUS_OK)
        return w->status;
    uuid_to_text(load->spool_uid, uid);
    struct pg_param params[] = {{slice_from_text(l->instance), 0},
                                {slice_from_text(uid), 0},
                                {slice_make(w->data, w->size - 1), 0}};
    return pg_connection_query(l->connection, "SELECT vsoc.add_records($1, $2::uuid, $3::jsonb)",
                               params, 3, added_row, added, error);
}
