/* record_keys.h: the keys of a spool's records, from privacy.keys_file. Thread: main. */
#ifndef VSOC_SERVER_RECORD_KEYS_H
#define VSOC_SERVER_RECORD_KEYS_H

#include "core/log/problem.h"
#include "storage/spool/seal/seal_keys.h"

/* Derives the wrapping key of each key in the file; new records are encrypted with them. NOT_FOUND:
 * no such file. CONFIG, REFUSED or the system's error: it can't be used, with a sentence in
 * *problem. On failure keys are empty. */
enum status record_keys_load(const char *path, struct seal_keys *keys,
                             struct problem *problem) must_check;

#endif
