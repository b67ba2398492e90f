/* cmd_signer.c: `vsocd signer`: the process that holds the key of heads and signs only what
 * continues what it has signed. Main thread. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "core/thread.h"
#include "core/wait/wake.h"
#include "server/commands/command.h"
#include "server/commands/systemd.h"
#include "server/files/signing_key.h"
#include "storage/evidence/signer/sign_channel.h"
#include "storage/evidence/signer/sign_server.h"

#define LOG_COMPONENT "signer"
#include "core/log/log.h"

#define PEERS_MAX 16

struct signer_command {
    const char *key, *origin, *socket, *state;
    bool first;
    uid_t peers[PEERS_MAX];
    size_t peer_count;
    struct signing_key opened;
    struct sign_state *signed_state;
    int listen_fd;
    bool is_inherited; /* the service manager's socket */
};

/* What a signal handler can reach. */
static int stop_fd = -1;

static void on_stop_signal(int number)
{
    (void)number;
    wake_send(stop_fd);
}

static int fail(const struct problem *problem, enum status status)
{
    fprintf(stderr, "vsocd signer: %s\n", problem->text);
    return status == STATUS_CORRUPT || status == STATUS_IO || status == STATUS_NO_SPACE
               ? EXIT_DISK
               : EXIT_FAILED;
}

/* A user name, or a number. */
static bool add_peer(struct signer_command *c, const char *text)
{
    char *end;
    const struct passwd *user = getpwnam(text);
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    bool is_number = *text >= '0' && *text <= '9' && !*end && !errno && number < UINT32_MAX;
    if (c->peer_count == PEERS_MAX || (!user && !is_number))
        return false;
    c->peers[c->peer_count++] = user ? user->pw_uid : (uid_t)number;
    return true;
}

static int read_options(int argc, char **argv, struct signer_command *c)
{
    for (int i = 1; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--key")      ? &c->key
                             : !strcmp(argv[i], "--origin") ? &c->origin
                             : !strcmp(argv[i], "--socket") ? &c->socket
                             : !strcmp(argv[i], "--state")  ? &c->state
                                                            : NULL;
        if (!strcmp(argv[i], "--first")) {
            c->first = true;
        } else if (!strcmp(argv[i], "--peer") && i + 1 < argc) {
            if (!add_peer(c, argv[++i]))
                return command_wrong("signer", "--peer takes a user's name or number, 16 at most");
        } else if (value && i + 1 < argc) {
            *value = argv[++i];
        } else {
            return command_wrong("signer", "an option is unknown or has no value");
        }
    }
    if (!c->key || !c->state)
        return command_wrong("signer", "it needs --key and --state");
    if (!c->peer_count)
        c->peers[c->peer_count++] = geteuid();
    return EXIT_DONE;
}

/* The key must not get into a core file, or to another process of this user. */
static void guard_memory(void)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_warn("core files can't be disabled", LOG_TEXT("error", strerror(errno)));
}

static enum status open_socket(struct signer_command *c, struct problem *problem)
{
    c->listen_fd = systemd_listen_fd();
    c->is_inherited = c->listen_fd >= 0;
    if (c->is_inherited)
        return STATUS_OK;
    if (c->socket)
        return sign_channel_listen(c->socket, &c->listen_fd, problem);
    problem_say(problem, "it needs --socket PATH, or a socket of the service manager");
    return STATUS_CONFIG;
}

static enum status open_parts(struct signer_command *c, struct problem *problem)
{
    enum status status = signing_key_open(c->key, c->origin, &c->opened, problem);
    if (status == STATUS_OK) {
        const char *origin = signing_key_signer(&c->opened).verifier->name;
        status =
            sign_state_open(c->state, slice_from_text(origin), c->first, &c->signed_state, problem);
    }
    return status == STATUS_OK ? open_socket(c, problem) : status;
}

static void close_parts(struct signer_command *c)
{
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    if (c->listen_fd >= 0 && !c->is_inherited)
        unlink(c->socket);
    sign_state_close(c->signed_state);
    signing_key_close(&c->opened);
}

static int run(struct signer_command *c)
{
    const struct sign_server server = {.key = signing_key_signer(&c->opened),
                                       .state = c->signed_state,
                                       .peers = c->peers,
                                       .peer_count = c->peer_count};
    struct sigaction stop = {.sa_handler = on_stop_signal};
    stop_fd = wake_open();
    if (stop_fd < 0 || sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0)
        return EXIT_FAILED;
    log_info("the signer listens", LOG_TEXT("origin", server.key.verifier->name),
             LOG_U64("leaves_signed", sign_state_head(c->signed_state)->size));
    systemd_notify("READY=1");
    sign_server_run(&server, c->listen_fd, stop_fd);
    systemd_notify("STOPPING=1");
    log_info("the signer stops");
    return EXIT_DONE;
}

int cmd_signer(int argc, char **argv)
{
    struct signer_command c = {.listen_fd = -1};
    struct problem problem;
    thread_set_role(THREAD_MAIN);
    int code = read_options(argc, argv, &c);
    if (code != EXIT_DONE)
        return code;
    guard_memory();
    enum status status = open_parts(&c, &problem);
    code = status == STATUS_OK ? run(&c) : fail(&problem, status);
    close_parts(&c);
    return code;
}
