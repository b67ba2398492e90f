/* ingest_certificate.c: describes a certificate that a handshake has refused, for logs: the
 * pseudonym of its vehicle, and its subject without VINs. Worker threads. The caller knows whether
 * a CA of senders has signed it. */
#include <stdio.h>

#include "parsers/privacy/scrub.h"
#include "server/identity/cert_names.h"
#include "server/identity/identity.h"
#include "server/ingest/http/ingest_http.h"
#include "server/ingest/ingest.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void *alloc_in_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static bool name_identity(struct ingest *in, const struct identity *id, struct slice subject,
                          struct arena *arena, struct http_certificate_name *name)
{
    struct scrub scrub = {
        .pseudonym = pseudonym_make,
        .pseudonym_arg = ingest_pseudonym(in),
        .tenant = id->tenant,
        .alloc = alloc_in_arena,
        .alloc_arg = arena,
    };
    _Static_assert(sizeof name->vehicle >= VEHICLE_NAME_BYTES, "");
    scrub_know(&scrub, id->vehicle, NULL);
    if (!scrub_text(&scrub, SCRUB_TEXT, &subject))
        return false;
    snprintf(name->subject, sizeof name->subject, "%.*s", SLICE_ARGS(subject));
    ingest_name_vehicle(in, id->tenant, id->vehicle, name->vehicle);
    return true;
}

bool ingest_name_certificate(void *arg, const void *x509, struct http_certificate_name *name)
{
    struct ingest *in = ingest_from(arg);
    struct http_peer peer = {.tls = true, .certificate = true};
    struct refusal why;
    struct identity id;
    struct arena arena;
    bool good = false;
    arena_init(&arena, ARENA_BYTES);
    if (cert_names_read((X509 *)(uintptr_t)x509, &arena, &peer) == STATUS_OK &&
        identity_from_peer(&peer, ingest_config(in), &arena, &id, &why) == STATUS_OK) {
        good = name_identity(in, &id, peer.subject, &arena, name);
        identity_fini(&id);
    }
    arena_fini(&arena);
    return good;
}
