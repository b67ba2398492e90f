/* cmd_identity.c: `vsocd identity explain CERT`: whether a handshake would accept a certificate
 * with these settings, which sender it belongs to, and why. Main thread. Connects to nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/writer.h"
#include "core/log/problem.h"
#include "server/identity/cert_file.h"
#include "server/identity/cert_names.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"
#include "server/identity/identity.h"
#include "server/identity/senders.h"
#include "server/tls/tls.h"
#include "server/tls/tls_check.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void print_slice(const char *what, struct slice text)
{
    printf("%-12s %.*s\n", what, SLICE_ARGS(text));
}

static void print_list(const char *what, const struct slice_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        print_slice(what, list->items[i]);
}

static void print_certificate(const struct http_peer *peer)
{
    print_slice("subject", peer->subject);
    print_slice("issuer", peer->issuer);
    print_slice("serial", peer->serial);
    print_slice("sha256", peer->fingerprint);
    print_list("san_uri", &peer->san_uri);
    print_list("san_dns", &peer->san_dns);
    print_list("other name", &peer->other_names);
}

static void print_may(const struct identity *id)
{
    if (id->vehicle.size)
        printf("%-12s its own vehicle; another VIN is vin_mismatch\n", "may name");
    else
        printf("%-12s %s\n", "may name",
               id->vehicles ? "the vehicles of its line" : "every vehicle of its tenant");
    print_slice("formats", id->formats.size ? id->formats : SLICE_LITERAL("all"));
    if (id->events_per_second)
        printf("%-12s %llu events per second\n", "quota",
               (unsigned long long)id->events_per_second);
}

static void print_time(const char *what, int64_t s)
{
    char text[32];
    struct tm tm;
    time_t time = (time_t)s;
    if (gmtime_r(&time, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        printf("%-12s %s\n", what, text);
}

static const char *state_of_crl(const struct config *config, const struct tls_check *check)
{
    if (!config->tls_crl)
        return "tls.crl is not set: no revocation check";
    if (check->result == TLS_RESULT_revoked && !check->denied)
        return "revoked";
    if (check->result != TLS_RESULT_ok)
        return check->result == TLS_RESULT_no_valid_crl
                   ? "no list of its issuer is valid now"
                   : "see chain: the certificate is refused for it";
    return "a valid list of its issuer does not name it";
}

/* 0: a handshake accepts it; 1: it does not. */
static int print_check(const struct config *config, const struct tls_check *check)
{
    printf("\n%-12s ", "chain");
    if (check->result != TLS_RESULT_ok)
        printf("refused: %s, %s\n", tls_result_text(check->result), check->problem.text);
    else
        printf("good: %u certificates up to one of tls.client_ca\n", check->chain_size);
    if (check->issuer_key[0])
        printf("%-12s %s\n", "issuer_key", check->issuer_key);
    print_time("valid from", check->begin_s);
    print_time("valid until", check->end_s);
    printf("%-12s clientAuth is %snamed (tls.client_eku: %s)\n", "key usage",
           check->has_client_eku ? "" : "not ",
           config->tls_client_eku == CLIENT_EKU_REQUIRED ? "required" : "optional");
    printf("%-12s %s\n", "crl", state_of_crl(config, check));
    if (check->crl_end_s != INT64_MAX)
        print_time("crl until", check->crl_end_s);
    printf("%-12s %s\n", "deny list",
           !config->tls_deny_list ? "tls.deny_list is not set"
           : check->denied        ? "it is on tls.deny_list"
                                  : "it is not on tls.deny_list");
    return check->result != TLS_RESULT_ok ? EXIT_FAILED : EXIT_DONE;
}

/* Prints the result of a handshake, with the server's own verification. */
static int check_chain(const char *path, struct x509_st *certificate, const struct config *config,
                       struct arena *arena, struct http_peer *peer)
{
    struct problem problem;
    struct tls_context *context = NULL;
    struct stack_st_X509 *sent = NULL;
    struct tls_settings settings = tls_settings_from_config(config);
    if (settings.client_auth == CLIENT_AUTH_OFF) {
        printf("\n%-12s not checked: tls.client_auth is off\n", "chain");
        return EXIT_DONE;
    }
    if (tls_context_create_verifier(&settings, &context, &problem) != STATUS_OK) {
        fprintf(stderr, "vsocd identity: %s\n", problem.text);
        return EXIT_CONFIG;
    }
    int code = EXIT_FAILED;
    if (!cert_file_read_chain(path, &sent)) {
        fprintf(stderr, "vsocd identity: %s: damaged after its first certificate\n", path);
    } else {
        struct tls_check check;
        tls_context_check(context, certificate, sent, &check);
        code = print_check(config, &check);
        if (arena_copy(arena, slice_from_text(check.issuer_key), &peer->issuer_key) != STATUS_OK)
            code = EXIT_FAILED;
    }
    cert_file_free_chain(sent);
    tls_context_release(context);
    return code;
}

/* 0: a known sender; 1: nobody. */
static int print_verdict(const struct http_peer *peer, const struct config *config,
                         struct arena *arena)
{
    struct identity id;
    struct refusal why;
    enum status s = identity_from_peer(peer, config, arena, &id, &why);
    if (s == STATUS_CONFLICT) {
        printf("\n%-12s nobody: 403 %s\n%-12s %s\n", "identity", why.code, "reason", why.detail);
        return EXIT_FAILED;
    }
    if (s != STATUS_OK) {
        fprintf(stderr, "vsocd identity: %s\n", status_text(s));
        return EXIT_FAILED;
    }
    if (id.vehicle.size)
        printf("\n%-12s vehicle %.*s\n%-12s a name has the form %s (identity.vehicle_from)\n",
               "identity", SLICE_ARGS(id.vehicle), "reason", config->identity_vehicle_from);
    else
        printf("\n%-12s sender %.*s\n%-12s its issuer and a name are those of that line of "
               "identity.senders_file\n",
               "identity", SLICE_ARGS(id.listed), "reason");
    print_slice("tenant", id.tenant);
    print_may(&id);
    identity_fini(&id);
    return EXIT_DONE;
}

static int explain(const char *path, struct config *config)
{
    struct problem problem;
    struct arena arena;
    struct http_peer peer = {.tls = true, .certificate = true};
    if (config->identity_senders_file &&
        senders_load(config->identity_senders_file, &config->senders, &problem) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", config->identity_senders_file, problem.text);
        return EXIT_CONFIG;
    }
    struct x509_st *certificate = cert_file_read(path);
    if (!certificate) {
        fprintf(stderr, "vsocd identity: %s: %s\n", path,
                access(path, R_OK) != 0 ? strerror(errno) : "holds no certificate in PEM or DER");
        return EXIT_FAILED;
    }
    arena_init(&arena, ARENA_BYTES);
    int code = EXIT_FAILED;
    if (cert_names_read(certificate, &arena, &peer) == STATUS_OK) {
        print_certificate(&peer);
        int taken = check_chain(path, certificate, config, &arena, &peer);
        code = taken == EXIT_CONFIG ? taken : print_verdict(&peer, config, &arena);
        code = taken == EXIT_DONE ? code : taken;
    }
    arena_fini(&arena);
    cert_file_free(certificate);
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}

int cmd_identity(int argc, char **argv)
{
    const struct config_cli_spec spec = {.without_files = true};
    struct config_cli cli;
    struct config *config = NULL;
    if (argc < 2 || strcmp(argv[1], "explain") != 0)
        return command_wrong("identity", "say what to do: explain CERT");
    if (argc < 3 || argv[2][0] == '-')
        return command_wrong("identity", "name the certificate's file after explain");
    const char *path = argv[2];
    argv[2] = argv[0];
    int code = config_cli_load(argc - 2, argv + 2, &spec, &cli, &config);
    if (code == EXIT_DONE)
        code = explain(path, config);
    config_destroy(config);
    return code;
}
