/* tls_ticket.c: resumption of TLS sessions. Ticket keys are made at random, replaced after each
 * lifetime, erased after two and never leave memory. Callbacks run on workers, in handshakes; the
 * keys are under a leaf lock. Whatever is not as expected leads to a full handshake, which verifies
 * the certificate. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "core/clock.h"
#include "core/thread.h"
#include "server/tls/tls.h"
#include "server/tls/tls_context.h"
#include "server/tls/tls_ticket_data.h"

#define NAME_BYTES 16
#define IV_BYTES   16

struct ticket_key {
    bool made;
    int64_t made_s;
    uint8_t name[NAME_BYTES], cipher[32], mac[32];
};

struct tls_tickets {
    pthread_mutex_t lock;
    struct ticket_key keys[2]; /* the current one, the one before */
    int64_t lifetime_s;
};

static int64_t now_s(void)
{
    return clock_wall_ns() / NS_PER_S;
}

static bool is_within(int64_t since_s, int64_t now, int64_t lifetime_s)
{
    return since_s <= now && now - since_s < lifetime_s; /* false too if the clock was set back */
}

static void erase(struct ticket_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

static void make_key(struct ticket_key *key, int64_t now)
{
    key->made = true;
    key->made_s = now;
    random_bytes(key->name, sizeof key->name);
    random_bytes(key->cipher, sizeof key->cipher);
    random_bytes(key->mac, sizeof key->mac);
}

/* The lock is held. */
static void rotate(struct tls_tickets *t, int64_t now)
{
    struct ticket_key *current = &t->keys[0], *before = &t->keys[1];
    if (before->made && !is_within(before->made_s, now, 2 * t->lifetime_s))
        erase(before);
    if (current->made && is_within(current->made_s, now, t->lifetime_s))
        return;
    if (current->made && is_within(current->made_s, now, 2 * t->lifetime_s))
        *before = *current;
    make_key(current, now);
}

/* A copy of the key for new tickets (name NULL) or of the one with this name. False: there is none.
 */
static bool find_key(struct tls_tickets *t, const uint8_t *name, struct ticket_key *out)
{
    const struct ticket_key *found = NULL;
    pthread_mutex_lock(&t->lock);
    rotate(t, now_s());
    for (int i = 0; i < 2 && !found; i++)
        if (t->keys[i].made && (!name || memcmp(t->keys[i].name, name, NAME_BYTES) == 0))
            found = &t->keys[i];
    if (found)
        *out = *found;
    pthread_mutex_unlock(&t->lock);
    return found != NULL;
}

static bool use_key(const struct ticket_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int encrypts)
{
    char digest[] = "SHA256";
    uint8_t secret[sizeof key->mac];
    memcpy(secret, key->mac, sizeof secret);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool good =
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypts) == 1 &&
        EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(secret, sizeof secret);
    return good;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3). */
static int on_key(SSL *session, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int encrypts)
{
    struct tls_tickets *t = tls_session_verification(session)->context->tickets;
    struct ticket_key key;
    if (!find_key(t, encrypts ? NULL : name, &key))
        return 0;
    if (encrypts) {
        memcpy(name, key.name, NAME_BYTES);
        random_bytes(iv, IV_BYTES);
    }
    int result = use_key(&key, iv, cipher, mac, encrypts) ? 1 : -1;
    erase(&key);
    return result;
}

/* What the new ticket says: of a resumed session what its own ticket said, so that a lifetime
 * counts from the full handshake. Its chain is borrowed. */
static struct tls_ticket_data data_of(SSL *session)
{
    const struct tls_verification *v = tls_session_verification(session);
    if (SSL_session_reused(session))
        return v->ticket;
    struct tls_ticket_data data = {
        .certificate = SSL_get0_peer_certificate(session) != NULL,
        .proved_s = now_s(),
        .expiry_s = tls_session_peer_expiry_s(session),
    };
    tls_issuer_key(SSL_get0_verified_chain(session), data.issuer_key);
    return data;
}

/* SSL_CTX_set_session_ticket_cb(3): a ticket is being made. Without the text it is of no use, and
 * the next handshake a full one. */
static int on_make(SSL *session, void *arg)
{
    struct writer text;
    struct tls_ticket_data data = data_of(session);
    (void)arg;
    writer_init(&text, TLS_TICKET_DATA_BYTES);
    if (tls_ticket_data_write(&data, SSL_get_peer_cert_chain(session), &text) == STATUS_OK)
        SSL_SESSION_set1_ticket_appdata(SSL_get_session(session), writer_slice(&text).data,
                                        writer_slice(&text).size);
    writer_fini(&text);
    return 1;
}

/* Whether a session that this context once let in may go on without a full handshake. */
static bool may_resume(const struct tls_context *context, const struct tls_ticket_data *data,
                       X509 *certificate)
{
    int64_t now = now_s();
    int mode = SSL_CTX_get_verify_mode(context->ssl);
    if (data->certificate != (certificate != NULL))
        return false;
    if (!certificate)
        return !(mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) &&
               is_within(data->proved_s, now, context->tickets->lifetime_s);
    return (mode & SSL_VERIFY_PEER) && now <= data->expiry_s && data->issuer_key[0] != '\0' &&
           is_within(data->proved_s, now, context->tickets->lifetime_s) &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0 &&
           !tls_denies(&context->denied, certificate);
}

/* SSL_CTX_set_session_ticket_cb(3): a ticket has come. */
static SSL_TICKET_RETURN on_come(SSL *session, SSL_SESSION *resumed, const unsigned char *name,
                                 size_t name_bytes, SSL_TICKET_STATUS status, void *arg)
{
    struct tls_verification *v = tls_session_verification(session);
    struct tls_ticket_data data;
    void *text = NULL;
    size_t size = 0;
    (void)name, (void)name_bytes, (void)arg;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
        SSL_SESSION_get0_ticket_appdata(resumed, &text, &size) != 1 ||
        tls_ticket_data_read(slice_make(text, size), &data) != STATUS_OK)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!may_resume(v->context, &data, SSL_SESSION_get0_peer(resumed))) {
        tls_ticket_data_fini(&data);
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    tls_ticket_data_fini(&v->ticket);
    v->ticket = data;
    return SSL_TICKET_RETURN_USE_RENEW;
}

static void never_resume(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
}

enum status tls_tickets_create(struct tls_context *context, int64_t lifetime_ns)
{
    SSL_CTX *ssl = context->ssl;
    uint8_t own[NAME_BYTES];
    random_bytes(own, sizeof own); /* sessions of another context are not of this one */
    if (SSL_CTX_set_session_id_context(ssl, own, sizeof own) != 1)
        return STATUS_NO_MEMORY;
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (lifetime_ns < NS_PER_S) {
        never_resume(ssl);
        return STATUS_OK;
    }
    struct tls_tickets *t = (struct tls_tickets *)calloc(1, sizeof *t);
    if (!t)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&t->lock, NULL);
    t->lifetime_s = lifetime_ns / NS_PER_S;
    context->tickets = t;
    SSL_CTX_set_timeout(ssl, (long)t->lifetime_s);
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_max_early_data(ssl, 0); /* it could be replayed */
    SSL_CTX_set_recv_max_early_data(ssl, 0);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_key) == 1 &&
                   SSL_CTX_set_session_ticket_cb(ssl, on_make, on_come, NULL) == 1
               ? STATUS_OK
               : STATUS_NO_MEMORY;
}

void tls_tickets_destroy(struct tls_tickets *t)
{
    if (!t)
        return;
    erase(&t->keys[0]);
    erase(&t->keys[1]);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
