/* conn_peer.c: the peer: its address as text and as the key by which connections are counted, and
 * whether a certificate that was valid at the handshake still is. Runs on the connection's loop. */
#define LOG_COMPONENT "http"
#include "server/connection/conn_peer.h"
#include "core/log/problem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include "core/clock.h"
#include "core/log/log.h"
#include "server/audit/audit.h"
#include "server/connection/conn_state.h"
#include "server/tls/tls.h"

static void use_v4(struct conn *conn, const void *bytes)
{
    memcpy(conn->address, bytes, 4);
    conn->address_size = 4;
    inet_ntop(AF_INET, bytes, conn->peer.address, sizeof(conn->peer.address));
}

void conn_peer_address(struct conn *conn, const struct sockaddr *address, socklen_t size)
{
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        use_v4(conn, &((const struct sockaddr_in *)(const void *)address)->sin_addr);
    } else if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            use_v4(conn, v6->s6_addr + 12);
            return;
        }
        /* One sender usually has a /64 to itself. */
        memcpy(conn->address, v6->s6_addr, 8);
        conn->address_size = 8;
        inet_ntop(AF_INET6, v6, conn->peer.address, sizeof(conn->peer.address));
    } else {
        memcpy(conn->address, "unix", 4);
        conn->address_size = 4;
        snprintf(conn->peer.address, sizeof(conn->peer.address), "unix");
    }
}

/* What the log and the audit log say of a peer that was turned away. Texts are constants. */
struct turned_away {
    const char *message, *action, *code;
    int status;          /* of the answer; 0: none */
    bool of_certificate; /* for who they are, or because a certificate is missing */
};

static void note_refused(struct conn *conn, const struct turned_away *what, const char *reason)
{
    static const struct tls_refused none = {0};
    const struct tls_refused *r = conn->session ? tls_session_refused(conn->session) : NULL;
    bool of_certificate = r != NULL || what->of_certificate;
    if (!r)
        r = &none;
    struct http_certificate_name name = {0};
    const struct http_handler *handler = &conn->server->handler;
    /* For a stranger's certificate, log only the masked name: a pseudonym for any VIN that somebody
     * writes into one would reveal which vehicle a pseudonym belongs to. */
    if (!r->certificate || !handler->name_certificate ||
        !handler->name_certificate(handler->arg, r->certificate, &name))
        snprintf(name.subject, sizeof name.subject, "%s", r->subject);
    log_info(what->message, LOG_TEXT("peer", conn->peer.address), LOG_TEXT("result", what->code),
             LOG_TEXT("reason", reason), LOG_TEXT("serial", r->serial),
             LOG_TEXT("sha256", r->fingerprint), LOG_TEXT("vehicle", name.vehicle),
             LOG_TEXT("subject", name.subject), LOG_TEXT("issuer", r->issuer));
    if (!of_certificate)
        return; /* nobody was refused for their identity */
    audit_refused(&(struct audit_refusal){
        .action = what->action,
        .code = what->code,
        .status = what->status,
        .address = conn->peer.address,
        .credential = slice_from_text(r->fingerprint),
        .serial = slice_from_text(r->serial),
        .vehicle = slice_from_text(name.vehicle),
    });
}

void conn_peer_handshake_failed(struct conn *conn, enum tls_result result, const char *reason)
{
    conn_assert(conn);
    note_refused(conn,
                 &(struct turned_away){
                     .message = "TLS handshake failed",
                     .action = "handshake",
                     .code = tls_result_text(result),
                     .of_certificate = tls_result_is_of_certificate(result),
                 },
                 reason);
}

bool conn_peer_welcome(struct conn *conn, struct refusal *refusal)
{
    conn_assert(conn);
    struct problem problem;
    struct tls_context *now = conn->server->tls;
    if (!conn->session || (conn->tls == now && clock_wall_ns() / NS_PER_S <= conn->peer_expiry_s))
        return true;
    if (tls_session_recheck(conn->session, now, &problem) != STATUS_OK) {
        refusal_say(refusal, REFUSAL_certificate_refused, "%s", problem.text);
        note_refused(conn,
                     &(struct turned_away){
                         .message = "certificate refused on an open connection",
                         .action = "connection",
                         .code = refusal->code,
                         .status = refusal->status,
                         .of_certificate = true,
                     },
                     problem.text);
        return false;
    }
    tls_context_release(conn->tls);
    conn->tls = tls_context_hold(now);
    return true;
}
