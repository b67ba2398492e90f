/* audit_refusal.h: one refusal, as callers report it to the audit log. */
#ifndef VSOC_SERVER_AUDIT_REFUSAL_H
#define VSOC_SERVER_AUDIT_REFUSAL_H

#include "core/reasons/audit_kind.h"
#include "core/slice.h"

/* What happened. Never a token or a VIN. Texts are copied and cut to what fits a record. */
struct audit_refusal {
    enum audit_kind kind;    /* AUDIT_refused, AUDIT_vin_mismatch */
    uint64_t count;          /* how many; 0 counts as 1 */
    const char *action;      /* "request", "handshake", …: a constant */
    const char *code;        /* the reason, a constant as in problem+json */
    int status;              /* HTTP status of the answer; 0: there was none */
    const char *address;     /* of the peer, without port */
    struct slice tenant;     /* empty: unknown */
    struct slice credential; /* "token:ID" or the fingerprint of the certificate; empty: none */
    struct slice serial;     /* of the certificate, hex; empty: none */
    struct slice vehicle;    /* "veh:" and the pseudonym of the certificate's; empty: none */
};

#endif
