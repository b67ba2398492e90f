/* fuzz_cert_identity.c: any bytes as a certificate of a sender. What must hold: a certificate
 * identifies a vehicle, a listed sender or nobody; nobody comes with a reason that holds no VIN; a
 * vehicle's VIN is one, its name is in the certificate, and it may name itself only. The first byte
 * chooses identity.vehicle_from. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "server/identity/cert_names.h"
#include "core/log/problem.h"
#include "server/identity/identity.h"
#include "server/identity/senders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const forms[] = {"san_uri",
                                    "san_dns:{vin}.vehicles.oem.example",
                                    "subject_cn",
                                    "oid:1.3.6.1.4.1.55555.1.1",
                                    "san_uri:https://oem.example/*/{vin}/",
                                    "oid:2.5.4.5:serial {vin}"};

static const char lines[] =
    "{\"id\":\"a\",\"issuer\":\"CN=test fleet CA,O=tests\",\"name\":\"san_dns:gateway.demo\","
    "\"tenant\":\"demo\",\"vehicles\":[\"1M8*\"]}\n"
    "{\"id\":\"b\",\"issuer\":\"O=tests,CN=test fleet CA\",\"name\":\"subject_cn:* gateway\","
    "\"tenant\":\"demo\"}\n";

static void check_names(const struct http_peer *peer)
{
    const struct slice_list lists[] = {peer->san_uri, peer->san_dns, peer->subject_cns,
                                       peer->subject_os, peer->other_names};
    size_t count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < lists[i].count; k++, count++)
            if (memchr(lists[i].items[k].data, 0, lists[i].items[k].size))
                abort();
    if (count > CERT_NAMES_MAX)
        abort();
}

static void check_identity(const struct identity *id)
{
    uint8_t vin[VIN_BYTES];
    static const struct slice other = SLICE_LITERAL("WVWZZZ1KZAW000001");
    if (!id->tenant.size || !id->sender.size || !id->credential.size)
        abort();
    if (id->vehicle.size == 0 && (!id->listed.size || !id->names_others))
        abort();
    if (id->vehicle.size && (!vin_read(id->vehicle, vin) || id->names_others || id->listed.size ||
                             !identity_may_name(id, id->vehicle) ||
                             (!slice_equal(id->vehicle, other) && identity_may_name(id, other))))
        abort();
}

static void check_refusal(const struct refusal *why)
{
    uint8_t vin[VIN_BYTES];
    struct slice detail = slice_from_text(why->detail);
    if (!why->code[0] || !detail.size || cert_next_vin(&detail, false, vin))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct senders *senders;
    struct problem problem;
    if (!senders && senders_parse(slice_from_text(lines), &senders, &problem) != STATUS_OK)
        abort();
    if (size < 2)
        return 0;
    struct config config = {.identity_vehicle_from =
                                forms[data[0] % (sizeof forms / sizeof *forms)],
                            .identity_tenant_from = data[0] & 0x80 ? "name:demo" : "subject_o",
                            .senders = senders};
    const unsigned char *at = data + 1;
    X509 *certificate = d2i_X509(NULL, &at, (long)size - 1);
    struct arena arena;
    struct http_peer peer = {.tls = true, .certificate = true};
    struct identity id;
    struct refusal why;
    arena_init(&arena, (size_t)1 << 18);
    if (certificate && cert_names_read(certificate, &arena, &peer) == STATUS_OK) {
        check_names(&peer);
        switch (identity_from_peer(&peer, &config, &arena, &id, &why)) {
        case STATUS_OK:
            check_identity(&id);
            identity_fini(&id);
            break;
        case STATUS_CONFLICT:
            check_refusal(&why);
            break;
        case STATUS_NO_MEMORY:
            break;
        default:
            abort();
        }
    }
    arena_fini(&arena);
    X509_free(certificate);
    ERR_clear_error();
    return 0;
}
