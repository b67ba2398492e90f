/* config_build.c: stores one value of a source, and records mistakes with their place. Any thread.
 * Reads no source itself. */
#include "server/config/config_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config_mask.h"
#include "server/config/config_value.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/+"

static const char *source_text(const struct config_build *build, enum config_from from)
{
    switch (from) {
    case CONFIG_FROM_FILE:
        return build->path ? build->path : "file";
    case CONFIG_FROM_ENV:
        return "environment";
    case CONFIG_FROM_SET:
        return "--set";
    default:
        return build->path ? build->path : "settings";
    }
}

void config_problem(struct config_build *build, const struct config_origin *origin,
                    const char *format, ...)
{
    struct config_problems *problems = build->problems;
    size_t kept = sizeof problems->items / sizeof *problems->items;
    if (problems->count++ >= kept)
        return;
    struct config_problem *p = &problems->items[problems->count - 1];
    *p = (struct config_problem){.line = origin->line, .column = origin->column};
    snprintf(p->source, sizeof p->source, "%s", source_text(build, origin->from));
    /* Text after the name's own characters may be a value, such as a password: leave it out. */
    int size = origin->name ? (int)strspn(origin->name, NAME_CHARACTERS) : 0;
    int n = origin->name ? snprintf(p->text, sizeof p->text, "%.*s%s: ", size < 200 ? size : 200,
                                    origin->name, origin->name[size] ? "…" : "")
                         : 0;
    va_list args;
    va_start(args, format);
    vsnprintf(p->text + n, sizeof p->text - (size_t)n, format, args);
    va_end(args);
}

void config_problem_unreadable(struct config_build *build, const struct config_origin *origin,
                               const char *path, enum status s, const char *why)
{
    if (build->passing == STATUS_OK && status_is_passing(s))
        build->passing = s;
    config_problem(build, origin, "'%s' can't be read: %s", path, why);
}

void config_problem_untrusted(struct config_build *build, const struct config_origin *origin,
                              const char *path, enum status s, const char *reason)
{
    static const char unreadable[] = "can't be read: ";
    if (!strncmp(reason, unreadable, sizeof unreadable - 1))
        config_problem_unreadable(build, origin, path, s, reason + sizeof unreadable - 1);
    else
        config_problem(build, origin, "'%s' %s", path, reason);
}

/* A secret makes the settings file a secret (config_file.c). */
static void note_secret(struct config_build *build, const struct config_row *row,
                        const struct config_origin *origin, bool secret)
{
    if (!secret || origin->from != CONFIG_FROM_FILE || build->secret.name)
        return;
    build->secret = *origin;
    build->secret.name = row->key;
}

const struct config_origin *config_origin_of(const struct config_build *build,
                                             const struct config_row *row)
{
    return &build->origins[row - config_rows];
}

static void keep_origin(struct config_build *build, const struct config_row *row,
                        const struct config_origin *origin)
{
    struct config_origin *kept = &build->origins[row - config_rows];
    *kept = *origin;
    if (origin->from == CONFIG_FROM_ENV)
        kept->name = arena_format(&build->config->arena, "%s", origin->name);
    else
        kept->name = row->key;
}

static void tell_refused(struct config_build *build, const struct config_origin *origin,
                         enum status status)
{
    if (status == STATUS_TOO_MANY)
        config_problem(build, origin, "holds more than %d items; remove some", CONFIG_ITEMS_MAX);
    else if (status == STATUS_WRONG_TYPE)
        config_problem(build, origin, "must be UTF-8 without line breaks and control characters");
    else if (status != STATUS_OK)
        config_problem(build, origin, "is too large: no memory is left for it");
}

void config_store(struct config_build *build, const struct config_row *row, const char *text,
                  const struct config_origin *origin)
{
    struct problem problem;
    enum status s = config_value_parse(row, text, build->config, &problem);
    if (s != STATUS_OK)
        config_problem(build, origin, "%s", problem.text);
    note_secret(build, row, origin,
                text && (row->flags & CONFIG_SECRET) && config_dsn_has_secret(text));
    keep_origin(build, row, origin);
}

void config_store_list_start(struct config_build *build, const struct config_row *row,
                             const struct config_origin *origin)
{
    *(struct setting_list *)config_member(build->config, row) = (struct setting_list){NULL, 0};
    keep_origin(build, row, origin);
}

void config_store_item(struct config_build *build, const struct config_row *row, const char *text,
                       const struct config_origin *origin)
{
    if (!*text)
        config_problem(build, origin, "an item is empty; write it or remove it");
    else
        tell_refused(build, origin, config_list_add(row, text, build->config));
}

void config_store_entry(struct config_build *build, const struct config_row *row, const char *name,
                        const char *value, const struct config_origin *origin)
{
    tell_refused(build, origin, config_map_set(row, name, value, build->config));
    note_secret(build, row, origin,
                value && (row->flags & CONFIG_SECRET_VALUES) && config_value_is_secret(name));
    keep_origin(build, row, origin);
}

void config_store_list_text(struct config_build *build, const struct config_row *row,
                            const char *text, const struct config_origin *origin)
{
    config_store_list_start(build, row, origin);
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *item = arena_format(&build->config->arena, "%.*s", (int)size, text);
        config_store_item(build, row, item, origin);
        text += size;
        text += *text == ',';
    }
}
