/* sink_file.c: the simplest sink: events as NDJSON lines in a rotated file, rejects as objects with
 * one member, "quarantine". Runs on its lane's thread. file_log.c makes it exactly once. */
#include "storage/sink.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/event/event_json.h"
#include "core/thread.h"
#include "storage/sinks/file/file_held.h"
#include "storage/sinks/file/file_log.h"
#include "storage/sinks/file/file_settings.h"
#include "storage/sinks/sink_record.h"

#define FLUSH_BYTES ((size_t)1 << 20)
#define LINE_BYTES  ((size_t)64 << 20)

#define FILE_LANE_MAGIC 0x464c414eU

struct file_lane {
    unsigned magic;             /* FILE_LANE_MAGIC */
    struct file_log log;        /* of a replay: PATH.replay */
    struct sink_replay *replay; /* NULL: ordinary delivery */
    const char *path;           /* as set */
    char replay_path[PATH_MAX];
    struct writer lines; /* not yet in the file */
    struct writer extra; /* members with the origin of a reject */
};

OBJECT_CAST(file_lane, FILE_LANE_MAGIC)

static void *file_open(const struct sink_config *config, struct sink_problem *problem)
{
    const struct sink_file_settings *settings = config->settings;
    if (!settings->path || !settings->path[0]) {
        snprintf(problem->text, sizeof problem->text,
                 "sinks.file.path is not set: name the file that events go to");
        return NULL;
    }
    if (config->lanes != 1) {
        snprintf(problem->text, sizeof problem->text, "the file sink has one lane, not %u",
                 config->lanes);
        return NULL;
    }
    struct file_lane *lane = calloc(1, sizeof *lane);
    if (!lane) {
        snprintf(problem->text, sizeof problem->text, "out of memory");
        return NULL;
    }
    lane->replay = config->replay;
    lane->magic = FILE_LANE_MAGIC;
    lane->path = settings->path;
    snprintf(lane->replay_path, sizeof lane->replay_path, "%s.replay", lane->path);
    if (lane->replay)
        file_log_init(&lane->log, lane->replay_path, 0, 0, config->spool_uid);
    else
        file_log_init(&lane->log, lane->path, settings->rotate_bytes, (unsigned)settings->keep,
                      config->spool_uid);
    writer_init(&lane->lines, LINE_BYTES);
    writer_init(&lane->extra, LINE_BYTES);
    return lane;
}

/* Space, descriptors and the spool's events recover by themselves; a wrong path or a damaged disk
 * needs an operator. */
static enum sink_result file_result(struct file_lane *lane, enum status status,
                                    struct sink_problem *problem)
{
    if (status == STATUS_OK)
        return SINK_DELIVERED;
    file_log_close(&lane->log);
    snprintf(problem->text, sizeof problem->text, "%s%s", lane->log.reason,
             status == STATUS_UNAVAILABLE ? "" : "; check sinks.file.path");
    bool passes = status == STATUS_NO_SPACE || status == STATUS_BUSY ||
                  status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE ||
                  status == STATUS_UNAVAILABLE;
    return passes ? SINK_LATER : SINK_BROKEN;
}

static bool is_dry(const struct file_lane *lane)
{
    return lane->replay && lane->replay->dry_run;
}

static enum sink_result file_connect(void *state, struct sink_position *there,
                                     struct sink_problem *problem)
{
    thread_assert(THREAD_SINK);
    struct file_lane *lane = file_lane_cast(state);
    lane->log.reason[0] = '\0';
    enum status status = STATUS_OK;
    if (lane->log.fd < 0 && !is_dry(lane))
        status = file_log_open(&lane->log);
    struct file_log server = lane->log;
    server.path = lane->path;
    if (status == STATUS_OK && lane->replay) {
        status = file_log_look(&server);
        memcpy(lane->log.reason, server.reason, sizeof server.reason);
    }
    *there = server.there;
    return file_result(lane, status, problem);
}

static enum sink_result file_look_up(void *state, int64_t oldest_ns, struct sink_problem *problem)
{
    struct file_lane *lane = file_lane_cast(state);
    char path[PATH_MAX];
    (void)oldest_ns;
    if (file_held_find(lane->path, lane->replay->held, path) == STATUS_OK)
        return SINK_DELIVERED;
    char text[128];
    snprintf(problem->text, sizeof problem->text, "can't read %.300s: %s", path,
             strerror_r(errno, text, sizeof text));
    return SINK_BROKEN;
}

static void write_reject(struct file_lane *lane, const struct sink_batch *batch,
                         const struct event_reject *reject)
{
    struct writer *extra = &lane->extra;
    writer_reset(extra);
    writer_text(extra, "\"batch_uid\":\"");
    event_json_write_uuid(extra, batch->batch_uid);
    writer_text(extra, "\",\"tenant_id\":");
    writer_json_string(extra, batch->tenant);
    writer_text(extra, ",\"time_received\":");
    event_json_write_time(extra, batch->received_ns);
    writer_u8(extra, ',');
    if (extra->status != STATUS_OK)
        lane->lines.status = extra->status;
    struct event_reject reference = *reject; /* its bytes may name a vehicle */
    reference.raw = SLICE_EMPTY;
    writer_text(&lane->lines, "{\"quarantine\":");
    event_json_write_reject(&lane->lines, writer_slice(extra), &reference);
    writer_u8(&lane->lines, '}');
}

static enum status flush(struct file_lane *lane)
{
    enum status status = lane->lines.status;
    if (status == STATUS_OK)
        status = file_log_append(&lane->log, writer_slice(&lane->lines));
    else
        snprintf(lane->log.reason, sizeof lane->log.reason, "can't build a line: %s",
                 status_text(status));
    writer_reset(&lane->lines);
    return status;
}

/* A replay leaves out events that the files have; a dry run writes nothing. */
static bool is_left_out(const struct file_lane *lane, const struct sink_batch *batch,
                        const struct event_item *item, uint64_t *put)
{
    uint8_t id[UUID_BYTES];
    uuid7_of_event(batch->batch_uid,
                   item->is_reject ? item->reject.index : (uint32_t)item->event.batch_index, id);
    if (sink_held_places(lane->replay->held, id))
        return true;
    (*put)++;
    return lane->replay->dry_run;
}

static enum status write_record(struct file_lane *lane, const struct sink_load *load, size_t batch,
                                uint64_t *put)
{
    const struct sink_batch *record = &load->batches[batch];
    if (lane->replay && sink_held_places(lane->replay->held, record->batch_uid))
        return STATUS_OK;
    ++*put;
    if (is_dry(lane))
        return STATUS_OK;
    sink_record_write(&lane->lines, record, load->spool_uid);
    writer_u8(&lane->lines, '\n');
    return lane->lines.size >= FLUSH_BYTES || lane->lines.status != STATUS_OK ? flush(lane)
                                                                              : STATUS_OK;
}

static enum status write_batch(struct file_lane *lane, const struct sink_load *load, size_t batch,
                               uint64_t *put)
{
    if (sink_is_record(&load->batches[batch]))
        return write_record(lane, load, batch, put);
    struct sink_iterator iterator;
    struct event_item item;
    enum status status = STATUS_OK;
    load->begin(load, batch, &iterator);
    while (status == STATUS_OK) {
        enum sink_next next = load->next(&iterator, &item);
        if (next == SINK_NEXT_END)
            break;
        if (next == SINK_NEXT_LOST) {
            snprintf(lane->log.reason, sizeof lane->log.reason,
                     "events can't be read from the spool now");
            return STATUS_UNAVAILABLE;
        }
        if (lane->replay && is_left_out(lane, iterator.batch, &item, put))
            continue;
        if (item.is_reject)
            write_reject(lane, iterator.batch, &item.reject);
        else
            event_json_write(&lane->lines, &item.event);
        writer_u8(&lane->lines, '\n');
        if (lane->lines.size >= FLUSH_BYTES || lane->lines.status != STATUS_OK)
            status = flush(lane);
    }
    return status;
}

static enum sink_result file_deliver(void *state, const struct sink_load *load,
                                     struct sink_problem *problem)
{
    thread_assert(THREAD_SINK);
    struct file_lane *lane = file_lane_cast(state);
    ensure(load->rejected_count == 0); /* this sink rejects nothing */
    struct sink_position end = sink_load_end(load);
    enum status status = STATUS_OK;
    uint64_t put = 0;
    writer_reset(&lane->lines);
    lane->log.reason[0] = '\0';
    for (size_t i = 0; i < load->batch_count && status == STATUS_OK; i++)
        status = write_batch(lane, load, i, &put);
    if (status == STATUS_OK && !is_dry(lane))
        status = flush(lane);
    if (status == STATUS_OK && !is_dry(lane))
        status = file_log_commit(&lane->log, &end);
    if (status == STATUS_OK && lane->replay)
        lane->replay->put += put;
    return file_result(lane, status, problem);
}

static void file_close(void *state)
{
    struct file_lane *lane = file_lane_cast(state);
    file_log_close(&lane->log);
    writer_fini(&lane->lines);
    writer_fini(&lane->extra);
    object_end(&lane->magic);
    free(lane);
}

static bool file_enabled(const void *settings)
{
    return ((const struct sink_file_settings *)settings)->enabled;
}

static void file_limits(const void *settings, struct sink_limits *limits)
{
    (void)settings;
    limits->files = 0; /* the files of a lane are enough */
}

const struct sink sink_file = {
    .abi_version = VSOC_SINK_ABI,
    .struct_size = sizeof(struct sink),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "file",
    .version = "1.0.0",
    .description = "events as NDJSON lines in a rotated file",
    .enabled = file_enabled,
    .limits = file_limits,
    .open = file_open,
    .connect = file_connect,
    .deliver = file_deliver,
    .close = file_close,
    .replays = true,
    .look_up = file_look_up,
    .takes_records = true,
};
