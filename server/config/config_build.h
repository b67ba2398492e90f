/* config_build.h: settings under construction: the sources (config_file.c, config_env.c) store into
 * it, struct config_checks checks the whole. Thread: any, one at a time. */
#ifndef VSOC_SERVER_CONFIG_BUILD_H
#define VSOC_SERVER_CONFIG_BUILD_H

#include "core/slice.h"
#include "core/status.h"
#include "server/config/config_table.h"

/* Later ones win. */
enum config_from { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV, CONFIG_FROM_SET };

/* Where a value was set. */
struct config_origin {
    enum config_from from;
    const char *name;    /* as spelt there: the key or the environment variable */
    size_t line, column; /* 1-based; 0: none */
};

struct config_build {
    struct config *config;
    struct config_problems *problems;
    struct config_origin origins[CONFIG_ROW_COUNT];
    const char *path; /* of the file, or NULL */
    /* OK, or the temporary reason why a file could not be read (status_is_passing). */
    enum status passing;
    /* The settings file was not read to its end: defaults that it would have replaced prove
     * nothing.
     */
    bool unread;
    /* Place of the first secret in the settings file; name NULL: none. */
    struct config_origin secret;
};

/* Adds a mistake at origin; its text starts with the name as written there. */
void config_problem(struct config_build *build, const struct config_origin *origin,
                    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds that the file at path, which origin names, can't be read: s is what kind of failure that is,
 * why says it. */
void config_problem_unreadable(struct config_build *build, const struct config_origin *origin,
                               const char *path, enum status s, const char *why);
/* The same for a file that trusted_file.h refused or could not read; reason: its text. */
void config_problem_untrusted(struct config_build *build, const struct config_origin *origin,
                              const char *path, enum status s, const char *reason);
/* The origin of a row's value, to report a mistake. */
const struct config_origin *config_origin_of(const struct config_build *build,
                                             const struct config_row *row);
/* Store one value, or add a mistake. text NULL: null. origin->name is copied. */
void config_store(struct config_build *build, const struct config_row *row, const char *text,
                  const struct config_origin *origin);
/* LIST: removes the items of an earlier source, then items are added. */
void config_store_list_start(struct config_build *build, const struct config_row *row,
                             const struct config_origin *origin);
void config_store_item(struct config_build *build, const struct config_row *row, const char *text,
                       const struct config_origin *origin);
/* MAP: one entry; NULL removes it. */
void config_store_entry(struct config_build *build, const struct config_row *row, const char *name,
                        const char *value, const struct config_origin *origin);
/* A list as one text, separated by commas: the default, an environment variable or --set. */
void config_store_list_text(struct config_build *build, const struct config_row *row,
                            const char *text, const struct config_origin *origin);

/* The sources. Mistakes go to build->problems. */
void config_read_file(struct config_build *build);
/* The same from bytes; build->path is their name in mistakes. */
void config_read_yaml(struct config_build *build, struct slice text);
void config_read_environment(struct config_build *build, char *const *environment);
void config_read_sets(struct config_build *build, const char *const *sets, size_t count);

#endif
