/* file_settings.h: the settings of the file sink, from sink.def. Immutable; texts are the server's.
 * Thread: any. */
#ifndef VSOC_STORAGE_FILE_SETTINGS_H
#define VSOC_STORAGE_FILE_SETTINGS_H

#include "storage/sinks/sink_table.h"

struct sink_file_settings {
#define SINK_SETTING SINK_MEMBER
#include "storage/sinks/file/sink.def"
#undef SINK_SETTING
};

struct sink;
extern const struct sink sink_file;
extern const struct sink_table_row sink_file_table[];
/* Tells the judge each mistake in a struct sink_file_settings that is enabled. */
void sink_file_check(const void *settings, const struct sink_settings_judge *judge);

#endif
