/* export_select.c: which records `vsocd evidence export` selects. Main thread. Never writes a
 * VIN. */
#include "server/commands/evidence/export_select.h"
#include "core/object.h"

#include <stdlib.h>
#include <string.h>

#include "core/vin.h"
#include "parsers/read/timestamp.h"
#include "server/identity/pseudonym.h"

#define VEHICLE_MAGIC 0x45585648U

struct export_vehicle {
    unsigned magic; /* VEHICLE_MAGIC */
    struct export_select *select;
    char vin[VIN_BYTES];
    size_t count;
    struct pseudonym *keys[PSEUDONYM_KEYS_MAX];
};

OBJECT_CAST(export_vehicle, VEHICLE_MAGIC)

static const char *parse_batches(struct bundle_selection *s, const char *text)
{
    struct slice left = slice_from_text(text);
    while (left.size) {
        const uint8_t *comma = slice_find_byte(left, ',');
        size_t size = comma ? (size_t)(comma - left.data) : left.size;
        if (s->batch_count == BUNDLE_BATCHES_MAX)
            return "--batch has at most 256 ids";
        if (uuid_from_text(slice_sub(left, 0, size), s->batches[s->batch_count++]) != STATUS_OK)
            return "--batch needs ids of batches, separated by commas";
        left = slice_sub(left, size + 1, SIZE_MAX);
    }
    return s->batch_count ? NULL : "--batch needs the id of a batch";
}

const char *export_select_parse(struct export_select *select, const char *batch,
                                const char *vehicle, const char *from, const char *to)
{
    struct bundle_selection *s = &select->selection;
    s->from_ns = INT64_MIN;
    s->to_ns = INT64_MAX;
    if (from && timestamp_rfc3339(slice_from_text(from), &s->from_ns) != STATUS_OK)
        return "--from needs a time: RFC 3339";
    if (to && timestamp_rfc3339(slice_from_text(to), &s->to_ns) != STATUS_OK)
        return "--to needs a time: RFC 3339";
    if (vehicle && !vin_is_valid(slice_from_text(vehicle)))
        return "--vehicle needs a VIN";
    return batch ? parse_batches(s, batch) : NULL;
}

static void remember_pid(struct export_select *select, const uint8_t pid[32])
{
    for (size_t i = 0; i < select->pid_count; i++)
        if (!memcmp(select->pids[i], pid, 32))
            return;
    if (select->pid_count < EXPORT_PIDS_MAX)
        memcpy(select->pids[select->pid_count++], pid, 32);
}

static bool is_vehicle(void *arg, struct slice tenant, struct slice pid)
{
    struct export_vehicle *v = export_vehicle_cast(arg);
    uint8_t own[32];
    for (size_t i = 0; i < v->count; i++) {
        pseudonym_make(v->keys[i], tenant, slice_make(v->vin, sizeof v->vin), own);
        if (pid.size == sizeof own && !memcmp(own, pid.data, sizeof own)) {
            remember_pid(v->select, own);
            return true;
        }
    }
    return false;
}

enum status export_select_vehicle(struct export_select *select, const char *keys_file,
                                  const char *vin, struct problem *problem)
{
    static struct pseudonym_keys keys;
    enum status status = pseudonym_keys_read(keys_file, &keys, problem);
    if (status != STATUS_OK)
        return status;
    struct export_vehicle *v = calloc(1, sizeof *v);
    if (!v) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    v->magic = VEHICLE_MAGIC;
    v->select = select;
    memcpy(v->vin, vin, sizeof v->vin);
    select->vehicle = v;
    select->selection.is_vehicle = is_vehicle;
    select->selection.arg = v;
    for (size_t i = 0; i < keys.count; i++) {
        struct pseudonym_key key = {.id = keys.items[i].id};
        memcpy(key.bytes, keys.items[i].bytes, sizeof key.bytes);
        v->keys[v->count] = pseudonym_create(&key);
        if (!v->keys[v->count])
            return STATUS_NO_MEMORY;
        v->count++;
    }
    explicit_bzero(&keys, sizeof keys);
    return STATUS_OK;
}

void export_select_fini(struct export_select *select)
{
    struct export_vehicle *v = select->vehicle;
    for (size_t i = 0; v && i < v->count; i++)
        pseudonym_destroy(v->keys[i]);
    free(v);
    select->vehicle = NULL;
}

void export_select_write_pids(const struct export_select *select, struct writer *w)
{
    writer_u8(w, '[');
    for (size_t i = 0; i < select->pid_count; i++) {
        writer_text(w, i ? ",\"" : "\"");
        writer_hex(w, slice_make(select->pids[i], 32));
        writer_u8(w, '"');
    }
    writer_u8(w, ']');
}
