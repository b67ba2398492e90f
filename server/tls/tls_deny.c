/* tls_deny.c: tls.deny_list: certificates that are refused although a trusted CA has signed them.
 * Reading: main thread; lookup: workers, at handshakes and rechecks. */
#include "server/tls/tls_context.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include "core/hex.h"

#define SERIAL_BYTES_MAX 64
#define NAME_BYTES_MAX   4096

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_BYTES);
}

static bool has(const struct tls_denied *denied, const uint8_t digest[SHA256_BYTES])
{
    return bsearch(digest, denied->digests, denied->count, SHA256_BYTES, compare_digests) != NULL;
}

/* serial: without leading zeros. */
static bool digest_serial(struct slice serial, struct slice issuer, uint8_t digest[SHA256_BYTES])
{
    struct sha256 *sha = sha256_create();
    if (!sha)
        return false;
    sha256_update(sha, serial);
    sha256_update(sha, SLICE_LITERAL("\n"));
    sha256_update(sha, issuer);
    sha256_finish(sha, digest);
    sha256_destroy(sha);
    return true;
}

static struct slice without_zeros(struct slice serial)
{
    while (serial.size && serial.data[0] == 0)
        serial = slice_sub(serial, 1, serial.size);
    return serial;
}

static bool digest_issuer_and_serial(const X509 *certificate, uint8_t digest[SHA256_BYTES])
{
    const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
    struct slice serial = slice_make(ASN1_STRING_get0_data((const ASN1_STRING *)number),
                                     (size_t)ASN1_STRING_length((const ASN1_STRING *)number));
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    bool good = text && X509_NAME_print_ex(text, X509_get_issuer_name(certificate), 0,
                                           XN_FLAG_RFC2253) >= 0;
    if (good) {
        long size = BIO_get_mem_data(text, &data);
        good = digest_serial(without_zeros(serial), slice_make(data, size > 0 ? (size_t)size : 0),
                             digest);
    }
    BIO_free(text);
    return good;
}

bool tls_denies(const struct tls_denied *denied, X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (denied->count == 0)
        return false;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1 || size != SHA256_BYTES ||
        has(denied, digest))
        return true;
    return denied->has_serials &&
           (!digest_issuer_and_serial(certificate, digest) || has(denied, digest));
}

/* Reads hex digits with colons between them; *text advances past them. */
static size_t read_hex(const char **text, uint8_t *out, size_t max)
{
    size_t digits = 0;
    uint8_t all[2 * SERIAL_BYTES_MAX];
    for (; digits < 2 * max; ++*text) {
        int v = hex_digit_value(**text);
        if (**text == ':' && digits > 0)
            continue;
        if (v < 0)
            break;
        all[digits++] = (uint8_t)v;
    }
    size_t odd = digits % 2;
    for (size_t i = 0; i < (digits + odd) / 2; i++) {
        size_t low = 2 * i + 1 - odd;
        out[i] = (uint8_t)((low > 0 ? all[low - 1] << 4 : 0) | all[low]);
    }
    return (digits + odd) / 2;
}

/* 64 hex digits, then white space or a comment. */
static bool read_fingerprint(const char *text, uint8_t digest[SHA256_BYTES])
{
    if (read_hex(&text, digest, SHA256_BYTES) != SHA256_BYTES)
        return false;
    text += strspn(text, " \t");
    return *text == '\0' || *text == '#';
}

/* "serial=0A:1B issuer=CN=fleet CA,O=oem". */
static bool read_serial(const char *text, uint8_t digest[SHA256_BYTES])
{
    uint8_t serial[SERIAL_BYTES_MAX];
    text += strlen("serial=");
    size_t size = read_hex(&text, serial, sizeof serial);
    size_t blanks = strspn(text, " \t");
    text += blanks;
    if (size == 0 || blanks == 0 || strncmp(text, "issuer=", 7) != 0)
        return false;
    struct slice issuer = slice_trim(slice_from_text(text + 7));
    return issuer.size && digest_serial(without_zeros(slice_make(serial, size)), issuer, digest);
}

static bool add(struct tls_denied *denied, const uint8_t digest[SHA256_BYTES])
{
    size_t n = denied->count;
    if ((n & (n - 1)) == 0) { /* grows at powers of two */
        void *more = realloc(denied->digests, (n ? 2 * n : 1) * SHA256_BYTES);
        if (!more)
            return false;
        denied->digests = (uint8_t *)more;
    }
    memcpy(denied->digests + n * SHA256_BYTES, digest, SHA256_BYTES);
    denied->count++;
    return true;
}

/* Reads one line without its end. CONFIG: it is neither. */
static enum status read_line(struct tls_denied *denied, struct slice line)
{
    char text[NAME_BYTES_MAX];
    uint8_t digest[SHA256_BYTES];
    line = slice_trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return STATUS_OK;
    if (line.size >= sizeof text || memchr(line.data, 0, line.size))
        return STATUS_CONFIG;
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    bool serial = !strncmp(text, "serial=", 7);
    if (serial ? !read_serial(text, digest) : !read_fingerprint(text, digest))
        return STATUS_CONFIG;
    denied->has_serials |= serial;
    return add(denied, digest) ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status tls_load_deny_list(struct tls_context *context, const struct tls_settings *settings,
                               struct problem *problem)
{
    struct writer file;
    char what[160];
    unsigned number = 0;
    if (!settings->deny_list)
        return STATUS_OK;
    enum status status =
        tls_file_read(problem, "tls.deny_list", settings->deny_list, TRUSTED_PUBLIC, &file);
    struct slice rest = writer_slice(&file);
    while (status == STATUS_OK && rest.size) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end ? (size_t)(end - rest.data) : rest.size;
        number++;
        status = read_line(&context->denied, slice_sub(rest, 0, size));
        rest = slice_sub(rest, size + 1, rest.size);
        if (status != STATUS_CONFIG)
            continue;
        snprintf(what, sizeof what,
                 "line %u is neither a SHA-256 fingerprint of 64 hex digits nor serial=HEX "
                 "issuer=NAME",
                 number);
        tls_complain(problem, "tls.deny_list", settings->deny_list, what);
    }
    writer_fini(&file);
    if (context->denied.count > 0)
        qsort(context->denied.digests, context->denied.count, SHA256_BYTES, compare_digests);
    return status;
}
