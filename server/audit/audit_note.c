/* audit_note.c: makes batches of records, and keeps those that wait. Any thread; never waits. Does
 * not submit. */
#include "server/audit/audit_note.h"

#include <stdlib.h>

#include "core/clock.h"

struct audit_head audit_head_now(enum audit_kind kind, const char *instance)
{
    struct audit_head head = {
        .time_ns = clock_wall_ns(), .instance = instance ? instance : "", .kind = kind};
    uuid7_make(head.time_ns, head.uid);
    return head;
}

static struct batch *batch_of_text(const struct audit_head *head, struct slice json)
{
    struct batch *batch = batch_of_record((enum batch_kind)audit_kind_table[head->kind].record_kind,
                                          json, head->time_ns);
    if (batch)
        memcpy(batch->meta.batch_uid, head->uid, UUID_BYTES);
    return batch;
}

struct batch *audit_batch(const struct audit_head *head, const struct audit_field *fields,
                          size_t count)
{
    struct writer w;
    writer_init(&w, AUDIT_RECORD_BYTES);
    audit_text_write(&w, head, fields, count);
    struct batch *batch = w.status == STATUS_OK ? batch_of_text(head, writer_slice(&w)) : NULL;
    writer_fini(&w);
    return batch;
}

struct batch *audit_note_batch(const struct audit_note *note)
{
    return batch_of_text(&note->head, slice_make(note->json, note->size));
}

static struct audit_note *make(const struct audit_head *head, const struct audit_field *fields,
                               size_t count)
{
    struct writer w;
    struct audit_note *note = NULL;
    writer_init(&w, AUDIT_RECORD_BYTES);
    audit_text_write(&w, head, fields, count);
    if (w.status == STATUS_OK && (note = malloc(sizeof *note + w.size))) {
        *note = (struct audit_note){.head = *head, .size = w.size};
        memcpy(note->json, w.data, w.size);
    }
    writer_fini(&w);
    return note;
}

void audit_notes_add(struct audit_notes *notes, const struct audit_head *head,
                     const struct audit_field *fields, size_t count)
{
    struct audit_note *note = make(head, fields, count);
    pthread_mutex_lock(&notes->lock);
    if (!note || notes->count == AUDIT_NOTES_MAX) {
        notes->lost++;
    } else {
        *notes->last = note;
        notes->last = &note->next;
        notes->count++;
        note = NULL;
    }
    pthread_mutex_unlock(&notes->lock);
    free(note);
}

struct audit_note *audit_notes_take(struct audit_notes *notes, uint64_t *lost)
{
    pthread_mutex_lock(&notes->lock);
    struct audit_note *list = notes->first;
    notes->first = NULL;
    notes->last = &notes->first;
    notes->count = 0;
    *lost = notes->lost;
    notes->lost = 0;
    pthread_mutex_unlock(&notes->lock);
    return list;
}

void audit_notes_give_back(struct audit_notes *notes, struct audit_note *list, uint64_t lost)
{
    struct audit_note **end = &list;
    size_t count = 0;
    for (; *end; end = &(*end)->next)
        count++;
    pthread_mutex_lock(&notes->lock);
    notes->lost += lost;
    if (list) {
        *end = notes->first;
        if (!notes->first)
            notes->last = end;
        notes->first = list;
        notes->count += count;
    }
    pthread_mutex_unlock(&notes->lock);
}
