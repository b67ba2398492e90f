/* config.c: builds the settings from their sources, in order. Any thread. Does not read YAML
 * (config_file.c) and does not know what a setting means (struct config_checks). */
#include "server/config/config.h"
#include "core/thread.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/config/config_build.h"
#include "server/config/config_value.h"

/* All texts of one file, lists and maps being rebuilt item by item. */
#define CONFIG_MEMORY ((size_t)16 << 20)

/* "name=value,name=value" */
static void store_default_map(struct config_build *build, const struct config_row *row,
                              const struct config_origin *origin)
{
    for (const char *p = row->fallback; *p;) {
        size_t name = strcspn(p, "="), size = strcspn(p, ",");
        struct arena *arena = &build->config->arena;
        const char *value = arena_format(arena, "%.*s", (int)(size - name - 1), p + name + 1);
        config_store_entry(build, row, arena_format(arena, "%.*s", (int)name, p), value, origin);
        p += size;
        p += *p == ',';
    }
}

/* The defaults are valid, so the only possible error is a lack of memory. */
static enum status store_defaults(struct config_build *build)
{
    char word[64];
    size_t problems = build->problems->count;
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        struct config_origin origin = {.from = CONFIG_FROM_DEFAULT, .name = row->key};
        if (row->kind == SETTING_KIND_LIST) {
            config_store_list_text(build, row, row->fallback, &origin);
        } else if (row->kind == SETTING_KIND_MAP) {
            store_default_map(build, row, &origin);
        } else if (row->kind == SETTING_KIND_ENUM) {
            snprintf(word, sizeof word, "%.*s", (int)strcspn(row->fallback, ":"), row->fallback);
            config_store(build, row, word, &origin);
        } else {
            config_store(build, row, row->fallback, &origin);
        }
    }
    return build->problems->count > problems ? STATUS_NO_MEMORY : STATUS_OK;
}

static struct config *config_create(const char *path)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return NULL;
    arena_init(&config->arena, CONFIG_MEMORY);
    config->path = path ? strdup(path) : NULL;
    if (!path || config->path)
        return config;
    free(config);
    return NULL;
}

static void refuse_later(struct config_build *build, const struct config *defaults)
{
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        if ((row->flags & CONFIG_LATER) && !config_value_equal(row, build->config, defaults))
            config_problem(build, &build->origins[i],
                           "has no effect in this version; remove it from the settings");
    }
}

/* Needs the values as written, before paths are resolved. */
static enum status check_later(struct config_build *build)
{
    struct config_build plain = {.config = config_create(NULL), .problems = build->problems};
    if (!plain.config)
        return STATUS_NO_MEMORY;
    enum status s = store_defaults(&plain);
    if (s == STATUS_OK)
        refuse_later(build, plain.config);
    config_destroy(plain.config);
    return s;
}

static bool stands_before(const struct config_problem *a, const struct config_problem *b)
{
    if (!a->line || !b->line)
        return a->line && !b->line;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* In the order of the file; mistakes without a line come last. */
static void sort_problems(struct config_problems *problems)
{
    size_t kept = sizeof problems->items / sizeof *problems->items;
    for (size_t i = 1; i < problems->count && i < kept; i++) {
        struct config_problem moved = problems->items[i];
        size_t at = i;
        for (; at > 0 && stands_before(&moved, &problems->items[at - 1]); at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = moved;
    }
}

enum status config_load(const char *path, const char *const *sets, size_t set_count,
                        char *const *environment, const struct config_checks *checks,
                        struct config **out, struct config_problems *problems)
{
    thread_assert_not(THREAD_WORKER);
    problems->count = 0;
    struct config_build build = {.config = config_create(path), .problems = problems, .path = path};
    if (!build.config)
        return STATUS_NO_MEMORY;
    build.config->checks = checks;
    enum status s = store_defaults(&build);
    if (s == STATUS_OK) {
        if (path)
            config_read_file(&build);
        config_read_environment(&build, environment);
        config_read_sets(&build, sets, set_count);
        s = check_later(&build);
    }
    if (s == STATUS_OK)
        checks->check(&build, checks->files && !build.unread);
    sort_problems(problems);
    if (s == STATUS_OK && problems->count > 0)
        s = build.passing != STATUS_OK ? build.passing : STATUS_CONFIG;
    if (s == STATUS_OK)
        *out = build.config;
    else
        config_destroy(build.config);
    return s;
}

enum status config_from_text(struct slice yaml, const char *const *sets, size_t set_count,
                             struct config **out, struct config_problems *problems)
{
    problems->count = 0;
    struct config_build build = {.config = config_create(NULL), .problems = problems};
    if (!build.config)
        return STATUS_NO_MEMORY;
    enum status s = store_defaults(&build);
    if (s == STATUS_OK) {
        config_read_yaml(&build, yaml);
        config_read_sets(&build, sets, set_count);
        s = problems->count ? STATUS_CONFIG : STATUS_OK;
    }
    if (s == STATUS_OK)
        *out = build.config;
    else
        config_destroy(build.config);
    return s;
}

enum status config_renew(struct config *config, struct config **out,
                         struct config_problems *problems)
{
    thread_assert(THREAD_MAIN);
    struct config *made = malloc(sizeof *made);
    problems->count = 0;
    if (!made)
        return STATUS_NO_MEMORY;
    struct config *owner = config->texts_of ? config->texts_of : config;
    *made = *config;
    made->tokens = NULL;
    made->senders = NULL;
    made->texts_of = owner;
    made->borrowers = 0;
    made->gone = false;
    owner->borrowers++;
    struct config_build build = {.path = config->path, .config = made, .problems = problems};
    config->checks->read_credentials(&build);
    if (problems->count == 0) {
        *out = made;
        return STATUS_OK;
    }
    config_destroy(made);
    return STATUS_CONFIG;
}

static void free_texts(struct config *config)
{
    arena_fini(&config->arena);
    free(config->path);
    free(config);
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    if (config->checks)
        config->checks->forget_credentials(config);
    struct config *owner = config->texts_of;
    if (!owner) {
        config->gone = true;
        if (config->borrowers == 0)
            free_texts(config);
        return;
    }
    free(config);
    owner->borrowers--;
    if (owner->gone && owner->borrowers == 0)
        free_texts(owner);
}

const char *config_needs_restart(const struct config *old_config, const struct config *new_config)
{
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++)
        if (!(config_rows[i].flags & CONFIG_RELOAD) &&
            !config_value_equal(&config_rows[i], old_config, new_config))
            return config_rows[i].key;
    return NULL;
}
