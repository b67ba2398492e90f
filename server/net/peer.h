/* peer.h: the peer of a connection, as TLS or the socket reports it. Filled by the connection, read
 * by identity, audit and ingest. */
#ifndef VSOC_SERVER_PEER_H
#define VSOC_SERVER_PEER_H

#include <stdbool.h>
#include "core/arena.h"
#include "core/slice.h"

/* The sender, as TLS (or the proxy in front) reports it. Lives as long as the connection. */
struct http_peer {
    bool tls;
    bool certificate;         /* a client certificate was verified */
    struct slice fingerprint; /* lower-case hex SHA-256 of its DER */
    struct slice serial;      /* lower-case hex */
    struct slice subject;     /* RFC 2253 */
    struct slice issuer;      /* RFC 2253 */
    struct slice issuer_key;  /* hex SHA-256 of its CA's SubjectPublicKeyInfo; empty: not known */
    struct slice subject_cn, subject_o; /* the last one: the most specific */
    struct slice_list subject_cns, subject_os, san_uri, san_dns;
    struct slice_list other_names; /* every other text of the certificate that may be a name */
    const char *flaw;     /* why its names identify nobody, the end of a sentence; NULL: they may */
    const void *x509;     /* X509 *, borrowed, for identity.c */
    char address[64];     /* remote address without port */
    struct slice network; /* what counts as one address: of IPv6 the /64 */
};

/* Moves the texts of the certificate into *arena, which is made for just their size. They were the
 * caller's; network, x509 and flaw stay as they are. NO_MEMORY: some may have moved; the arena is
 * to be finished in any case. Thread: any. */
enum status http_peer_pack(struct http_peer *peer, struct arena *arena) must_check;

#endif
