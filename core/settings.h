/* settings.h: the kinds that a setting may have, and the C types of their values: words that the
 * table of settings shares with the parts of the program that have rows in it. Thread: any. */
#ifndef VSOC_CORE_SETTINGS_H
#define VSOC_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    SETTING_KIND_TEXT,
    SETTING_KIND_BOOL,
    SETTING_KIND_UINT,
    SETTING_KIND_SIZE,     /* bytes */
    SETTING_KIND_DURATION, /* ns */
    SETTING_KIND_ENUM,
    SETTING_KIND_LIST,
    SETTING_KIND_MAP,
};

struct setting_list {
    const char *const *items;
    size_t count;
};

struct setting_map {
    const char *const *names;
    const char *const *values;
    size_t count;
};

#define SETTING_TYPE_TEXT     const char *
#define SETTING_TYPE_BOOL     bool
#define SETTING_TYPE_UINT     uint64_t
#define SETTING_TYPE_SIZE     uint64_t
#define SETTING_TYPE_DURATION int64_t
#define SETTING_TYPE_ENUM     unsigned /* place of the word in its row, from 0 */
#define SETTING_TYPE_LIST     struct setting_list
#define SETTING_TYPE_MAP      struct setting_map

#endif
