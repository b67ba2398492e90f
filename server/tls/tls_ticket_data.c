/* tls_ticket_data.c: see tls_ticket_data.h. Version, flags, two times, issuer's key, number of
 * certificates, then each as its size and its DER; numbers are little-endian. The text comes back
 * from the sender, encrypted and authenticated; it is read as if it were not. Any thread. */
#include "server/tls/tls_ticket_data.h"

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

enum status tls_ticket_data_write(const struct tls_ticket_data *data, struct writer *out)
{
    int count = data->sent ? sk_X509_num(data->sent) : 0;
    if (count > TLS_TICKET_CHAIN_MAX)
        return STATUS_TOO_LARGE;
    writer_u8(out, VERSION);
    writer_u8(out, data->certificate ? FLAG_CERTIFICATE : 0);
    writer_uint_le(out, (uint64_t)data->proved_s, 8);
    writer_uint_le(out, (uint64_t)data->expiry_s, 8);
    char key[KEY_BYTES] = {0};
    memcpy(key, data->issuer_key, strnlen(data->issuer_key, KEY_BYTES));
    writer_bytes(out, key, sizeof key);
    writer_u8(out, (uint8_t)count);
    for (int i = 0; i < count; i++)
        write_certificate(out, sk_X509_value(data->sent, i));
    if (out->status != STATUS_OK)
        return out->status;
    return writer_slice(out).size <= TLS_TICKET_DATA_BYTES ? STATUS_OK : STATUS_TOO_LARGE;
}

static bool read_certificate(struct reader *r, STACK_OF(X509) * sent)
{
    struct slice der = reader_bytes(r, (size_t)reader_uint_le(r, 4));
    const unsigned char *at = der.data;
    if (r->status != STATUS_OK || der.size == 0)
        return false;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate && at == der.data + der.size && sk_X509_push(sent, certificate) > 0)
        return true;
    X509_free(certificate);
    return false;
}

static bool read_chain(struct reader *r, struct tls_ticket_data *out)
{
    unsigned count = reader_u8(r);
    if (r->status != STATUS_OK || count > TLS_TICKET_CHAIN_MAX)
        return false;
    if (count && !(out->sent = sk_X509_new_null()))
        return false;
    while (count-- > 0)
        if (!read_certificate(r, out->sent))
            return false;
    return reader_left(r) == 0;
}

enum status tls_ticket_data_read(struct slice text, struct tls_ticket_data *out)
{
    struct reader r = reader_make(text);
    *out = (struct tls_ticket_data){0};
    unsigned version = reader_u8(&r), flags = reader_u8(&r);
    out->certificate = flags & FLAG_CERTIFICATE;
    out->proved_s = (int64_t)reader_uint_le(&r, 8);
    out->expiry_s = (int64_t)reader_uint_le(&r, 8);
    struct slice key = reader_bytes(&r, KEY_BYTES);
    if (r.status == STATUS_OK && version == VERSION && (flags & ~(unsigned)FLAGS) == 0) {
        memcpy(out->issuer_key, key.data, KEY_BYTES);
        if (read_chain(&r, out))
            return STATUS_OK;
    }
    tls_ticket_data_fini(out);
    return STATUS_MALFORMED;
}

void tls_ticket_data_fini(struct tls_ticket_data *data)
{
    sk_X509_pop_free(data->sent, X509_free);
    *data = (struct tls_ticket_data){0};
}
