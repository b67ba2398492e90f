/* spool_erase.c: walks the records of a spool and overwrites key areas. The caller's thread. Does
 * not decide whose records they are, and does not touch events or bodies: without their keys they
 * are noise.
 *
 * In each segment: the states of all areas, a sync, then the entries, a sync (seal_area.h says
 * why). The time of change of a segment is kept, because its index compares it. */
#include "storage/spool/erase/spool_erase.h"

#include "core/thread.h"
#include "storage/spool/spool_cursor.h"
#include "storage/spool/spool_scan.h"
#include "storage/spool/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries of a key area that are to be overwritten. */
struct target {
    uint64_t offset;
    size_t size;
    size_t part;
    bool shared; /* that of what several vehicles have in common, too */
};

struct erasure {
    const struct spool_erase_options *options;
    struct spool_erase_counts *counts;
    struct spool_scan scan;
    int dir_fd;
    uint64_t delivered; /* all cursors are there */
    struct target *targets;
    size_t count, room;
};

static enum status add_target(struct erasure *e, const struct target *target)
{
    if (e->count == e->room) {
        size_t room = e->room ? 2 * e->room : 256;
        struct target *grown = realloc(e->targets, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        e->targets = grown;
        e->room = room;
    }
    e->targets[e->count++] = *target;
    return STATUS_OK;
}

static enum status read_area(int fd, const struct target *t, uint8_t *area)
{
    size_t got;
    enum status status = spool_read_all(fd, area, t->size, t->offset, &got);
    return status == STATUS_OK && got < t->size ? STATUS_IO : status;
}

/* A hold of any vehicle in the record. */
static bool is_held(const struct erasure *e, const struct batch_meta *meta, struct slice area)
{
    const struct spool_erase_options *o = e->options;
    uint8_t vehicle[SEAL_VEHICLE_BYTES];
    for (size_t part = 0; o->held && part < seal_area_parts(area); part++)
        if (seal_area_vehicle(area, part, vehicle) && o->held(o->arg, meta, vehicle))
            return true;
    return false;
}

/* What is to be done with an entry of a vehicle that was chosen. */
static enum status judge(struct erasure *e, const struct spool_frame *frame,
                         const struct batch_meta *meta, struct slice area,
                         const struct target *target, const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    struct spool_erase_counts *c = e->counts;
    if (!frame->sealed)
        c->clear++;
    else if (meta->position > e->delivered)
        c->undelivered++;
    else if (is_held(e, meta, area))
        c->held++;
    else {
        if (target->shared)
            c->parts++;
        else
            c->erased++;
        if (e->options->taken)
            e->options->taken(e->options->arg, vehicle);
        return add_target(e, target);
    }
    return STATUS_OK;
}

/* The entries of a record: one, or own, shared, and one for each vehicle. */
static enum status judge_entries(struct erasure *e, const struct spool_frame *frame,
                                 const struct batch_meta *meta, struct slice area,
                                 const struct target *place)
{
    static const uint8_t nobody[SEAL_VEHICLE_BYTES];
    const struct spool_erase_options *o = e->options;
    size_t parts = seal_area_parts(area), first = frame->has_parts ? SEAL_PART_FIRST_VEHICLE : 0;
    enum status status = STATUS_OK;
    bool gone = false;
    for (size_t part = first; part < parts && status == STATUS_OK; part++) {
        uint8_t vehicle[SEAL_VEHICLE_BYTES];
        struct target target = *place;
        target.part = part;
        target.shared = frame->has_parts;
        if (!seal_area_vehicle(area, part, vehicle))
            gone = true;
        else if (memcmp(vehicle, nobody, sizeof nobody) == 0)
            e->counts->shared++;
        else if (o->chosen(o->arg, meta, vehicle))
            status = judge(e, frame, meta, area, &target, vehicle);
    }
    e->counts->gone += gone;
    return status;
}

static enum status look_at(struct erasure *e, int fd, const struct spool_frame *frame)
{
    struct batch_meta meta;
    const struct target place = {.offset = e->scan.offset + frame->header_bytes,
                                 .size = frame->key_bytes};
    e->counts->records++;
    if (frame->meta.version == 1) {
        e->counts->old++;
        return STATUS_OK;
    }
    if (!batch_is_events(&frame->meta))
        return STATUS_OK;
    uint8_t *bytes = malloc(place.size + 1);
    if (!bytes)
        return STATUS_NO_MEMORY;
    enum status status = spool_scan_texts(&e->scan, frame, &meta);
    if (status == STATUS_OK)
        status = read_area(fd, &place, bytes);
    if (status == STATUS_OK)
        status = judge_entries(e, frame, &meta, slice_make(bytes, place.size), &place);
    free(bytes);
    return status;
}

static enum status sync_file(int fd)
{
    return fdatasync(fd) == 0 ? STATUS_OK : status_from_errno(errno);
}

/* First the states, then the entries. */
static enum status overwrite(struct erasure *e, int fd, bool entries)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < e->count && status == STATUS_OK; i++) {
        const struct target *t = &e->targets[i];
        uint8_t *area = malloc(t->size);
        status = area ? read_area(fd, t, area) : STATUS_NO_MEMORY;
        if (status == STATUS_OK && seal_area_parts(slice_make(area, t->size)) <= t->part)
            status = STATUS_CORRUPT;
        if (status == STATUS_OK) {
            seal_area_erase(area, t->size, t->part);
            if (t->shared)
                seal_area_erase(area, t->size, SEAL_PART_SHARED);
            struct slice written = slice_make(area, t->size);
            uint64_t at = t->offset;
            if (!entries) {
                written = slice_sub(written, SEAL_AREA_STATE_AT, 4);
                at += SEAL_AREA_STATE_AT;
            }
            status = spool_write_all(fd, written, at);
        }
        free(area);
    }
    return status == STATUS_OK && e->count ? sync_file(fd) : status;
}

static enum status erase_targets(struct erasure *e, int fd, bool last)
{
    struct stat before;
    if (!e->count || e->options->dry_run)
        return STATUS_OK;
    if (fstat(fd, &before) != 0)
        return STATUS_IO;
    enum status status = overwrite(e, fd, false);
    if (status == STATUS_OK)
        status = overwrite(e, fd, true);
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    if (status == STATUS_OK && !last && (futimens(fd, times) != 0 || fsync(fd) != 0))
        status = status_from_errno(errno);
    return status;
}

static enum status walk_records(struct erasure *e, int fd)
{
    for (;;) {
        struct spool_frame frame;
        enum status status = spool_scan_header(&e->scan, &frame);
        if (status == STATUS_OK)
            status = look_at(e, fd, &frame);
        if (status == STATUS_OK) {
            spool_scan_pass(&e->scan, &frame);
            continue;
        }
        if (status == STATUS_END)
            return STATUS_OK;
        if (status != STATUS_CORRUPT)
            return status;
        e->counts->damaged++;
        status = spool_scan_resync(&e->scan);
        if (status != STATUS_OK)
            return status == STATUS_END ? STATUS_OK : status;
    }
}

static enum status erase_segment(struct erasure *e, uint64_t first, bool last)
{
    struct spool_segment_header header;
    struct stat st;
    int fd;
    e->count = 0;
    enum status status = spool_segment_open(e->dir_fd, first, !e->options->dry_run, &fd);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK; /* retention removed it meanwhile */
    if (status != STATUS_OK)
        return status;
    status = spool_segment_read_header(fd, &header);
    if (status == STATUS_OK && fstat(fd, &st) != 0)
        status = STATUS_IO;
    if (status == STATUS_OK) {
        spool_scan_start(&e->scan, fd, header.tag, (uint64_t)st.st_size);
        e->scan.ahead = SPOOL_SCAN_HEADS;
        status = walk_records(e, fd);
    } else if (status == STATUS_CORRUPT) {
        e->counts->damaged++;
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = erase_targets(e, fd, last);
    close(fd);
    return status;
}

static enum status erase_guarded(struct erasure *e, uint64_t first, bool last)
{
    const struct spool_erase_options *o = e->options;
    bool guarded = o->begin && !o->dry_run;
    enum status status = guarded ? o->begin(o->arg) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    status = erase_segment(e, first, last);
    if (guarded)
        o->end(o->arg);
    return status;
}

/* Without cursors, nobody waits for the records. */
static enum status find_delivered(struct erasure *e)
{
    struct spool_cursor_table table;
    e->delivered = UINT64_MAX;
    enum status status = spool_cursor_load(e->dir_fd, &table);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < table.count; i++)
        if (table.entries[i].position < e->delivered)
            e->delivered = table.entries[i].position;
    return status;
}

static enum status erase_all(struct erasure *e)
{
    uint64_t *firsts;
    size_t count;
    enum status status = find_delivered(e);
    if (status == STATUS_OK)
        status = spool_segment_list(e->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        return status;
    if (!count)
        status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = erase_guarded(e, firsts[i], i + 1 == count);
        if (status == STATUS_OK && e->options->progress)
            e->options->progress(e->options->arg, i + 1, count);
    }
    free(firsts);
    return status;
}

enum status spool_erase(const struct spool_erase_options *options,
                        struct spool_erase_counts *counts)
{
    struct erasure e = {.options = options, .counts = counts};
    *counts = (struct spool_erase_counts){0};
    e.dir_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e.dir_fd < 0)
        return status_from_errno(errno);
    spool_scan_init(&e.scan);
    enum status status = erase_all(&e);
    spool_scan_fini(&e.scan);
    close(e.dir_fd);
    free(e.targets);
    return status;
}
