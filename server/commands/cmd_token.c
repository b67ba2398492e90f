/* cmd_token.c: `vsocd token`: creates, lists and revokes the bearer tokens of identity.tokens_file.
 * Main thread. A running server watches the file, so this command does not notify it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/problem.h"
#include "core/event/event_json.h"
#include "server/audit/audit_text.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/identity/tokens.h"
#include "core/disk/folder.h"

#define FILE_BYTES_MAX  ((size_t)64 << 20)
#define COUNT_MAX       1000000000ULL
#define TIME_TEXT_BYTES 40

struct token_command {
    const char *file, *id, *tenant, *formats, *vehicles, *events_per_second, *burst;
    bool json;
    char path[PATH_MAX];
    struct config *config; /* of -c; NULL: none was given */
    int folder_fd;         /* locked while the file is changed */
    struct tokens *tokens;
};

static int fail(const struct token_command *c, const char *problem)
{
    fprintf(stderr, "vsocd token: %s: %s\n", c->path, problem);
    return EXIT_FAILED;
}

/* One process at a time changes the file. The file is replaced, so its folder is locked. */
static bool lock(struct token_command *c)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", c->path);
    c->folder_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->folder_fd >= 0 && flock(c->folder_fd, LOCK_EX) == 0;
}

/* A missing file holds no token. */
static int load(struct token_command *c, bool to_change)
{
    struct problem problem;
    if (to_change && !lock(c))
        return fail(c, strerror(errno));
    enum status s = tokens_load(c->path, &c->tokens, &problem);
    if (s == STATUS_NOT_FOUND && to_change && (c->tokens = tokens_create()))
        return EXIT_DONE;
    return s == STATUS_OK ? EXIT_DONE : fail(c, problem.text);
}

/* Owner and mode are kept; only its creator can access a new file. */
static bool keep_rights(const struct token_command *c, int fd)
{
    struct stat old;
    if (stat(c->path, &old) != 0)
        return true;
    bool own = fchown(fd, old.st_uid, old.st_gid) == 0 || errno == EPERM;
    return own && fchmod(fd, old.st_mode & 07777) == 0;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno != EINTR)
            return false;
        bytes = slice_sub(bytes, n > 0 ? (size_t)n : 0, bytes.size);
    }
    return true;
}

static int save(const struct token_command *c)
{
    char fresh[PATH_MAX + 8];
    struct writer text;
    writer_init(&text, FILE_BYTES_MAX);
    tokens_write(c->tokens, &text);
    snprintf(fresh, sizeof fresh, "%s.XXXXXX", c->path);
    int fd = text.status == STATUS_OK ? mkostemp(fresh, O_CLOEXEC) : -1;
    bool good = fd >= 0 && keep_rights(c, fd) && write_all(fd, writer_slice(&text)) &&
                fsync(fd) == 0 && rename(fresh, c->path) == 0 && folder_sync(c->path) == STATUS_OK;
    int code = good ? EXIT_DONE : fail(c, strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (!good)
            unlink(fresh);
    }
    writer_fini(&text);
    return code;
}

/* Before the file changes. False: it must not. */
static bool record(const struct token_command *c, enum audit_kind kind, const struct token *t)
{
    char credential[160], tenant[160];
    struct problem problem;
    bool recorded = false;
    snprintf(credential, sizeof credential, "token:%.*s", SLICE_ARGS(t->id));
    snprintf(tenant, sizeof tenant, "%.*s", SLICE_ARGS(t->tenant));
    const struct audit_field fields[] = {AUDIT_TEXT(credential, credential),
                                         AUDIT_TEXT(tenant, tenant), AUDIT_TEXT(file, c->path)};
    if (c->config &&
        command_audit_if_kept(c->config, kind, fields, 3, &recorded, &problem) != STATUS_OK) {
        fprintf(stderr, "vsocd token: %s\n", problem.text);
        return false;
    }
    if (!recorded)
        fputs(c->config
                  ? "There is no spool yet, so this is not in the audit log.\n"
                  : "Without -c this command is not in the audit log; a running server records "
                    "that the file has changed.\n",
              stderr);
    return true;
}

static struct slice time_now(char text[TIME_TEXT_BYTES])
{
    struct writer w;
    writer_init(&w, TIME_TEXT_BYTES);
    event_json_write_time(&w, clock_wall_ns());
    struct slice quoted = writer_slice(&w);
    snprintf(text, TIME_TEXT_BYTES, "%.*s", (int)(quoted.size > 2 ? quoted.size - 2 : 0),
             (const char *)quoted.data + 1);
    writer_fini(&w);
    return slice_from_text(text);
}

static bool read_count(const char *text, uint64_t *out)
{
    char *end;
    *out = 0;
    if (!text)
        return true;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return *text >= '0' && *text <= '9' && !*end && !errno && n <= COUNT_MAX;
}

static struct slice random_id(char text[9])
{
    uint8_t bytes[4];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return slice_make(text, 8);
}

static int token_new(struct token_command *c)
{
    char secret[2 * TOKEN_SECRET_BYTES + 1], id[9], created[TIME_TEXT_BYTES];
    struct token t = {
        .id = c->id ? slice_from_text(c->id) : random_id(id),
        .tenant = slice_from_text(c->tenant),
        .formats = slice_from_text(c->formats),
        .vehicles = slice_from_text(c->vehicles),
        .created = time_now(created),
    };
    /* An empty shell variable must not mean "all". */
    bool is_empty = (c->formats && !*c->formats) || (c->vehicles && !*c->vehicles);
    if (!c->tenant)
        return command_wrong("token", "new needs --tenant NAME");
    if (is_empty)
        return command_wrong("token",
                             "--formats or --vehicles is empty; leave the option out for all");
    uint8_t clean[AUDIT_TEXT_BYTES];
    if (!slice_equal(audit_text_clean(t.id, clean), t.id))
        return command_wrong("token", "--id looks like a VIN: it is shown in logs and in the "
                                      "audit log, so choose another id");
    if (!read_count(c->events_per_second, &t.events_per_second) || !read_count(c->burst, &t.burst))
        return command_wrong(
            "token", "--events-per-second and --burst take a whole number up to 1000000000");
    token_renew(&t, secret);
    int code = load(c, true);
    if (code != EXIT_DONE)
        return code;
    enum status s = tokens_add(c->tokens, &t);
    if (s == STATUS_EXISTS)
        return fail(c, "a token with this id exists; choose another");
    if (s == STATUS_OUT_OF_RANGE)
        return fail(c, "an id has letters, digits, - and _; formats are names separated by commas; "
                       "a tenant is text of at most 128 bytes; vehicles are VINs, or prefixes such "
                       "as 1M8*, separated by commas");
    if (s == STATUS_OK && !record(c, AUDIT_token_created, &t))
        return EXIT_FAILED;
    code = s == STATUS_OK ? save(c) : fail(c, status_text(s));
    if (code != EXIT_DONE)
        return code;
    printf("%.*s.%s\n", SLICE_ARGS(t.id), secret);
    fputs("This is the token; it is not stored and not shown again. A running server accepts it "
          "within seconds.\n",
          stderr);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int token_revoke(struct token_command *c)
{
    char now[TIME_TEXT_BYTES];
    if (!c->id)
        return command_wrong("token", "revoke needs --id ID");
    int code = load(c, true);
    if (code != EXIT_DONE)
        return code;
    struct token *t = tokens_find(c->tokens, slice_from_text(c->id));
    if (!t)
        return fail(c, "no token with this id; `vsocd token list` shows all");
    if (t->revoked.size)
        return EXIT_DONE;
    if (!record(c, AUDIT_token_revoked, t))
        return EXIT_FAILED;
    t->revoked = time_now(now);
    code = save(c);
    if (code == EXIT_DONE)
        fputs("A running server refuses it within seconds.\n", stderr);
    return code;
}

static void write_json(struct writer *w, const struct token *t)
{
    writer_text(w, "{\"id\":");
    writer_json_string(w, t->id);
    writer_text(w, ",\"tenant\":");
    writer_json_string(w, t->tenant);
    writer_text(w, ",\"formats\":");
    writer_json_string(w, t->formats);
    writer_text(w, ",\"vehicles\":");
    writer_json_string(w, t->vehicles);
    writer_format(w, ",\"events_per_second\":%llu,\"burst\":%llu,\"created\":",
                  (unsigned long long)t->events_per_second, (unsigned long long)t->burst);
    writer_json_string(w, t->created);
    writer_text(w, ",\"revoked\":");
    writer_json_string(w, t->revoked);
    writer_text(w, "}\n");
}

static int token_list(struct token_command *c)
{
    int code = load(c, false);
    if (code != EXIT_DONE)
        return code;
    struct writer w;
    writer_init(&w, FILE_BYTES_MAX);
    for (size_t i = 0; i < tokens_count(c->tokens); i++) {
        const struct token *t = tokens_at(c->tokens, i);
        if (c->json)
            write_json(&w, t);
        else
            writer_format(&w, "%-24.*s %-20.*s %-20.*s %s%.*s\n", SLICE_ARGS(t->id),
                          SLICE_ARGS(t->tenant),
                          SLICE_ARGS(t->formats.size ? t->formats : SLICE_LITERAL("all formats")),
                          t->revoked.size ? "revoked " : "created ",
                          SLICE_ARGS(t->revoked.size ? t->revoked : t->created));
    }
    bool good = w.status == STATUS_OK && fwrite(w.data, 1, w.size, stdout) == w.size;
    writer_fini(&w);
    return good && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* The file of --file, or of the settings. */
static int find_file(int argc, char **argv, struct token_command *c)
{
    const struct config_cli_option options[] = {
        {"--file", NULL, &c->file},
        {"--id", NULL, &c->id},
        {"--tenant", NULL, &c->tenant},
        {"--formats", NULL, &c->formats},
        {"--burst", NULL, &c->burst},
        {"--events-per-second", NULL, &c->events_per_second},
        {"--json", &c->json, NULL},
        {"--vehicles", NULL, &c->vehicles},
        {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    struct config *config = NULL;
    int code = config_cli_load(argc, argv, &spec, &cli, &config);
    if (code != EXIT_DONE)
        return code;
    const char *path = c->file ? c->file : config->identity_tokens_file;
    if (!path)
        fputs("vsocd token: name the file: --file FILE, or identity.tokens_file in the settings\n",
              stderr);
    else
        snprintf(c->path, sizeof c->path, "%s", path);
    if (cli.path)
        c->config = config;
    else
        config_destroy(config);
    return path ? EXIT_DONE : EXIT_USAGE;
}

int cmd_token(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct token_command *command);
    } verbs[] = {{"new", token_new}, {"list", token_list}, {"revoke", token_revoke}};
    struct token_command c = {.folder_fd = -1};
    int (*run)(struct token_command * command) = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            run = verbs[i].run;
    if (!run)
        return command_wrong("token", "say what to do: new, list or revoke");
    argv[1] = argv[0];
    int code = find_file(argc - 1, argv + 1, &c);
    if (code == EXIT_DONE)
        code = run(&c);
    tokens_destroy(c.tokens);
    config_destroy(c.config);
    if (c.folder_fd >= 0)
        close(c.folder_fd);
    return code;
}
