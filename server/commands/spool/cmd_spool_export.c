/* cmd_spool_export.c: `vsocd spool export`: the events of a spool as NDJSON on stdout, the bodies
 * as received into files. Main thread. Changes nothing in the spool. */
#include "server/commands/spool/cmd_spool.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event/event_json.h"
#include "storage/spool/spool.h"

struct exporter {
    const struct spool_command *command;
    struct spool_reader *reader;
    struct event_decoder decoder;
    struct writer line;
    int bodies_fd; /* -1: no bodies asked for */
    const struct seal_keys *keys;
    uint64_t batches, damaged;
    uint64_t sealed, erased; /* batches whose parts could not be read */
    uint64_t cut, cut_items; /* batches of several vehicles of which some were erased; and what */
};

static const char *suffix(struct slice encoding)
{
    static const struct {
        const char *encoding, *suffix;
    } suffixes[] = {{"gzip", ".gz"}, {"x-gzip", ".gz"}, {"zstd", ".zst"}, {"deflate", ".zz"}};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (slice_equal_nocase(encoding, suffixes[i].encoding))
            return suffixes[i].suffix;
    return "";
}

static enum status write_file(int dir_fd, const char *name, struct slice bytes)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = STATUS_OK;
    while (bytes.size && status == STATUS_OK) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            status = n < 0 ? status_from_errno(errno) : STATUS_IO;
        else
            bytes = slice_sub(bytes, (size_t)n, SIZE_MAX);
    }
    if (close(fd) != 0 && status == STATUS_OK)
        status = status_from_errno(errno);
    return status;
}

/* In place of a body that went with the first erasure: the records of each vehicle that is left. */
static enum status export_records(struct exporter *x, const struct batch_record *record)
{
    char uid[UUID_TEXT_BYTES], name[128];
    enum status status = STATUS_OK;
    uuid_to_text(record->meta.batch_uid, uid);
    for (size_t n = SEAL_PART_FIRST_VEHICLE; n < record->parts->table->parts; n++) {
        struct slice records = record->parts->items[n].records;
        if (!records.size || status != STATUS_OK)
            continue;
        snprintf(name, sizeof name, "%020" PRIu64 "-%.36s.part-%zu", record->meta.position, uid, n);
        status = write_file(x->bodies_fd, name, records);
    }
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd: %s/%s: %s\n", x->command->bodies, name, status_text(status));
    return status;
}

static enum status export_body(struct exporter *x, const struct batch_record *record)
{
    if (x->bodies_fd < 0)
        return STATUS_OK;
    if (record->parts && record->parts->items[SEAL_PART_SHARED].state != SEAL_OPEN)
        return export_records(x, record);
    char uid[UUID_TEXT_BYTES], name[128];
    uuid_to_text(record->meta.batch_uid, uid);
    snprintf(name, sizeof name, "%020" PRIu64 "-%.36s.body%s", record->meta.position, uid,
             suffix(record->meta.content_encoding));
    enum status status = write_file(x->bodies_fd, name, record->body);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd: %s/%s: %s\n", x->command->bodies, name, status_text(status));
    return status;
}

static void write_reject(struct writer *w, const struct batch_meta *meta,
                         const struct event_reject *reject)
{
    char uid[UUID_TEXT_BYTES], extra[96];
    uuid_to_text(meta->batch_uid, uid);
    snprintf(extra, sizeof extra, "\"batch_uid\":\"%.36s\",\"position\":%" PRIu64 ",", uid,
             meta->position);
    writer_text(w, "{\"quarantine\":");
    event_json_write_reject(w, slice_from_text(extra), reject);
    writer_u8(w, '}');
}

static void write_event(struct writer *w, const struct batch_meta *meta, struct event *event)
{
    uint8_t uid[UUID_BYTES];
    batch_complete_event(meta, event, uid);
    event_json_write(w, event);
}

static enum status put_line(struct exporter *x)
{
    writer_u8(&x->line, '\n');
    if (x->line.status != STATUS_OK)
        return x->line.status;
    return fwrite(x->line.data, 1, x->line.size, stdout) == x->line.size ? STATUS_OK : STATUS_IO;
}

static enum status export_events(struct exporter *x, const struct batch_record *record)
{
    static struct event_item item;
    enum status status = event_decoder_init(&x->decoder, record->events);
    while (status == STATUS_OK) {
        status = event_decoder_next(&x->decoder, &item);
        if (status != STATUS_OK)
            break;
        writer_reset(&x->line);
        if (item.is_reject)
            write_reject(&x->line, &record->meta, &item.reject);
        else
            write_event(&x->line, &record->meta, &item.event);
        status = put_line(x);
        if (status != STATUS_OK)
            return STATUS_IO;
    }
    if (status == STATUS_END)
        return STATUS_OK;
    fprintf(stderr, "vsocd: position %" PRIu64 ": events can't be decoded: %s\n",
            record->meta.position, status_text(status));
    x->damaged++;
    return STATUS_OK;
}

/* Without its key, a batch is only counted. */
static void note_sealed(struct exporter *x, const struct batch_record *record)
{
    if (record->state == SEAL_ERASED) {
        x->erased++;
        return;
    }
    if (record->state == SEAL_DAMAGED) {
        fprintf(stderr, "vsocd: position %" PRIu64 ": its keys have changed on disk\n",
                record->meta.position);
        x->damaged++;
        return;
    }
    if (!x->sealed++)
        fprintf(stderr,
                "vsocd: position %" PRIu64 ": encrypted with key %" PRIu32
                " of privacy.keys_file, which is not at hand: give the file with --keys or -c\n",
                record->meta.position, record->key_id);
}

static enum status export_next(struct exporter *x)
{
    struct batch_record record;
    enum status status = spool_reader_next(x->reader, &record);
    if (status == STATUS_CORRUPT) {
        fputs("vsocd: damaged bytes skipped; `vsocd spool check` shows where\n", stderr);
        x->damaged++;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    if (record.meta.position > x->command->to)
        return STATUS_END;
    if (!batch_is_events(&record.meta))
        return STATUS_OK;
    x->batches++;
    if (record.sealed) {
        note_sealed(x, &record);
        return STATUS_OK;
    }
    if (record.parts && record.parts->erased) {
        x->cut++;
        x->cut_items += record.parts->erased_items;
    }
    status = export_body(x, &record);
    return status == STATUS_OK ? export_events(x, &record) : status;
}

static enum status open_bodies(struct exporter *x)
{
    x->bodies_fd = -1;
    const char *dir = x->command->bodies;
    if (!dir)
        return STATUS_OK;
    if (mkdir(dir, 0750) == 0 || errno == EEXIST)
        x->bodies_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->bodies_fd >= 0)
        return STATUS_OK;
    enum status status = status_from_errno(errno);
    fprintf(stderr, "vsocd: %s: %s\n", dir, status_text(status));
    return status;
}

static int export_all(struct exporter *x)
{
    uint64_t after = x->command->from ? x->command->from - 1 : 0;
    enum status status = spool_reader_open_dir(x->command->dir, after, &x->reader);
    if (status != STATUS_OK) {
        fprintf(stderr, "vsocd: %s: %s: give data_dir or the directory with its *.seg files\n",
                x->command->dir, status_text(status));
        return EXIT_DISK;
    }
    spool_reader_use_keys(x->reader, x->keys);
    if (x->bodies_fd < 0)
        spool_reader_without_bodies(x->reader);
    do
        status = export_next(x);
    while (status == STATUS_OK);
    spool_reader_close(x->reader);
    if (fflush(stdout) != 0)
        status = STATUS_IO;
    if (status != STATUS_END) {
        fprintf(stderr, "vsocd: %s: export ended early: %s\n", x->command->dir,
                status_text(status));
        return EXIT_DISK;
    }
    if (!x->batches)
        fprintf(stderr,
                "vsocd: %s: no batch in this range; `vsocd spool list` shows the positions\n",
                x->command->dir);
    if (x->erased)
        fprintf(stderr, "vsocd: %" PRIu64 " batches were erased and are left out\n", x->erased);
    if (x->cut)
        fprintf(stderr,
                "vsocd: %" PRIu64 " events and quarantined records in %" PRIu64
                " batches of several vehicles were erased and are left out\n",
                x->cut_items, x->cut);
    if (x->sealed)
        fprintf(stderr, "vsocd: %" PRIu64 " batches could not be read without their key\n",
                x->sealed);
    return x->damaged || x->sealed ? EXIT_FAILED : EXIT_DONE;
}

/* Of a running server, who reads received bytes is on record before the first one is out: of its
 * spool, or of its archive with the keys in its folder of evidence. */
static bool record_look(const struct spool_command *command)
{
    struct problem problem;
    bool recorded;
    char data[4200];
    const char *dir = command->dir;
    if (command->is_archive && !command->evidence)
        return true; /* without keys */
    if (command->is_archive) {
        snprintf(data, sizeof data, "%.4090s/..", command->evidence);
        dir = data;
    }
    const struct audit_field fields[] = {
        AUDIT_TEXT(command, "spool export"),
        AUDIT_UINT(from_position, command->from),
        AUDIT_UINT(to_position, command->to == UINT64_MAX ? 0 : command->to),
        AUDIT_UINT(bodies, command->bodies != NULL),
        AUDIT_TEXT(target, command->bodies ? command->bodies : ""),
    };
    enum status status = command_audit_live(dir, AUDIT_raw_viewed, fields,
                                            sizeof fields / sizeof *fields, &recorded, &problem);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd: %s\n", problem.text);
    return status == STATUS_OK;
}

int spool_export(const struct spool_command *command)
{
    static struct exporter x;
    x = (struct exporter){.command = command};
    int code = spool_load_keys(command, &x.keys);
    if (code != EXIT_DONE)
        return code;
    if (!record_look(command))
        return EXIT_UNAVAILABLE;
    if (open_bodies(&x) != STATUS_OK)
        return EXIT_DISK;
    writer_init(&x.line, SIZE_MAX / 2);
    int rc = export_all(&x);
    writer_fini(&x.line);
    if (x.bodies_fd >= 0)
        close(x.bodies_fd);
    return rc;
}
