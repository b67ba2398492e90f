/* senders.h: the senders of identity.senders_file: certificates that may send for other vehicles.
 *
 * One JSON object a line, `#` comments:
 *   {"id":"gateway-1","issuer":"CN=demo fleet CA,O=demo","name":"san_dns:gateway.demo",
 *    "tenant":"demo","vehicles":["1M8*","1G4AH59H45G118341"],"formats":["hec"],
 *    "events_per_second":100,"burst":1000}
 * issuer is the issuer of the certificate as RFC 2253 writes it; name is a pattern without {vin}
 * (name_pattern.h). issuer_key, hex SHA-256 of the SubjectPublicKeyInfo of the CA, distinguishes
 * CAs with the same name; optional: any CA of tls.client_ca with that name. vehicles, formats,
 * events_per_second and burst are optional: any vehicle of the tenant, any format, limits.sender_….
 */
#ifndef VSOC_SERVER_SENDERS_H
#define VSOC_SERVER_SENDERS_H

#include "core/log/problem.h"
#include "server/net/peer.h"
#include "server/identity/name_pattern.h"
#include "server/identity/vehicle_set.h"

#define SENDERS_MAX           65536
#define SENDERS_WILDCARDS_MAX 256 /* patterns with `*`: all are tried for every name */
#define SENDER_ID_MAX         64

struct sender {
    struct slice id, issuer, tenant;
    struct slice issuer_key; /* lower-case hex; empty: any */
    struct name_pattern name;
    struct vehicle_set *vehicles;      /* NULL: any */
    struct slice formats;              /* names with commas; empty: all */
    uint64_t events_per_second, burst; /* 0: limits.sender_… */
};

/* All senders of a file, immutable. Texts and sets live as long as it. */
struct senders;

/* Reads the text of a file. CONFIG with *problem (line, column and what is wrong), NO_MEMORY.
 * Thread: not a worker. */
enum status senders_parse(struct slice text, struct senders **out,
                          struct problem *problem) must_check;
/* Reads a file; also IO and similar statuses, with *reason. */
enum status senders_load(const char *path, struct senders **out,
                         struct problem *problem) must_check;
/* NULL is allowed. */
void senders_destroy(struct senders *senders);

size_t senders_count(const struct senders *senders);
const struct sender *senders_at(const struct senders *senders, size_t index);
/* The sender whose issuer (and its key, if the line has one) and name match the certificate.
 * NOT_FOUND; CONFLICT: it matches two. senders NULL: NOT_FOUND. Thread: any. */
enum status senders_find(const struct senders *senders, const struct http_peer *peer,
                         const struct sender **out) must_check;

#endif
