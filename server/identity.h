/* identity.h: who is calling, as the transport says. Pure look at the peer and the settings;
 * thread: worker. */
#ifndef VSOC_SERVER_IDENTITY_H
#define VSOC_SERVER_IDENTITY_H

#include "core/arena.h"
#include "server/config.h"
#include "server/http.h"
#include "server/tokens.h"

/* The sender of a request. Slices live in the arena given. */
struct identity {
    struct slice tenant;     /* never empty */
    struct slice sender;     /* stable name of the sender within the tenant, part of the batch key;
                                never empty */
    struct slice vehicle;    /* VIN of its certificate, empty: a gateway that speaks for many, or no
                                certificate */
    struct slice credential; /* fingerprint of its certificate, or token:ID; empty: none */
    bool anonymous;          /* neither certificate nor token */
    /* Of its token. */
    struct slice formats;              /* that it may send, see token_formats_allow */
    uint64_t events_per_second, burst; /* its quota; 0: limits.sender_… */
};

/* Makes the identity from a verified certificate, or from its absence where that is allowed: plain
 * HTTP or tls.client_auth off, and no tokens. REFUSED: a certificate is needed and there is none
 * (401); CONFLICT:
 * the certificate names no tenant (403); OUT_OF_RANGE: it names a vehicle
 * that is no VIN, or two of them (403); NO_MEMORY. */
enum status identity_from_peer(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *out) must_check;

/* The identity of a token that was checked. NO_MEMORY. */
enum status identity_from_token(const struct token *token, struct arena *arena,
                                struct identity *out) must_check;

/* May this be a tenant's name: 1 to 128 bytes of UTF-8 without control characters. */
bool identity_is_tenant(struct slice name);

/* VIN in a certificate's name: "urn:vin:VIN", "vin:VIN", a URI whose last path part is a VIN, or
 * the VIN itself, any case. Empty when it holds none. Result points into text or is its upper-case
 * copy in arena. */
struct slice identity_vin_in_text(struct slice text, struct arena *arena);

#endif
