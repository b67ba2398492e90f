/* identity.c: the certificate is the vehicle: sender, tenant and VIN from the TLS peer, or from a
 * token. Worker threads. Does not verify certificates (tls.c does) and does not compare with what
 * records claim (parsers/normalise.c does). */
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

/* A text that says it names a VIN, whatever stands behind. */
static bool claims_vin(struct slice text)
{
    return slice_equal_nocase(slice_sub(text, 0, 8), "urn:vin:") ||
           slice_equal_nocase(slice_sub(text, 0, 4), "vin:") ||
           slice_equal_nocase(slice_sub(text, 0, 4), "vin=");
}

/* The one VIN that the texts name, empty when they name none. OUT_OF_RANGE: a name that is no VIN,
 * or two of them: such a certificate must not pass for a gateway that speaks for many. */
static enum status vin_in_texts(const struct slice *texts, size_t count, struct arena *arena,
                                struct slice *vehicle)
{
    *vehicle = SLICE_EMPTY;
    for (size_t i = 0; i < count; i++) {
        struct slice vin = identity_vin_in_text(texts[i], arena);
        if (vin.size == 0 ? claims_vin(texts[i]) : vehicle->size && !slice_equal(vin, *vehicle))
            return STATUS_OUT_OF_RANGE;
        if (vin.size)
            *vehicle = vin;
    }
    return STATUS_OK;
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

static enum status vehicle_of(const struct http_peer *peer, const char *from, struct arena *arena,
                              struct slice *vehicle)
{
    struct slice one = peer->subject_cn;
    if (!strcmp(from, "san_uri"))
        return vin_in_texts(peer->san_uri.items, peer->san_uri.count, arena, vehicle);
    if (!strcmp(from, "san_dns"))
        return vin_in_texts(peer->san_dns.items, peer->san_dns.count, arena, vehicle);
    if (!strncmp(from, "oid:", 4))
        one = peer->x509 ? oid_value(peer->x509, from + 4) : SLICE_EMPTY;
    return vin_in_texts(&one, 1, arena, vehicle);
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
bool identity_is_tenant(struct slice s)
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
    *out = (struct identity){.sender = SLICE_LITERAL("anonymous"), .anonymous = true};
    return arena_copy(arena, tenant, &out->tenant);
}

enum status identity_from_token(const struct token *token, struct arena *arena,
                                struct identity *out)
{
    const char *name = arena_format(arena, "token:%.*s", SLICE_ARGS(token->id));
    struct identity id = {
        .sender = slice_from_text(name),
        .credential = slice_from_text(name),
        .events_per_second = token->events_per_second,
        .burst = token->burst,
    };
    enum status s = arena_copy(arena, token->tenant, &id.tenant);
    if (s == STATUS_OK)
        s = arena_copy(arena, token->formats, &id.formats);
    if (s == STATUS_OK)
        *out = id;
    return s;
}

enum status identity_from_peer(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *out)
{
    if (!peer->certificate) {
        bool allowed =
            (!peer->tls || config->tls_client_auth == CLIENT_AUTH_OFF) && !config->tokens;
        return allowed ? anonymous(config, arena, out) : STATUS_REFUSED;
    }
    struct identity id = {.tenant = tenant_of(peer, config->identity_tenant_from)};
    if (!identity_is_tenant(id.tenant))
        return STATUS_CONFLICT;
    enum status s = vehicle_of(peer, config->identity_vehicle_from, arena, &id.vehicle);
    if (s != STATUS_OK)
        return s;
    /* The subject outlives a renewal of the certificate; its fingerprint would not. But
     * certificates without subject would all be one sender. */
    struct slice sender = id.vehicle.size      ? id.vehicle
                          : peer->subject.size ? peer->subject
                                               : peer->fingerprint;
    s = arena_copy(arena, id.tenant, &id.tenant);
    if (s == STATUS_OK)
        s = arena_copy(arena, sender, &id.sender);
    if (s == STATUS_OK)
        s = arena_copy(arena, peer->fingerprint, &id.credential);
    if (s == STATUS_OK)
        *out = id;
    return s;
}
