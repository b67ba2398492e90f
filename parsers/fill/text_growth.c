/* text_growth.c: cuts long texts of control characters. A control character takes six bytes in
 * JSON, so that a record of maximum size would become an event of six times that, which a topic may
 * refuse. Pure, any thread. */
#include "parsers/fill/text_growth.h"

#include "core/writer.h"

/* Shorter texts need no limit: as JSON they are at most six times this. */
#define SHORT_BYTES 512
#define MORE_FREE   256

static inline bool cut(bool is_set, struct slice *text, size_t most)
{
    if (!is_set || text->size <= SHORT_BYTES)
        return false;
    size_t fitting = writer_json_fitting(*text, most);
    bool is_cut = fitting < text->size;
    text->size = fitting;
    return is_cut;
}

bool text_growth_cut(struct event *event, size_t record_bytes)
{
    size_t most = record_bytes + MORE_FREE;
    bool is_cut = cut(EVENT_HAS(event, message), &event->message, most);
    is_cut |= cut(EVENT_HAS(event, process_command_line), &event->process_command_line, most);
    is_cut |= cut(EVENT_HAS(event, process_executable), &event->process_executable, most);
    is_cut |= cut(EVENT_HAS(event, file_path), &event->file_path, most);
    return is_cut;
}
