/* archive_erase.c: walks the files of key areas and overwrites entries in place. The caller's
 * thread. Does not decide whose records they are, and never touches the archive: it has no keys. */
#include "storage/evidence/archive/archive_erase.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/object.h"
#include "storage/evidence/archive/archive_keys.h"

#define ERASING_MAGIC 0x41455241U

struct erasing {
    unsigned magic; /* ERASING_MAGIC */
    const struct archive_erase_options *options;
    struct archive_erase_counts *counts;
    int spool_fd;
    int keys;    /* the current file */
    int segment; /* its segment; -1: no longer in the spool */
    bool changed;
};

OBJECT_CAST(erasing, ERASING_MAGIC)

static enum status read_exactly(int fd, uint8_t *to, size_t size, uint64_t at)
{
    size_t got;
    enum status status = spool_read_all(fd, to, size, at, &got);
    return status == STATUS_OK && got < size ? STATUS_CORRUPT : status;
}

/* The spool's area is the truth: an erasure that was interrupted before is made good here. */
static enum status copy_area(struct erasing *e, const struct archive_key_area *area, uint8_t *bytes)
{
    uint8_t *there = malloc(area->bytes ? area->bytes : 1);
    enum status status =
        there ? read_exactly(e->segment, there, area->bytes, area->offset) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && memcmp(there, bytes, area->bytes) != 0) {
        e->counts->copied++;
        e->changed = true;
        status = spool_write_all(e->keys, slice_make(there, area->bytes), area->at);
    }
    free(there);
    return status;
}

static bool is_held(const struct erasing *e, const struct batch_meta *meta, struct slice area)
{
    uint8_t vehicle[SEAL_VEHICLE_BYTES];
    for (size_t part = 0; part < seal_area_parts(area); part++)
        if (seal_area_vehicle(area, part, vehicle) &&
            e->options->held(e->options->arg, meta, vehicle))
            return true;
    return false;
}

/* First the state, as in the spool: seal_area.h says why. */
static enum status write_erased(struct erasing *e, const struct archive_key_area *area,
                                struct slice bytes)
{
    struct slice state = slice_sub(bytes, SEAL_AREA_STATE_AT, 4);
    enum status status = spool_write_all(e->keys, state, area->at + SEAL_AREA_STATE_AT);
    if (status == STATUS_OK && fdatasync(e->keys) != 0)
        status = status_from_errno(errno);
    if (status == STATUS_OK)
        status = spool_write_all(e->keys, bytes, area->at);
    e->changed = true;
    return status;
}

static enum status judge_area(struct erasing *e, const struct archive_key_area *area,
                              uint8_t *bytes)
{
    static const uint8_t nobody[SEAL_VEHICLE_BYTES];
    struct batch_meta meta = {.received_ns = area->received_ns};
    struct slice stored = slice_make(bytes, area->bytes);
    size_t parts = seal_area_parts(stored), first = parts > 1 ? SEAL_PART_FIRST_VEHICLE : 0;
    uint8_t last[SEAL_VEHICLE_BYTES];
    bool any = false;
    memcpy(meta.batch_uid, area->batch_uid, UUID_BYTES);
    for (size_t part = first; part < parts; part++) {
        uint8_t vehicle[SEAL_VEHICLE_BYTES];
        if (!seal_area_vehicle(stored, part, vehicle) || !memcmp(vehicle, nobody, sizeof nobody) ||
            !e->options->chosen(e->options->arg, vehicle))
            continue;
        if (is_held(e, &meta, stored)) {
            e->counts->held++;
            return STATUS_OK;
        }
        seal_area_erase(bytes, area->bytes, part);
        memcpy(last, vehicle, sizeof last);
        any = true;
    }
    if (!any)
        return STATUS_OK;
    if (parts > 1)
        seal_area_erase(bytes, area->bytes, SEAL_PART_SHARED);
    e->counts->erased++;
    if (e->options->taken)
        e->options->taken(e->options->arg, last);
    return e->options->dry_run ? STATUS_OK : write_erased(e, area, stored);
}

static enum status each_area(void *arg, const struct archive_key_area *area)
{
    struct erasing *e = erasing_cast(arg);
    if (e->segment >= 0 && e->options->dry_run)
        return STATUS_OK;
    uint8_t *bytes = malloc(area->bytes ? area->bytes : 1);
    enum status status =
        bytes ? read_exactly(e->keys, bytes, area->bytes, area->at) : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = e->segment >= 0 ? copy_area(e, area, bytes) : judge_area(e, area, bytes);
    free(bytes);
    return status;
}

static enum status erase_file(struct erasing *e, const char *name)
{
    e->changed = false;
    e->keys = openat(e->options->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (e->keys < 0)
        return status_from_errno(errno);
    if (spool_segment_open(e->spool_fd, strtoull(name, NULL, 10), false, &e->segment) != STATUS_OK)
        e->segment = -1;
    enum status status = archive_keys_each(e->keys, each_area, e);
    if (e->changed && fdatasync(e->keys) != 0 && status == STATUS_OK)
        status = status_from_errno(errno);
    close(e->keys);
    if (e->segment >= 0)
        close(e->segment);
    if (status != STATUS_CORRUPT && status != STATUS_VERSION)
        return status;
    e->counts->damaged++;
    return STATUS_OK;
}

static enum status erase_guarded(struct erasing *e, const char *name)
{
    const struct archive_erase_options *o = e->options;
    bool guarded = o->begin && !o->dry_run;
    enum status status = guarded ? o->begin(o->arg) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    status = erase_file(e, name);
    if (guarded)
        o->end(o->arg);
    return status;
}

static bool is_keys_file(const char *name)
{
    size_t size = strlen(name);
    return size > 5 && !strcmp(name + size - 5, ".keys") && strspn(name, "0123456789") == size - 5;
}

enum status archive_erase(const struct archive_erase_options *options,
                          struct archive_erase_counts *counts)
{
    struct erasing e = {.magic = ERASING_MAGIC, .options = options, .counts = counts};
    enum status status = STATUS_OK;
    *counts = (struct archive_erase_counts){0};
    int copy = openat(options->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return status_from_errno(errno);
    }
    e.spool_fd = open(options->spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(dir));)
        if (is_keys_file(entry->d_name))
            status = erase_guarded(&e, entry->d_name);
    if (e.spool_fd >= 0)
        close(e.spool_fd);
    closedir(dir);
    return status;
}
