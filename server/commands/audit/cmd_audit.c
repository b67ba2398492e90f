/* cmd_audit.c: `vsocd audit`: reads its arguments and selects the verb. Main thread. Does not read
 * the spool itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/reasons/audit_kind.h"
#include "parsers/read/timestamp.h"
#include "server/commands/audit/audit_command.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"
#include "storage/spool/batch.h"

static const struct {
    const char *name;
    int (*run)(const struct audit_command *command);
} verbs[] = {{"list", audit_list}, {"follow", audit_follow}, {"verify", audit_verify}};

static int wrong_use(const char *why)
{
    return command_wrong("audit", why);
}

/* A position, or an RFC 3339 time. False: neither. */
static bool read_bound(const char *text, uint64_t *position, int64_t *ns)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno) {
        *position = n;
        return true;
    }
    return timestamp_rfc3339(slice_from_text(text), ns) == STATUS_OK;
}

static bool is_kind(const char *name)
{
    for (uint8_t kind = BATCH_KIND_RETIREMENT; kind <= BATCH_KIND_MAX; kind++)
        if (!strcmp(name, batch_kind_text(kind)))
            return true;
    return audit_kind_find(slice_from_text(name)) != AUDIT_KIND_COUNT;
}

static bool find_dir(const char *given, char dir[4096])
{
    int n = snprintf(dir, 4096, "%s/spool", given);
    if (n < 0 || n >= 4096)
        return false;
    if (access(dir, F_OK) != 0)
        snprintf(dir, 4096, "%s", given);
    return true;
}

/* The directory comes from the settings. */
static int load_dir(int argc, char **argv, const struct config_cli_spec *spec,
                    struct audit_command *command)
{
    struct config_cli cli;
    struct config *config;
    int code = config_cli_load(argc, argv, spec, &cli, &config);
    if (code != EXIT_DONE)
        return code;
    if (!command->dir[0] && !find_dir(config->data_dir, command->dir))
        code = wrong_use("the path of data_dir is too long");
    if (cli.path || cli.set_count)
        snprintf(command->keys, sizeof command->keys, "%s", config->privacy_keys_file);
    config_destroy(config);
    return code;
}

int cmd_audit(int argc, char **argv)
{
    struct audit_command command = {
        .to_position = UINT64_MAX, .from_ns = INT64_MIN, .to_ns = INT64_MAX};
    const char *verb = argc > 1 ? argv[1] : "", *from = NULL, *to = NULL;
    const struct config_cli_option options[] = {{"--from", NULL, &from},
                                                {"--to", NULL, &to},
                                                {"--kind", NULL, &command.kind},
                                                {"--json", &command.json, NULL},
                                                {"--head", NULL, &command.head},
                                                {"--verifier", NULL, &command.verifier},
                                                {NULL, NULL, NULL}};
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    size_t at = 0;
    while (at < sizeof verbs / sizeof *verbs && strcmp(verb, verbs[at].name))
        at++;
    if (at == sizeof verbs / sizeof *verbs)
        return wrong_use("say what to do: list, follow or verify");
    argv++, argc--;
    if (argc > 1 && argv[1][0] != '-') {
        if (!find_dir(argv[1], command.dir))
            return wrong_use("the path of DIR is too long");
        argv++, argc--;
    }
    argv[0] = (char *)(uintptr_t) "audit";
    int code = load_dir(argc, argv, &spec, &command);
    if (code != EXIT_DONE)
        return code;
    log_configure(LOG_WARN, LOG_PLAIN);
    if ((from && !read_bound(from, &command.from_position, &command.from_ns)) ||
        (to && !read_bound(to, &command.to_position, &command.to_ns)))
        return wrong_use("--from and --to take a position, or a time such as 2026-11-22T10:15:02Z");
    if (command.kind && !is_kind(command.kind))
        return wrong_use("there is no such kind: docs/audit.md lists them");
    if ((command.head || command.verifier) && verbs[at].run != audit_verify)
        return wrong_use("--head and --verifier are of verify");
    return verbs[at].run(&command);
}
