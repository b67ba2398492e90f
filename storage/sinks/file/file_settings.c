/* file_settings.c: the settings of the file sink as data, and checks across their rows. Any thread.
 * Reads no file and connects to nothing. */
#include "storage/sinks/file/file_settings.h"

const struct sink_table_row sink_file_table[] = {
#define SINK_SETTING SINK_ROW
#include "storage/sinks/file/sink.def"
#undef SINK_SETTING
    {0}};
_Static_assert(sizeof(struct sink_file_settings) <= SINK_SETTINGS_BYTES, "they fit");

void sink_file_check(const void *settings, const struct sink_settings_judge *judge)
{
    const struct sink_file_settings *s = settings;
    struct problem problem;
    if (!s->enabled || (s->path && *s->path))
        return;
    problem_say(&problem, "required if sinks.file.enabled is true: name a file");
    judge->tell(judge->arg, "sinks.file.path", &problem);
}
