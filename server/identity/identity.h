/* identity.h: who is calling, according to the transport. Pure function of the peer and the
 * settings; thread: worker. */
#ifndef VSOC_SERVER_IDENTITY_H
#define VSOC_SERVER_IDENTITY_H

#include "core/arena.h"
#include "core/reasons/refusal.h"
#include "server/config/config.h"
#include "server/net/peer.h"
#include "server/identity/tokens.h"

/* The sender of a request. Slices live in the arena given. */
struct identity {
    struct slice tenant;     /* never empty */
    struct slice sender;     /* stable name of the sender within the tenant, part of the batch key;
                                never empty */
    struct slice vehicle;    /* VIN of its certificate; empty: not a vehicle */
    struct slice credential; /* fingerprint of its certificate, or token:ID; empty: none */
    struct slice listed;     /* its id in identity.senders_file; empty: not listed */
    bool anonymous;          /* neither certificate nor token */
    bool names_others;       /* it may send for other vehicles than its own: listed, a token, or
                                anonymous */
    /* The vehicles that it may send for; NULL: names_others decides whether all or only its own. A
     * reference of its own: identity_fini releases it. */
    struct vehicle_set *vehicles;
    /* Of its token or its line in identity.senders_file. */
    struct slice formats;              /* that it may send, see token_formats_allow */
    uint64_t events_per_second, burst; /* its quota; 0: limits.sender_… */
    /* Of a token in addition to the certificate: both must allow. */
    struct vehicle_set *token_vehicles; /* NULL: any; a reference of its own */
    struct slice token_formats;         /* empty: any */
};

/* Determines the identity from a verified certificate, or without one where that is allowed: plain
 * HTTP or tls.client_auth off, and no tokens. It fails closed: a certificate belongs to a vehicle,
 * named according to identity.vehicle_from, or to a sender of identity.senders_file, or to nobody.
 * REFUSED: a certificate is required and missing (401, *why untouched); CONFLICT: the certificate
 * identifies nobody (403), *why says why, without a VIN: `bad_certificate` its names can't be read,
 * `no_tenant` it names no tenant or several, `unknown_sender` it is neither a vehicle nor listed,
 * `bad_certificate_vin` it names what is no VIN, several, or another one besides its own,
 * `ambiguous_sender` it is two of these; NO_MEMORY. On failure *out is untouched.
 */
enum status identity_from_peer(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *out,
                               struct refusal *why) must_check;

/* The identity of a valid token. NO_MEMORY. */
enum status identity_from_token(const struct token *token, struct arena *arena,
                                struct identity *out) must_check;

/* Restricts the identity of a certificate to what a token allows too: vehicles, formats, the
 * smaller quota. REFUSED: the token is not for the certificate's vehicle. Takes ownership of the
 * members of token; call identity_fini on it in any case. */
enum status identity_narrow(struct identity *identity, struct identity *token) must_check;

/* Releases references that the identity holds outside the arena. */
void identity_fini(struct identity *identity);

/* Whether it may send this format. */
bool identity_may_send(const struct identity *identity, struct slice format);

/* Whether it may send for this vehicle (17 bytes, upper case). */
bool identity_may_name(const struct identity *identity, struct slice vin);

#endif
