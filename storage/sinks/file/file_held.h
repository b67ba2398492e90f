/* file_held.h: which events of a range the files of the file sink have. Only sink_file.c includes
 * it. One owner thread. */
#ifndef VSOC_STORAGE_FILE_HELD_H
#define VSOC_STORAGE_FILE_HELD_H

#include "storage/sinks/sink_held.h"

#define FILE_PLACE 1u

/* Reads PATH, PATH.1, PATH.2, … and PATH.replay, and marks the ids of their lines. Missing files
 * have none. IO: errno has the cause, failed_path (4096 bytes) the file. */
enum status file_held_find(const char *path, struct sink_held *held, char *failed_path) must_check;

#endif
