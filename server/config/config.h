/* config.h: the settings, loaded from file, environment and command line, renewed and freed. */
#ifndef VSOC_SERVER_CONFIG_H
#define VSOC_SERVER_CONFIG_H

#include "core/slice.h"
#include "core/status.h"
#include "server/config/config_types.h"

struct config_build;

/* What only those who know the meaning of settings can do; server/daemon/config_check.h has it. */
struct config_checks {
    /* *_file settings, paths, and checks across rows. files false: does not check whether files
     * that settings name can be read. */
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
 * every mistake in *problems; a status of status_is_passing(), also with *problems, if a file could
 * not be read for a temporary reason. *out is then unchanged. path NULL: no file. */
enum status config_load(const char *path, const char *const *sets, size_t set_count,
                        char *const *environment, const struct config_checks *checks,
                        struct config **out, struct config_problems *problems) must_check;
/* Only the rows, from bytes: reads no environment and no file, and does not check settings against
 * each other. For the fuzz target. */
enum status config_from_text(struct slice yaml, const char *const *sets, size_t set_count,
                             struct config **out, struct config_problems *problems) must_check;
/* The same settings with the token and sender files reloaded. CONFIG with every mistake in
 * *problems, NO_MEMORY; *out is then unchanged. Thread: main, which destroys both. */
enum status config_renew(struct config *config, struct config **out,
                         struct config_problems *problems) must_check;
/* NULL is allowed. */
void config_destroy(struct config *config);
/* The first key that differs and is not reloadable, or NULL. */
const char *config_needs_restart(const struct config *old_config, const struct config *new_config);

#endif
