/* tls_ticket_data.c: see tls_ticket_data.h. Version, flags, two times, issuer's key, number of
 * certificates, then each as its size and its DER; numbers are little-endian. The text comes back
 * from the sender, encrypted and authenticated; it is read as if it were not. Any thread. */
#include "server/tls/tls_ticket_data.h"

#include <stdlib.h>
#include <string.h>
#include "core/reader.h"

#define VERSION          1
#define FLAG_CERTIFICATE 1
#define FLAGS            FLAG_CERTIFICATE
#define KEY_BYTES        ((size_t)2 * SHA256_BYTES)

static void write_certificate(struct writer *out, X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size < 0) {
        out->status = STATUS_NO_MEMORY;
        return;
    }
    writer_uint_le(out, (uint64_t)size, 4);
    writer_bytes(out, der, (size_t)size);
    OPENSSL_free(der);
}

static void write_chain(struct writer *out, STACK_OF(X509) * sent)
{
    int count = sent ? sk_X509_num(sent) : 0;
    if (count > TLS_TICKET_CHAIN_MAX)
        out->status = STATUS_TOO_LARGE;
    writer_u8(out, (uint8_t)count);
    for (int i = 0; i < count && out->status == STATUS_OK; i++)
        write_certificate(out, sk_X509_value(sent, i));
}

enum status tls_ticket_data_write(const struct tls_ticket_data *data, STACK_OF(X509) * sent,
                                  struct writer *out)
{
    writer_u8(out, VERSION);
    writer_u8(out, data->certificate ? FLAG_CERTIFICATE : 0);
    writer_uint_le(out, (uint64_t)data->proved_s, 8);
    writer_uint_le(out, (uint64_t)data->expiry_s, 8);
    char key[KEY_BYTES] = {0};
    memcpy(key, data->issuer_key, strnlen(data->issuer_key, KEY_BYTES));
    writer_bytes(out, key, sizeof key);
    if (data->chain)
        writer_bytes(out, data->chain, data->chain_bytes);
    else
        write_chain(out, sent);
    if (out->status != STATUS_OK)
        return out->status;
    return writer_slice(out).size <= TLS_TICKET_DATA_BYTES ? STATUS_OK : STATUS_TOO_LARGE;
}

/* The next certificate's DER; empty: malformed. */
static struct slice next_der(struct reader *r)
{
    struct slice der = reader_bytes(r, (size_t)reader_uint_le(r, 4));
    return r->status == STATUS_OK ? der : SLICE_EMPTY;
}

/* Whether the text is a number of certificates and as many, whatever they are. */
static bool is_chain(struct slice text)
{
    struct reader r = reader_make(text);
    unsigned count = reader_u8(&r);
    if (r.status != STATUS_OK || count > TLS_TICKET_CHAIN_MAX)
        return false;
    while (count-- > 0)
        if (next_der(&r).size == 0)
            return false;
    return reader_left(&r) == 0;
}

static enum status keep_chain(struct slice text, struct tls_ticket_data *out)
{
    if (!is_chain(text))
        return STATUS_MALFORMED;
    out->chain = (uint8_t *)malloc(text.size);
    if (!out->chain)
        return STATUS_NO_MEMORY;
    memcpy(out->chain, text.data, text.size);
    out->chain_bytes = text.size;
    return STATUS_OK;
}

enum status tls_ticket_data_read(struct slice text, struct tls_ticket_data *out)
{
    struct reader r = reader_make(text);
    *out = (struct tls_ticket_data){0};
    unsigned version = reader_u8(&r), flags = reader_u8(&r);
    int64_t proved_s = (int64_t)reader_uint_le(&r, 8), expiry_s = (int64_t)reader_uint_le(&r, 8);
    struct slice key = reader_bytes(&r, KEY_BYTES);
    struct slice chain = reader_bytes(&r, reader_left(&r));
    if (r.status != STATUS_OK || version != VERSION || (flags & ~(unsigned)FLAGS) != 0)
        return STATUS_MALFORMED;
    enum status s = keep_chain(chain, out);
    if (s != STATUS_OK)
        return s;
    out->certificate = flags & FLAG_CERTIFICATE;
    out->proved_s = proved_s;
    out->expiry_s = expiry_s;
    memcpy(out->issuer_key, key.data, KEY_BYTES);
    return STATUS_OK;
}

static bool add_certificate(STACK_OF(X509) * chain, struct slice der)
{
    const unsigned char *at = der.data;
    X509 *certificate = der.size ? d2i_X509(NULL, &at, (long)der.size) : NULL;
    if (certificate && at == der.data + der.size && sk_X509_push(chain, certificate) > 0)
        return true;
    X509_free(certificate);
    return false;
}

STACK_OF(X509) * tls_ticket_data_chain(const struct tls_ticket_data *data)
{
    struct reader r = reader_make(slice_make(data->chain, data->chain_bytes));
    STACK_OF(X509) *chain = data->chain ? sk_X509_new_null() : NULL;
    unsigned count = chain ? reader_u8(&r) : 0;
    while (count-- > 0)
        if (!add_certificate(chain, next_der(&r))) {
            sk_X509_pop_free(chain, X509_free);
            return NULL;
        }
    return chain;
}

void tls_ticket_data_fini(struct tls_ticket_data *data)
{
    free(data->chain);
    *data = (struct tls_ticket_data){0};
}
