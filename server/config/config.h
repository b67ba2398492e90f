/* config.h: the settings, loaded from file, environment and command line, renewed and freed. */
#ifndef VSOC_SERVER_CONFIG_H
#define VSOC_SERVER_CONFIG_H

#include "core/slice.h"
#include "core/status.h"
#include "server/config/config_types.h"

struct config_build;

/* What only those who know the meaning of settings can do; server/daemon/config_check.h has it. */
struct config_checks {
    /* *_file settings, paths, and what no single row can say. files false: it does not look
     * whether files that settings name can be read. */
    void (*check)(struct config_build *build, bool files);
    /* The files of tokens and senders into build->config, and out of a config. */
    void (*read_credentials)(struct config_build *build);
    void (*forget_credentials)(struct config *config);
    bool files; /* what check gets, when the file of settings can be read */
};

/* Thread of all below: any but a worker (files are read).
 *
 * Defaults < file < environment (VSOCD_LISTEN__INGEST__ADDRESS) < sets ("listen.ingest.address=…").
 * Reads *_file settings and checks what rows can't say (both needed, files readable). CONFIG with
 * every mistake in *problems; a status of status_is_passing(), with the same, when a file could not
 * be read for a reason that may pass. *out untouched then. path NULL: no file. */
enum status config_load(const char *path, const char *const *sets, size_t set_count,
                        char *const *environment, const struct config_checks *checks,
                        struct config **out, struct config_problems *problems) must_check;
/* The rows alone, from bytes: no environment, no file is touched, settings are not checked against
 * each other. For the fuzz target. */
enum status config_from_text(struct slice yaml, const char *const *sets, size_t set_count,
                             struct config **out, struct config_problems *problems) must_check;
/* The same settings with the files of tokens and senders read anew. CONFIG with every mistake in
 * *problems, NO_MEMORY; *out untouched. Thread: main, which destroys both. */
enum status config_renew(struct config *config, struct config **out,
                         struct config_problems *problems) must_check;
/* NULL is allowed. */
void config_destroy(struct config *config);
/* First key that differs and is not reloadable, or NULL. */
const char *config_needs_restart(const struct config *old_config, const struct config *new_config);

#endif
