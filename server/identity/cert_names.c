/* cert_names.c: the names of a certificate: subject, subjectAltName, extensions. Workers, once per
 * connection. Does not decide who that is (identity.c does) and does not verify (tls.c does). */
#include "server/identity/cert_names.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "core/hash.h"
#include "core/vin.h"
#include "core/utf8.h"

void cert_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* ISO 3779: the last four characters of a VIN are digits. */
static bool looks_like_vin(struct slice run, bool strict, uint8_t vin[VIN_BYTES])
{
    bool letters = false, digits = true;
    if (run.size == VIN_BYTES + 3 && slice_equal_nocase(slice_sub(run, 0, 3), "vin"))
        run = slice_sub(run, 3, VIN_BYTES);
    if (!vin_read(run, vin))
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        letters |= is_letter(vin[i]);
        digits &= i < VIN_BYTES - 4 || is_digit(vin[i]);
    }
    return vin_check_digit_fits(slice_make(vin, VIN_BYTES)) || (!strict && letters && digits);
}

bool cert_next_vin(struct slice *text, bool strict, uint8_t vin[VIN_BYTES])
{
    while (text->size) {
        size_t n = 0;
        while (n < text->size && (is_letter(text->data[n]) || is_digit(text->data[n])))
            n++;
        struct slice run = slice_sub(*text, 0, n);
        *text = slice_sub(*text, n + 1, text->size);
        if (looks_like_vin(run, strict, vin))
            return true;
    }
    return false;
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < 0x20 || s.data[i] == 0x7f)
            return true;
    return false;
}

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] >= 0x80)
            return false;
    return true;
}

/* The text of a string type. */
static enum status string_text(const ASN1_STRING *string, struct arena *arena, struct slice *out)
{
    unsigned char *text = NULL;
    int type = ASN1_STRING_type(string);
    struct slice raw =
        slice_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    switch (type) {
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_NUMERICSTRING:
        if (!is_ascii(raw))
            return STATUS_MALFORMED;
        break;
    case V_ASN1_UTF8STRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UNIVERSALSTRING:
        break;
    default:
        return STATUS_WRONG_TYPE;
    }
    int size = ASN1_STRING_to_UTF8(&text, string);
    ERR_clear_error();
    if (size < 0)
        return STATUS_MALFORMED;
    struct slice decoded = slice_make(text, (size_t)size);
    enum status s = has_control(decoded) || utf8_check(decoded) != STATUS_OK
                        ? STATUS_MALFORMED
                        : arena_copy(arena, decoded, out);
    OPENSSL_free(text);
    return s;
}

/* OpenSSL reads BER; DER is what it would write. */
static bool is_der(const ASN1_TYPE *value, struct slice der)
{
    unsigned char *again = NULL;
    int size = i2d_ASN1_TYPE(value, &again);
    bool same = size >= 0 && slice_equal(slice_make(again, (size_t)size), der);
    OPENSSL_free(again);
    return same;
}

enum status cert_der_text(struct slice der, struct arena *arena, struct slice *out)
{
    const unsigned char *at = der.data;
    ASN1_TYPE *value = der.size ? d2i_ASN1_TYPE(NULL, &at, (long)der.size) : NULL;
    enum status s = STATUS_MALFORMED;
    if (value && is_der(value, der)) {
        int type = ASN1_TYPE_get(value);
        bool has_string = type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING ||
                          type == V_ASN1_IA5STRING || type == V_ASN1_VISIBLESTRING ||
                          type == V_ASN1_NUMERICSTRING || type == V_ASN1_BMPSTRING ||
                          type == V_ASN1_UNIVERSALSTRING;
        s = has_string ? string_text(value->value.asn1_string, arena, out) : STATUS_WRONG_TYPE;
    }
    ASN1_TYPE_free(value);
    ERR_clear_error();
    return s;
}

/* The names being gathered. */
struct gathering {
    struct arena *arena;
    struct http_peer *peer;
    size_t count, bytes;
    enum status status;
};

static void flaw(struct gathering *g, const char *what)
{
    if (!g->peer->flaw)
        g->peer->flaw = what;
}

/* The list with room for one more; its array doubles. */
static struct slice *grow(struct arena *arena, struct slice_list *list)
{
    size_t n = list->count;
    if (n & (n - 1))
        return (struct slice *)(uintptr_t)list->items;
    struct slice *more = arena_alloc(arena, (n ? 2 * n : 1) * sizeof *more);
    if (more && n)
        memcpy(more, list->items, n * sizeof *more);
    if (more)
        list->items = more;
    return more;
}

static void put(struct gathering *g, struct slice_list *list, struct slice text)
{
    if (g->count == CERT_NAMES_MAX || g->bytes + text.size > CERT_NAME_BYTES_MAX) {
        flaw(g, "it has more than 128 names, or more than 16 KiB of them");
        return;
    }
    struct slice *items = grow(g->arena, list);
    if (!items || arena_copy(g->arena, text, &items[list->count]) != STATUS_OK) {
        g->status = STATUS_NO_MEMORY;
        return;
    }
    list->count++;
    g->count++;
    g->bytes += text.size;
}

/* VINs in bytes that are not text themselves. */
static void put_vins(struct gathering *g, struct slice bytes)
{
    uint8_t vin[VIN_BYTES];
    while (cert_next_vin(&bytes, true, vin))
        put(g, &g->peer->other_names, slice_make(vin, VIN_BYTES));
}

static struct slice bytes_of(const ASN1_STRING *string)
{
    return slice_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* T61String and the like: implementations disagree about their bytes. */
static void put_attribute(struct gathering *g, int nid, const ASN1_STRING *value, bool of_subject)
{
    struct slice text;
    struct http_peer *p = g->peer;
    bool names = of_subject && (nid == NID_commonName || nid == NID_organizationName);
    enum status s = string_text(value, g->arena, &text);
    if (s == STATUS_NO_MEMORY)
        g->status = s;
    else if (s == STATUS_MALFORMED || (s == STATUS_WRONG_TYPE && names))
        flaw(g, "a name in it holds a NUL, a control character or text that can't be decoded");
    else if (s == STATUS_WRONG_TYPE)
        put_vins(g, bytes_of(value));
    else if (names && nid == NID_commonName)
        put(g, &p->subject_cns, p->subject_cn = text);
    else if (names)
        put(g, &p->subject_os, p->subject_o = text);
    else
        put(g, &p->other_names, text);
}

static void put_directory_name(struct gathering *g, const X509_NAME *name, bool of_subject)
{
    for (int i = 0; i < X509_NAME_entry_count(name) && g->status == STATUS_OK; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        put_attribute(g, OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)),
                      X509_NAME_ENTRY_get_data(entry), of_subject);
    }
}

static void put_ia5(struct gathering *g, struct slice_list *list, const ASN1_STRING *string)
{
    struct slice text = bytes_of(string);
    if (has_control(text) || !is_ascii(text))
        flaw(g, "a name in it holds a NUL, a control character or text that can't be decoded");
    else
        put(g, list, text);
}

static void put_other_name(struct gathering *g, const ASN1_TYPE *value)
{
    unsigned char *der = NULL;
    struct slice text;
    int size = i2d_ASN1_TYPE(value, &der);
    if (size >= 0) {
        struct slice bytes = slice_make(der, (size_t)size);
        if (cert_der_text(bytes, g->arena, &text) == STATUS_OK)
            put(g, &g->peer->other_names, text);
        else
            put_vins(g, bytes);
    }
    OPENSSL_free(der);
}

static void put_general_name(struct gathering *g, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_URI:
        put_ia5(g, &g->peer->san_uri, name->d.ia5);
        break;
    case GEN_DNS:
        put_ia5(g, &g->peer->san_dns, name->d.ia5);
        break;
    case GEN_EMAIL:
        put_ia5(g, &g->peer->other_names, name->d.ia5);
        break;
    case GEN_DIRNAME:
        put_directory_name(g, name->d.dirn, false);
        break;
    case GEN_OTHERNAME:
        put_other_name(g, name->d.otherName->value);
        break;
    default: /* addresses, registered ids: not text */
        break;
    }
}

static void put_alternative_names(struct gathering *g, X509 *certificate)
{
    int critical = 0;
    GENERAL_NAMES *names =
        (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    if (!names && critical != -1)
        flaw(g, "its subjectAltName can't be decoded, or occurs twice");
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && g->status == STATUS_OK; i++) {
        put_general_name(g, sk_GENERAL_NAME_value(names, i));
        if (g->peer->flaw)
            break; /* it is refused anyway */
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void put_extensions(struct gathering *g, const X509 *certificate)
{
    for (int i = 0; i < X509_get_ext_count(certificate) && g->status == STATUS_OK; i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        struct slice text, der = bytes_of(X509_EXTENSION_get_data(extension));
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_subject_alt_name)
            continue;
        if (cert_der_text(der, g->arena, &text) == STATUS_OK)
            put(g, &g->peer->other_names, text);
        else
            put_vins(g, der);
    }
}

/* RFC 2253, cut at the limit. */
static enum status print_name(const X509_NAME *name, struct arena *arena, struct slice *out)
{
    BIO *text = BIO_new(BIO_s_mem());
    enum status status = STATUS_NO_MEMORY;
    char *data = NULL;
    if (text && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0) {
        long size = BIO_get_mem_data(text, &data);
        struct slice all = slice_make(data, size > 0 ? (size_t)size : 0);
        status = arena_copy(arena, slice_sub(all, 0, CERT_SUBJECT_BYTES_MAX), out);
    }
    BIO_free(text);
    return status;
}

static enum status copy_hex(struct arena *arena, const uint8_t *bytes, size_t n, struct slice *out)
{
    char *text = arena_alloc(arena, 2 * n + 1);
    if (!text)
        return STATUS_NO_MEMORY;
    cert_hex(bytes, n, text);
    *out = slice_make(text, 2 * n);
    return STATUS_OK;
}

#define SERIAL_BYTES_MAX 64 /* RFC 5280 allows 20 */

static enum status read_marks(X509 *certificate, struct arena *arena, struct http_peer *peer)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct slice serial = bytes_of(X509_get0_serialNumber(certificate));
    serial = slice_sub(serial, 0, SERIAL_BYTES_MAX);
    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1 || size != SHA256_BYTES)
        return STATUS_NO_MEMORY;
    enum status s = copy_hex(arena, digest, size, &peer->fingerprint);
    if (s == STATUS_OK)
        s = copy_hex(arena, serial.data, serial.size, &peer->serial);
    if (s == STATUS_OK)
        s = print_name(X509_get_subject_name(certificate), arena, &peer->subject);
    if (s == STATUS_OK)
        s = print_name(X509_get_issuer_name(certificate), arena, &peer->issuer);
    return s;
}

enum status cert_names_read(X509 *certificate, struct arena *arena, struct http_peer *peer)
{
    struct gathering g = {.arena = arena, .peer = peer, .status = STATUS_OK};
    peer->x509 = certificate;
    g.status = read_marks(certificate, arena, peer);
    if (g.status == STATUS_OK && peer->subject.size == CERT_SUBJECT_BYTES_MAX)
        flaw(&g, "its subject is longer than 2 KiB");
    if (g.status == STATUS_OK)
        put_directory_name(&g, X509_get_subject_name(certificate), true);
    if (g.status == STATUS_OK)
        put_alternative_names(&g, certificate);
    if (g.status == STATUS_OK)
        put_extensions(&g, certificate);
    ERR_clear_error();
    return g.status;
}

static void put_oid_text(struct gathering *g, struct slice_list *list, enum status s,
                         struct slice text)
{
    if (s == STATUS_OK)
        put(g, list, text);
    else if (s == STATUS_NO_MEMORY)
        g->status = s;
    else
        flaw(g, s == STATUS_WRONG_TYPE
                    ? "the value under the OID of identity.vehicle_from is not text: a UTF8String, "
                      "PrintableString, IA5String or BMPString is needed"
                    : "the value under the OID of identity.vehicle_from is not a DER string, or "
                      "holds a control character");
}

enum status cert_oid_texts(const X509 *certificate, struct slice oid, struct arena *arena,
                           struct slice_list *out, const char **why)
{
    struct http_peer found = {0};
    struct gathering g = {.arena = arena, .peer = &found, .status = STATUS_OK};
    ASN1_OBJECT *object = OBJ_txt2obj(arena_format(arena, "%.*s", SLICE_ARGS(oid)), 1);
    const X509_NAME *subject = X509_get_subject_name(certificate);
    struct slice text = SLICE_EMPTY;
    int at = -1;
    while (object && (at = X509_NAME_get_index_by_OBJ(subject, object, at)) >= 0) {
        const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        put_oid_text(&g, &found.other_names, string_text(value, arena, &text), text);
    }
    at = -1;
    while (object && (at = X509_get_ext_by_OBJ(certificate, object, at)) >= 0) {
        struct slice der = bytes_of(X509_EXTENSION_get_data(X509_get_ext(certificate, at)));
        put_oid_text(&g, &found.other_names, cert_der_text(der, arena, &text), text);
    }
    ASN1_OBJECT_free(object);
    ERR_clear_error();
    *out = found.other_names;
    *why = found.flaw;
    return g.status != STATUS_OK ? g.status : found.flaw ? STATUS_MALFORMED : STATUS_OK;
}
