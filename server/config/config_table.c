/* config_table.c: the rows of config.def and finding one by name, also by a mistyped name. Any
 * thread. Holds no state. */
#include "server/config/config_table.h"

#include <stdio.h>

#define KEY_MAX 96

#define WORDS_TEXT(fallback)     ""
#define WORDS_BOOL(fallback)     ""
#define WORDS_UINT(fallback)     ""
#define WORDS_SIZE(fallback)     ""
#define WORDS_DURATION(fallback) ""
#define WORDS_LIST(fallback)     ""
#define WORDS_MAP(fallback)      ""
#define WORDS_ENUM(fallback)     fallback

const struct config_row config_rows[] = {
#define CONFIG(key, member, kind, fallback, min, max, flags, help)                                 \
    {key,                                                                                          \
     offsetof(struct config, member),                                                              \
     SETTING_KIND_##kind,                                                                          \
     fallback,                                                                                     \
     WORDS_##kind(fallback),                                                                       \
     min,                                                                                          \
     max,                                                                                          \
     flags,                                                                                        \
     help},
#include "server/config/config.def"
#undef CONFIG
};

const struct config_row *config_row_find(const char *key)
{
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++)
        if (!strcmp(config_rows[i].key, key))
            return &config_rows[i];
    return NULL;
}

const struct config_row *config_row_of_entry(const char *key, const char **name)
{
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        size_t n = strlen(config_rows[i].key);
        if (config_rows[i].kind != SETTING_KIND_MAP || strncmp(config_rows[i].key, key, n) != 0 ||
            key[n] != '.' || !key[n + 1])
            continue;
        *name = key + n + 1;
        return &config_rows[i];
    }
    return NULL;
}

bool config_is_section(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++)
        if (!strncmp(config_rows[i].key, key, n) && config_rows[i].key[n] == '.')
            return true;
    return false;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance of the first KEY_MAX bytes. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[KEY_MAX + 1];
    a_size = a_size < KEY_MAX ? a_size : KEY_MAX;
    b_size = b_size < KEY_MAX ? b_size : KEY_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_size];
}

struct nearest {
    const char *key;
    const char *best;
    size_t best_size;
    size_t best_distance;
};

static void nearest_try(struct nearest *n, const char *candidate, size_t size)
{
    size_t d = distance(n->key, strlen(n->key), candidate, size);
    if (d >= n->best_distance)
        return;
    n->best = candidate;
    n->best_size = size;
    n->best_distance = d;
}

const char *config_nearest(const char *key, char *buffer, size_t size)
{
    struct nearest n = {.key = key, .best = "", .best_distance = SIZE_MAX};
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const char *candidate = config_rows[i].key;
        nearest_try(&n, candidate, strlen(candidate));
        for (const char *dot = strchr(candidate, '.'); dot; dot = strchr(dot + 1, '.'))
            nearest_try(&n, candidate, (size_t)(dot - candidate));
    }
    snprintf(buffer, size, "%.*s", (int)n.best_size, n.best);
    return buffer;
}
