/* cmd_spool.c: `vsocd spool`: reads its arguments and selects the verb. Main thread. Does not read
 * the spool itself. */
#include "server/commands/spool/cmd_spool.h"
#include "server/commands/command.h"
#include "server/commands/spool/archive_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/hex.h"
#include "storage/spool/spool_segment.h"

static const struct {
    const char *name;
    int (*run)(const struct spool_command *command);
} verbs[] = {
    {"list", spool_list},
    {"check", spool_check},
    {"verify", spool_verify},
    {"export", spool_export},
};

bool spool_parse_position(const char *text, uint64_t *v)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || *text == '+')
        return false;
    *v = n;
    return true;
}

static bool has_segments(const char *dir)
{
    DIR *d = opendir(dir);
    bool has = false;
    uint64_t first;
    for (struct dirent *e; d && !has && (e = readdir(d));)
        has = spool_segment_parse_name(e->d_name, &first);
    if (d)
        closedir(d);
    return has;
}

bool spool_find_dir(const char *given, char dir[4096])
{
    char below[4096];
    struct stat st;
    int n = snprintf(below, sizeof below, "%s/spool", given);
    if (n < 0 || (size_t)n >= sizeof below)
        return false;
    bool use_below = !has_segments(given) && stat(below, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(dir, 4096, "%s", use_below ? below : given);
    return true;
}

static bool parse_hash(const char *hex, uint8_t hash[SHA256_BYTES])
{
    if (strlen(hex) != 2 * SHA256_BYTES)
        return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit_value(hex[2 * i]), low = hex_digit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* POSITION=HASH, the hash as `spool verify` prints it. */
static bool parse_expectation(struct spool_command *command, const char *text)
{
    char position[24];
    const char *hash = strchr(text, '=');
    if (!hash || (size_t)(hash - text) >= sizeof position)
        return false;
    struct spool_expectation *e = &command->expected[command->expected_count++];
    snprintf(position, sizeof position, "%.*s", (int)(hash - text), text);
    return spool_parse_position(position, &e->position) && parse_hash(hash + 1, e->chain_hash);
}

/* NULL, or what is wrong with the value. */
static const char *parse_value(struct spool_command *command, const char *name, const char *value)
{
    if (!strcmp(name, "-c") || !strcmp(name, "--set")) {
        if (command->settings_count == 2 * SPOOL_SETTINGS_MAX)
            return "is given too often";
        command->settings[command->settings_count++] = name;
        command->settings[command->settings_count++] = value;
        return NULL;
    }
    if (!strcmp(name, "--from"))
        return spool_parse_position(value, &command->from) ? NULL : "needs a position: a number";
    if (!strcmp(name, "--to"))
        return spool_parse_position(value, &command->to) ? NULL : "needs a position: a number";
    if (!strcmp(name, "--expect")) {
        if (command->expected_count == SPOOL_EXPECTED_MAX)
            return "is given too often";
        return parse_expectation(command, value) ? NULL
                                                 : "needs POSITION=HASH, the hash in 64 hex digits";
    }
    if (!strcmp(name, "--head")) {
        if (command->head_count == SPOOL_HEADS_MAX)
            return "is given too often";
        command->heads[command->head_count++] = value;
        return NULL;
    }
    if (!strcmp(name, "--verifier"))
        command->verifier = value;
    else if (!strcmp(name, "--evidence"))
        command->evidence = value;
    else if (!strcmp(name, "--keys"))
        command->keys = value;
    else
        command->bodies = value;
    return NULL;
}

/* The option at argv[*i]; advances *i to its value. NULL, or what is wrong with it. */
static const char *parse_option(struct spool_command *command, char **argv, int *i)
{
    static const char *const valued[] = {"-c",         "--set",     "--from", "--to",
                                         "--expect",   "--bodies",  "--keys", "--head",
                                         "--verifier", "--evidence"};
    const char *name = argv[*i], *value = argv[*i + 1];
    if (!strcmp(name, "--json")) {
        command->json = true;
        return NULL;
    }
    if (!strcmp(name, "--reparse")) {
        command->reparse = true;
        return NULL;
    }
    for (size_t k = 0; k < sizeof valued / sizeof *valued; k++)
        if (!strcmp(name, valued[k])) {
            if (!value)
                return "needs a value";
            (*i)++;
            return parse_value(command, name, value);
        }
    return "is not an option of this command";
}

/* A wrong call: prints the error before the help. */
static int wrong_use(const char *word, const char *why)
{
    fprintf(stderr, "vsocd spool: %.200s %s\n", word, why);
    return command_usage("spool");
}

int cmd_spool(int argc, char **argv)
{
    struct spool_command command = {.to = UINT64_MAX};
    const char *verb = argc > 1 ? argv[1] : "", *dir = NULL;
    if (!strcmp(verb, "replay"))
        return spool_replay(argc, argv);
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i], *why = NULL;
        if (word[0] == '-')
            why = parse_option(&command, argv, &i);
        else if (dir)
            why = "is a second folder; name only one";
        else
            dir = word;
        if (why)
            return wrong_use(word, why);
    }
    for (size_t i = 0; dir && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verb, verbs[i].name)) {
            bool opens = verbs[i].run == spool_export || verbs[i].run == spool_verify;
            if ((command.bodies && verbs[i].run != spool_export) ||
                ((command.expected_count || command.head_count || command.verifier ||
                  command.reparse) &&
                 verbs[i].run != spool_verify) ||
                ((command.settings_count || command.keys) && !opens))
                return wrong_use(
                    verb,
                    "does not take one of these options: --bodies is for "
                    "export, --expect, --head, --verifier and --reparse are for verify, --keys, -c "
                    "and --set for both");
            command.is_archive = spool_is_archive(dir);
            if (command.is_archive) {
                const struct archive_want want = {.url = dir,
                                                  .evidence_dir = command.evidence,
                                                  .from = command.from,
                                                  .to = command.to,
                                                  .from_ns = INT64_MIN,
                                                  .to_ns = INT64_MAX};
                int code = spool_archive_fetch(&want, command.dir);
                return code == EXIT_DONE ? verbs[i].run(&command) : code;
            }
            if (!spool_find_dir(dir, command.dir)) {
                fprintf(stderr, "vsocd: %.200s…: the path is too long\n", dir);
                return EXIT_USAGE;
            }
            return verbs[i].run(&command);
        }
    if (!verb[0])
        return command_wrong("spool", "say what to do: list, check, export, verify or replay");
    return dir ? wrong_use(verb, "is not list, check, export, verify or replay")
               : wrong_use(verb, "needs DIR: data_dir or the spool directory in it");
}
