/* identity.c: the certificate is the vehicle: sender, tenant and VIN from the TLS peer. Worker
 * threads. Does not verify certificates (tls.c does) and does not compare with what records claim
 * (parsers/normalise.c does). */
#include "server/identity.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "parsers/normalise.h"
#include "parsers/text.h"

#define VIN_SIZE 17

struct slice identity_vin_in_text(struct slice text, struct arena *arena)
{
    if (text.size < VIN_SIZE)
        return SLICE_EMPTY;
    /* The VIN stands at the end, alone or after one of : / = */
    struct slice tail = slice_sub(text, text.size - VIN_SIZE, VIN_SIZE);
    if (text.size > VIN_SIZE) {
        uint8_t before = text.data[text.size - VIN_SIZE - 1];
        if (before != ':' && before != '/' && before != '=')
            return SLICE_EMPTY;
    }
    uint8_t *upper = arena_alloc(arena, VIN_SIZE);
    if (!upper)
        return SLICE_EMPTY;
    for (size_t i = 0; i < VIN_SIZE; i++) {
        uint8_t c = tail.data[i];
        upper[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
    struct slice vin = slice_make(upper, VIN_SIZE);
    return vin_is_valid(vin) ? vin : SLICE_EMPTY;
}

static struct slice vin_in_list(struct slice_list list, struct arena *arena)
{
    for (size_t i = 0; i < list.count; i++) {
        struct slice vin = identity_vin_in_text(list.items[i], arena);
        if (vin.size)
            return vin;
    }
    return SLICE_EMPTY;
}

/* Text of a subject attribute or of an extension's string value with this OID. */
static struct slice oid_value(const X509 *certificate, const char *oid)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    if (!object)
        return SLICE_EMPTY;
    struct slice value = SLICE_EMPTY;
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_OBJ(subject, object, -1);
    const ASN1_STRING *text = NULL;
    if (at >= 0) {
        text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        value = slice_make(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    } else if ((at = X509_get_ext_by_OBJ(certificate, object, -1)) >= 0) {
        /* The extension's value is a DER string: skip tag and short length. */
        text = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
        struct slice der =
            slice_make(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        if (der.size >= 2 && der.data[1] < 0x80 && der.data[1] == der.size - 2)
            value = slice_sub(der, 2, der.size - 2);
    }
    ASN1_OBJECT_free(object);
    return value;
}

static struct slice vehicle_of(const struct http_peer *peer, const char *from, struct arena *arena)
{
    if (!strcmp(from, "san_uri"))
        return vin_in_list(peer->san_uri, arena);
    if (!strcmp(from, "san_dns"))
        return vin_in_list(peer->san_dns, arena);
    if (!strcmp(from, "subject_cn"))
        return identity_vin_in_text(peer->subject_cn, arena);
    if (!strncmp(from, "oid:", 4) && peer->x509)
        return identity_vin_in_text(oid_value(peer->x509, from + 4), arena);
    return SLICE_EMPTY;
}

static struct slice tenant_of(const struct http_peer *peer, const char *from)
{
    if (!strcmp(from, "subject_o"))
        return peer->subject_o;
    if (!strcmp(from, "subject_cn"))
        return peer->subject_cn;
    if (!strcmp(from, "san_dns"))
        return peer->san_dns.count ? peer->san_dns.items[0] : SLICE_EMPTY;
    if (!strncmp(from, "name:", 5))
        return slice_from_text(from + 5);
    return SLICE_EMPTY;
}

#define TENANT_MAX 128

/* Text that every sink can store: UTF-8 without control characters. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    return s.size > 0 && s.size <= TENANT_MAX && text_check(s) == STATUS_OK;
}

static enum status anonymous(const struct config *config, struct arena *arena, struct identity *out)
{
    bool fixed = !strncmp(config->identity_tenant_from, "name:", 5);
    struct slice tenant =
        fixed ? slice_from_text(config->identity_tenant_from + 5) : SLICE_LITERAL("default");
    *out = (struct identity){.sender = SLICE_LITERAL("anonymous")};
    return arena_copy(arena, tenant, &out->tenant);
}

enum status identity_from_peer(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *out)
{
    if (!peer->certificate) {
        bool allowed = !peer->tls || config->tls_client_auth == CLIENT_AUTH_OFF;
        return allowed ? anonymous(config, arena, out) : STATUS_REFUSED;
    }
    struct identity id = {
        .tenant = tenant_of(peer, config->identity_tenant_from),
        .vehicle = vehicle_of(peer, config->identity_vehicle_from, arena),
    };
    if (!is_name(id.tenant))
        return STATUS_CONFLICT;
    /* The subject outlives a renewal of the certificate; its fingerprint would not. But
     * certificates without subject would all be one sender. */
    struct slice sender = id.vehicle.size      ? id.vehicle
                          : peer->subject.size ? peer->subject
                                               : peer->fingerprint;
    enum status s = arena_copy(arena, id.tenant, &id.tenant);
    if (s == STATUS_OK)
        s = arena_copy(arena, sender, &id.sender);
    if (s == STATUS_OK)
        s = arena_copy(arena, peer->fingerprint, &id.fingerprint);
    if (s == STATUS_OK)
        *out = id;
    return s;
}
