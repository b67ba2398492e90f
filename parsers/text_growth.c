/* text_growth.c: long texts of control characters are cut. A control character takes six bytes in
 * JSON, so that a record at the limit of its size would be an event of six times that, which a
 * topic may not take. Pure, any thread. */
#include "parsers/text_growth.h"

#include "core/writer.h"

/* Shorter texts never count: they are at most six times this. */
#define SHORT_BYTES 512
#define MORE_FREE   256

static bool cut(struct slice *text, size_t most)
{
    if (text->size <= SHORT_BYTES)
        return false;
    size_t fitting = writer_json_fitting(*text, most);
    bool is_cut = fitting < text->size;
    text->size = fitting;
    return is_cut;
}

bool text_growth_cut(struct event *event, size_t record_bytes)
{
    static const enum event_field fields[] = {EVENT_message, EVENT_process_command_line,
                                              EVENT_process_executable, EVENT_file_path};
    bool is_cut = false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (event_is_set(event, fields[i]))
            is_cut |=
                cut(event_slice_at(event, &event_field_table[fields[i]]), record_bytes + MORE_FREE);
    return is_cut;
}
