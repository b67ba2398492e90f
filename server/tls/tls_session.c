/* tls_session.c: one TLS connection: its creation, the facts of its peer, why it failed, its end.
 * Runs on the connection's worker. tls_io.c moves its bytes. */
#include "server/tls/tls.h"
#include "core/log/problem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "server/identity/cert_names.h"
#include "server/tls/tls_context.h"

static int verification_index = -1;
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static void release_verification(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long l,
                                 void *p)
{
    struct tls_verification *v = (struct tls_verification *)data;
    (void)parent, (void)all, (void)index, (void)l, (void)p;
    if (!v)
        return;
    tls_context_release((struct tls_context *)(uintptr_t)v->context);
    tls_refused_destroy(v->refused);
    tls_ticket_data_fini(&v->ticket);
    free(v);
}

static void make_index(void)
{
    verification_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, release_verification);
    ensure(verification_index >= 0);
}

struct tls_verification *tls_session_verification(SSL *session)
{
    return (struct tls_verification *)SSL_get_ex_data(session, verification_index);
}

/* SSL_CTX_set_msg_callback(3): called with the header of each record, before it is decrypted. */
static void count_record(int is_write, int version, int type, const void *bytes, size_t size,
                         SSL *session, void *arg)
{
    (void)version, (void)bytes, (void)size, (void)arg;
    if (!is_write && type == SSL3_RT_HEADER)
        tls_session_verification(session)->records_read++;
}

SSL *tls_session_create(struct tls_context *context)
{
    pthread_once(&index_once, make_index);
    SSL *session = SSL_new(context->ssl);
    struct tls_verification *v = (struct tls_verification *)calloc(1, sizeof *v);
    if (!session || !v || SSL_set_ex_data(session, verification_index, v) != 1) {
        SSL_free(session);
        free(v);
        return NULL;
    }
    v->context = tls_context_hold(context);
    SSL_set_msg_callback(session, count_record);
    return session;
}

bool tls_session_is_resumed(SSL *session)
{
    return SSL_session_reused(session);
}

uint64_t tls_session_records(SSL *session)
{
    return tls_session_verification(session)->records_read;
}

const struct tls_refused *tls_session_refused(SSL *session)
{
    return tls_session_verification(session)->refused;
}

enum status tls_session_peer(SSL *session, struct arena *arena, struct http_peer *peer)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    peer->tls = true;
    if (!certificate || SSL_get_verify_result(session) != X509_V_OK)
        return STATUS_OK;
    peer->certificate = true;
    char key[2 * SHA256_BYTES + 1];
    enum status s = cert_names_read(certificate, arena, peer);
    if (s == STATUS_OK && SSL_session_reused(session))
        return arena_copy(arena,
                          slice_from_text(tls_session_verification(session)->ticket.issuer_key),
                          &peer->issuer_key);
    if (s == STATUS_OK && tls_issuer_key(SSL_get0_verified_chain(session), key))
        s = arena_copy(arena, slice_from_text(key), &peer->issuer_key);
    return s;
}

/* The result of the recheck replaces the session's. */
static void keep_refused(SSL *session, struct tls_verification *found)
{
    struct tls_verification *own = tls_session_verification(session);
    tls_refused_destroy(own->refused);
    own->refused = found->refused;
    own->verdict = found->verdict;
}

/* Verifies the peer again with what came beside its certificate, in this handshake or in the one
 * that it resumed. */
static bool is_trusted(SSL *session, struct tls_verification *v, struct problem *problem)
{
    bool resumed = SSL_session_reused(session);
    STACK_OF(X509) *sent = resumed
                               ? tls_ticket_data_chain(&tls_session_verification(session)->ticket)
                               : SSL_get_peer_cert_chain(session);
    enum tls_result result =
        tls_check_chain(v, SSL_get0_peer_certificate(session), sent, NULL, problem);
    if (resumed)
        sk_X509_pop_free(sent, X509_free);
    return result == TLS_RESULT_ok;
}

enum status tls_session_recheck(SSL *session, const struct tls_context *context,
                                struct problem *problem)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    int mode = SSL_CTX_get_verify_mode(context->ssl);
    if (!certificate && (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) {
        problem_say(problem, "a client certificate is required now");
        return STATUS_REFUSED;
    }
    if (!certificate || !(mode & SSL_VERIFY_PEER))
        return STATUS_OK;
    struct tls_verification v = {.context = context};
    bool good = is_trusted(session, &v, problem);
    keep_refused(session, &v);
    return good ? STATUS_OK : STATUS_REFUSED;
}

int64_t tls_session_peer_expiry_s(SSL *session)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(session);
    int64_t first = INT64_MAX;
    if (!SSL_get0_peer_certificate(session))
        return first;
    if (SSL_session_reused(session))
        return tls_session_verification(session)->ticket.expiry_s;
    for (int i = 0; chain && i < sk_X509_num(chain); i++) {
        int64_t end = tls_asn1_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
        first = end < first ? end : first;
    }
    int64_t list = tls_session_verification(session)->context->crl_expiry_s;
    return list < first ? list : first;
}

/* The client has refused the server, not the server the client. */
static enum tls_result alert_failure(int alert, struct problem *problem)
{
    bool trust = alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_BAD_CERTIFICATE ||
                 alert == SSL_AD_CERTIFICATE_UNKNOWN || alert == SSL_AD_CERTIFICATE_EXPIRED ||
                 alert == SSL_AD_UNSUPPORTED_CERTIFICATE;
    problem_say(problem, "the client ended the handshake with the alert %s%s",
                SSL_alert_desc_string_long(alert),
                trust ? ": it does not trust the server's certificate (tls.certificate); give the "
                        "client its CA"
                      : "");
    return TLS_RESULT_client_alert;
}

enum tls_result tls_session_failure(SSL *session, unsigned long error, struct problem *problem)
{
    int why = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);
    if (error == 0) {
        problem_say(problem, "the peer closed the connection");
        return TLS_RESULT_closed;
    }
    problem_say(problem, "%s", text ? text : "unknown error");
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return TLS_RESULT_protocol;
    if (why == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return tls_verify_reason(tls_session_verification(session), SSL_get_verify_result(session),
                                 problem);
    if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return TLS_RESULT_no_certificate;
    if (why == SSL_R_HTTP_REQUEST) {
        problem_say(problem, "the peer speaks plain HTTP on a TLS port");
        return TLS_RESULT_plain_http;
    }
    if (why >= SSL_AD_REASON_OFFSET)
        return alert_failure(why - SSL_AD_REASON_OFFSET, problem);
    return TLS_RESULT_protocol;
}

void tls_session_shutdown(SSL *session)
{
    if (SSL_in_init(session) || (SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session);
    ERR_clear_error();
}

void tls_session_destroy(SSL *session)
{
    tls_session_shutdown(session);
    SSL_free(session);
}
