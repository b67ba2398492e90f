/* file_held.c: reads the file sink's lines back. Runs on the sink's thread. Reads only the ids of
 * lines that sink_file.c wrote; others are skipped. */
#include "storage/sinks/file/file_held.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/slice.h"
#include "storage/sinks/sink_record.h"

#define EVENT_HEAD  "{\"event_uid\":\""
#define REJECT_HEAD "{\"quarantine\":{\"batch_uid\":\""
#define INDEX_HEAD  ",\"index\":"
#define FILES_MAX   100000

static bool read_uid(struct slice line, size_t at, uint8_t uid[UUID_BYTES])
{
    return uuid_from_text(slice_sub(line, at, UUID_TEXT_BYTES), uid) == STATUS_OK;
}

/* The id of a line's event or quarantined record. */
static bool line_id(struct slice line, uint8_t id[UUID_BYTES])
{
    uint8_t batch[UUID_BYTES];
    if (slice_starts_with(line, SINK_RECORD_HEAD))
        return read_uid(line, sizeof SINK_RECORD_HEAD - 1, id);
    if (slice_starts_with(line, EVENT_HEAD))
        return read_uid(line, sizeof EVENT_HEAD - 1, id);
    if (!slice_starts_with(line, REJECT_HEAD) || !read_uid(line, sizeof REJECT_HEAD - 1, batch))
        return false;
    /* No text before it can hold this: quotes within a text are escaped. */
    const char *index = memmem(line.data, line.size, INDEX_HEAD, sizeof INDEX_HEAD - 1);
    if (!index)
        return false;
    unsigned long n = strtoul(index + sizeof INDEX_HEAD - 1, NULL, 10);
    if (n + 1 >= UUID7_EVENT_MAX)
        return false;
    uuid7_of_event(batch, (uint32_t)n, id);
    return true;
}

/* NOT_FOUND: no such file. */
static enum status read_file(const char *path, struct sink_held *held)
{
    char *line = NULL;
    size_t room = 0;
    uint8_t id[UUID_BYTES];
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    for (ssize_t n; (n = getline(&line, &room, file)) > 0;)
        if (line[n - 1] == '\n' && line_id(slice_make((uint8_t *)line, (size_t)n), id))
            sink_held_mark(held, id, FILE_PLACE);
    enum status status = ferror(file) ? STATUS_IO : STATUS_OK;
    free(line);
    fclose(file);
    return status;
}

/* In ascending order: a concurrent rotation moves a file to a number that is read later, so none is
 * missed. A running or interrupted rotation has one number without a file. */
enum status file_held_find(const char *path, struct sink_held *held, char *failed_path)
{
    unsigned missing = 0;
    for (unsigned n = 0; n < FILES_MAX && missing < 2; n++) {
        snprintf(failed_path, PATH_MAX, n ? "%s.%u" : "%s", path, n);
        enum status status = read_file(failed_path, held);
        if (status == STATUS_IO)
            return status;
        missing = status == STATUS_NOT_FOUND && n > 0 ? missing + 1 : 0;
    }
    snprintf(failed_path, PATH_MAX, "%s.replay", path);
    enum status status = read_file(failed_path, held);
    return status == STATUS_IO ? status : STATUS_OK;
}
