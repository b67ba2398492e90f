/* journal.c: the sink: a line of JSON for each event and each quarantined record. One lane, all
 * calls on its thread. That each event is there once is the work of journal_file.c. */
#include "journal_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)1 << 16)
#define SHORT_BYTES 256                                 /* of a text */
#define LINES_BYTES (FLUSH_BYTES + 8 * SHORT_BYTES * 6) /* and one line more */

struct lane {
    struct journal_file file;
    char *lines; /* not yet in the file */
    size_t size;
};

static void *journal_open(const struct sink_config *config, struct sink_problem *problem)
{
    const struct sink_setting *settings = config->settings;
    const char *path = settings[0].value;
    if (config->lanes != 1 || config->replay || path[0] != '/' || strlen(path) > 250) {
        snprintf(problem->text, sizeof problem->text,
                 "journal.path must be an absolute path of up to 250 bytes");
        return NULL;
    }
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane)
        lane->lines = malloc(LINES_BYTES);
    if (!lane || !lane->lines) {
        free(lane);
        snprintf(problem->text, sizeof problem->text, "out of memory");
        return NULL;
    }
    journal_file_init(&lane->file, path, config->spool_uid);
    return lane;
}

/* Space, descriptors and the lock of a stopping server recover by themselves; the rest needs an
 * operator. */
static enum sink_result file_failed(const struct lane *lane, struct sink_problem *problem)
{
    int e = lane->file.last_errno;
    snprintf(problem->text, sizeof problem->text, "%s", lane->file.problem);
    return e == ENOSPC || e == EDQUOT || e == EMFILE || e == ENFILE || e == EWOULDBLOCK
               ? SINK_LATER
               : SINK_BROKEN;
}

static enum sink_result journal_connect(void *state, struct sink_position *there,
                                        struct sink_problem *problem)
{
    struct lane *lane = state;
    return journal_file_open(&lane->file, there) ? SINK_DELIVERED : file_failed(lane, problem);
}

__attribute__((format(printf, 2, 3))) static void put(struct lane *lane, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lane->size +=
        (size_t)vsnprintf(lane->lines + lane->size, LINES_BYTES - lane->size, format, args);
    va_end(args);
}

/* As a JSON string, cut to SHORT_BYTES at a character; at most six bytes for each of the text. */
static void put_text(struct lane *lane, const char *key, struct slice text)
{
    size_t size = text.size < SHORT_BYTES ? text.size : SHORT_BYTES;
    while (size && size < text.size && (text.data[size] & 0xc0) == 0x80)
        size--;
    put(lane, ",\"%s\":\"", key);
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            put(lane, "\\%c", c);
        else if (c < 0x20)
            put(lane, "\\u%04x", c);
        else
            lane->lines[lane->size++] = (char)c;
    }
    put(lane, "\"");
}

static void put_hex(struct lane *lane, const char *key, const uint8_t *bytes, size_t size)
{
    put(lane, ",\"%s\":\"", key);
    for (size_t i = 0; i < size; i++)
        put(lane, "%02x", bytes[i]);
    put(lane, "\"");
}

/* A line is smaller than the room behind FLUSH_BYTES. */
static void put_item(struct lane *lane, const struct sink_batch *batch,
                     const struct event_item *item)
{
    const struct event *e = &item->event;
    put(lane, "{\"kind\":\"%s\",\"index\":%lld", item->is_reject ? "quarantined" : "event",
        item->is_reject ? (long long)item->reject.index : (long long)e->batch_index);
    put_hex(lane, "batch", batch->batch_uid, 16);
    put_text(lane, "tenant", batch->tenant);
    if (item->is_reject) {
        put_text(lane, "code", item->reject.code);
        put_text(lane, "detail", item->reject.detail);
    } else {
        put_hex(lane, "uid", e->event_uid.data, e->event_uid.size);
        if (EVENT_HAS(e, source_event_id))
            put_text(lane, "source_event_id", e->source_event_id);
        if (EVENT_HAS(e, vehicle_pid))
            put_hex(lane, "vehicle", e->vehicle_pid.data, e->vehicle_pid.size);
        put_text(lane, "name", e->event_name);
    }
    put(lane, "}\n");
}

static bool flush(struct lane *lane)
{
    size_t size = lane->size;
    lane->size = 0;
    return journal_file_append(&lane->file, lane->lines, size);
}

static enum sink_result put_batch(struct lane *lane, const struct sink_load *load, size_t batch,
                                  struct sink_problem *problem)
{
    struct sink_iterator iterator;
    struct event_item item;
    enum sink_next next;
    load->begin(load, batch, &iterator);
    while ((next = load->next(&iterator, &item)) == SINK_NEXT_ITEM) {
        put_item(lane, &load->batches[batch], &item);
        if (lane->size >= FLUSH_BYTES && !flush(lane))
            return file_failed(lane, problem);
    }
    if (next == SINK_NEXT_END)
        return SINK_DELIVERED;
    snprintf(problem->text, sizeof problem->text, "events can't be read from the spool now");
    return SINK_LATER;
}

static enum sink_result journal_deliver(void *state, const struct sink_load *load,
                                        struct sink_problem *problem)
{
    struct lane *lane = state;
    const struct sink_position end = sink_load_end(load);
    enum sink_result result = SINK_DELIVERED;
    lane->size = 0;
    for (size_t i = 0; i < load->batch_count && result == SINK_DELIVERED; i++)
        result = put_batch(lane, load, i, problem);
    if (result == SINK_DELIVERED && (!flush(lane) || !journal_file_commit(&lane->file, &end)))
        result = file_failed(lane, problem);
    if (result != SINK_DELIVERED)
        journal_file_close(&lane->file); /* the next connect cuts off what was written of it */
    return result;
}

static void journal_close(void *state)
{
    struct lane *lane = state;
    journal_file_close(&lane->file);
    free(lane->lines);
    free(lane);
}

static const struct sink_setting_row settings[] = {
    {"path", NULL, "absolute path of the file that gets the lines; PATH.position is beside it"},
    {NULL, NULL, NULL},
};

static const struct sink journal = {
    .abi_version = VSOC_SINK_ABI,
    .struct_size = sizeof(struct sink),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "journal",
    .version = "1.0.0",
    .description = "a line of JSON for each event, exactly once",
    .settings = settings,
    .awaited = true,
    .open = journal_open,
    .connect = journal_connect,
    .deliver = journal_deliver,
    .close = journal_close,
};

const struct sink *vsoc_sink_plugin(void)
{
    return &journal;
}
