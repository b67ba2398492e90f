/* cmd_witness.c: `vsocd witness`: cosigns the heads of other people's logs. Main thread, one loop.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "server/commands/command.h"
#include "server/files/signing_key.h"
#include "server/files/trusted_file.h"
#include "server/net/listener.h"
#include "server/tls/tls.h"
#include "server/witness/witness_http.h"
#include "storage/evidence/signer/key_file.h"

#define LOG_COMPONENT "witness"
#include "core/log/log.h"

#define LISTEN_DEFAULT "[::]:9610"
#define KEY_NAME       "witness.key"
#define TEXT_BYTES     ((size_t)64 << 10)

struct witness_command {
    const char *listen, *state, *name, *key, *certificate, *tls_key;
    struct note_verifier *logs;
    size_t log_count;
    struct note_secret secret;
    struct witness_store *store;
    struct witness *witness;
    struct tls_context *tls;
    struct event_base *base;
    struct event *on_term, *on_int;
    struct witness_http *http;
    int listen_fd;
};

static int fail(const char *problem)
{
    fprintf(stderr, "vsocd witness: %s\n", problem);
    return EXIT_FAILED;
}

static enum status add_log(struct witness_command *c, struct slice text, struct problem *problem)
{
    struct note_verifier v;
    enum status s = note_verifier_parse(text, &v);
    if (s == STATUS_OK && v.algorithm == NOTE_COSIGNATURE)
        s = STATUS_UNSUPPORTED;
    if (s == STATUS_OK && c->log_count == WITNESS_LOGS_MAX)
        s = STATUS_TOO_MANY;
    if (s != STATUS_OK) {
        problem_say(problem, "'%.*s' is no verifier key of a log (NAME+ID+BASE64): %s",
                    SLICE_ARGS(slice_sub(text, 0, 200)), status_text(s));
        return s;
    }
    struct note_verifier *more = realloc(c->logs, (c->log_count + 1) * sizeof *more);
    if (!more) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    c->logs = more;
    c->logs[c->log_count++] = v;
    return STATUS_OK;
}

/* One key a line; empty lines and lines that begin with # are skipped. */
static enum status add_lines(struct witness_command *c, struct slice text, struct problem *problem)
{
    enum status s = STATUS_OK;
    while (text.size && s == STATUS_OK) {
        const uint8_t *end = slice_find_byte(text, '\n');
        size_t size = end ? (size_t)(end - text.data) : text.size;
        struct slice line = slice_trim(slice_sub(text, 0, size));
        text = slice_sub(text, end ? size + 1 : size, text.size);
        if (line.size && line.data[0] != '#')
            s = add_log(c, line, problem);
    }
    return s;
}

/* A key, or a file of keys: only a key has plus signs around its number. */
static enum status read_log(struct witness_command *c, const char *text, struct problem *problem)
{
    struct note_verifier v;
    struct writer bytes;
    struct problem why;
    if (note_verifier_parse(slice_from_text(text), &v) == STATUS_OK)
        return add_log(c, slice_from_text(text), problem);
    enum status s = trusted_file_read(text, TRUSTED_PUBLIC, &bytes, &why);
    if (s == STATUS_OK)
        s = add_lines(c, writer_slice(&bytes), problem);
    else if (s == STATUS_NOT_FOUND)
        problem_say(problem, "--log %.300s is neither a verifier key nor a file of keys", text);
    else
        problem_say(problem, "%.200s %.200s", text, why.text);
    writer_fini(&bytes);
    return s;
}

static int read_options(int argc, char **argv, struct witness_command *c)
{
    struct problem problem;
    for (int i = 1; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--listen")    ? &c->listen
                             : !strcmp(argv[i], "--state")   ? &c->state
                             : !strcmp(argv[i], "--name")    ? &c->name
                             : !strcmp(argv[i], "--key")     ? &c->key
                             : !strcmp(argv[i], "--cert")    ? &c->certificate
                             : !strcmp(argv[i], "--tls-key") ? &c->tls_key
                                                             : NULL;
        bool log = !strcmp(argv[i], "--log");
        if ((!value && !log) || ++i == argc)
            return command_wrong("witness", "an option is unknown or has no value");
        if (value)
            *value = argv[i];
        else if (read_log(c, argv[i], &problem) != STATUS_OK)
            return fail(problem.text);
    }
    if (!c->state || !c->log_count)
        return command_wrong("witness", "it needs --state and at least one --log");
    if (!c->certificate != !c->tls_key)
        return command_wrong("witness", "--cert and --tls-key go together");
    return EXIT_DONE;
}

/* The key of the file, which is made at the first start. */
static enum status open_key(struct witness_command *c, struct problem *problem)
{
    char path[PATH_MAX];
    struct note_verifier made;
    if ((size_t)snprintf(path, sizeof path, "%s/" KEY_NAME, c->state) >= sizeof path)
        path[0] = 0;
    const char *key = c->key ? c->key : path;
    if (access(key, F_OK) != 0 && errno == ENOENT) {
        if (!c->name) {
            problem_say(problem, "%s does not exist: --name NAME makes it at the first start", key);
            return STATUS_NOT_FOUND;
        }
        enum status s =
            key_file_make(key, slice_from_text(c->name), NOTE_COSIGNATURE, &made, problem);
        if (s != STATUS_OK)
            return s;
    }
    enum status s = signing_key_read(key, &c->secret, problem);
    if (s != STATUS_OK)
        return s;
    if (c->secret.verifier.algorithm != NOTE_COSIGNATURE) {
        problem_say(problem, "%s is the key of a log: a witness has a key of its own", key);
        return STATUS_CONFIG;
    }
    if (c->name && strcmp(c->name, c->secret.verifier.name) != 0) {
        problem_say(problem, "%s is the key of %s, not of %s", key, c->secret.verifier.name,
                    c->name);
        return STATUS_CONFIG;
    }
    return STATUS_OK;
}

static enum status open_tls(struct witness_command *c, struct problem *problem)
{
    const struct tls_settings settings = {
        .certificate = c->certificate, .key = c->tls_key, .client_auth = CLIENT_AUTH_OFF};
    return c->certificate ? tls_context_create(&settings, &c->tls, problem) : STATUS_OK;
}

static enum status open_parts(struct witness_command *c, char *bound, struct problem *problem)
{
    enum status s = witness_store_open(c->state, &c->store, problem);
    if (s == STATUS_OK)
        s = open_key(c, problem);
    if (s == STATUS_OK) {
        const struct witness_options options = {&c->secret, c->store, c->logs, c->log_count};
        s = witness_create(&options, &c->witness, problem);
    }
    if (s == STATUS_OK)
        s = open_tls(c, problem);
    if (s == STATUS_OK)
        s = listener_bind(c->listen ? c->listen : LISTEN_DEFAULT, &c->listen_fd, bound, problem);
    return s;
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    event_base_loopexit(arg, NULL);
}

static enum status open_loop(struct witness_command *c)
{
    c->base = event_base_new();
    c->on_term = c->base ? evsignal_new(c->base, SIGTERM, on_stop, c->base) : NULL;
    c->on_int = c->base ? evsignal_new(c->base, SIGINT, on_stop, c->base) : NULL;
    if (!c->on_term || !c->on_int || event_add(c->on_term, NULL) != 0 ||
        event_add(c->on_int, NULL) != 0)
        return STATUS_NO_MEMORY;
    const struct witness_http_options options = {c->base, c->listen_fd, c->tls, c->witness};
    return witness_http_create(&options, &c->http);
}

/* What its operator must pass on. */
static void print_ready(const struct witness_command *c, const char *bound)
{
    struct writer key;
    writer_init(&key, TEXT_BYTES);
    note_verifier_write(&key, &c->secret.verifier);
    printf("witness %s listens on %s%s\nverifier key, for the operators of the logs and for those "
           "who check:\n%.*s\n",
           c->secret.verifier.name, c->tls ? "https://" : "http://", bound,
           SLICE_ARGS(writer_slice(&key)));
    fflush(stdout);
    writer_fini(&key);
}

static void close_parts(struct witness_command *c)
{
    witness_http_destroy(c->http);
    if (c->on_term)
        event_free(c->on_term);
    if (c->on_int)
        event_free(c->on_int);
    if (c->base)
        event_base_free(c->base);
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    tls_context_release(c->tls);
    witness_destroy(c->witness);
    witness_store_close(c->store);
    note_secret_wipe(&c->secret);
    free(c->logs);
}

int cmd_witness(int argc, char **argv)
{
    struct witness_command c = {.listen_fd = -1};
    char bound[LISTENER_ADDRESS_BYTES];
    struct problem problem = {""};
    thread_set_role(THREAD_MAIN);
    int code = read_options(argc, argv, &c);
    enum status s = STATUS_OK;
    if (code == EXIT_DONE) {
        log_configure(LOG_INFO, LOG_PLAIN);
        s = open_parts(&c, bound, &problem);
        if (s == STATUS_OK && (s = open_loop(&c)) != STATUS_OK)
            problem_say(&problem, "%s", status_text(s));
        if (s != STATUS_OK)
            code = fail(problem.text);
    }
    if (code == EXIT_DONE) {
        print_ready(&c, bound);
        event_base_dispatch(c.base);
    }
    close_parts(&c);
    return code;
}
