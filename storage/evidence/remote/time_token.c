/* time_token.c: RFC 3161 through OpenSSL's time-stamp functions. Any thread. Neither sends nor
 * stores. */
#include "storage/evidence/remote/time_token.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"

#define CAS_MAX 256
/* No SHA-1, no RSA below 2048 bits in a chain. */
#define SECURITY_LEVEL 2

struct time_trust {
    STACK_OF(X509) * cas;
};

/* The innermost reason that OpenSSL gives, or fallback. */
static const char *openssl_reason(const char *fallback)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : fallback;
}

/* ---- trust ---- */

static enum status add_cas(struct time_trust *trust, BIO *pem, struct problem *problem)
{
    for (;;) {
        X509 *ca = PEM_read_bio_X509(pem, NULL, NULL, NULL);
        if (!ca)
            break;
        if (sk_X509_num(trust->cas) >= CAS_MAX || !sk_X509_push(trust->cas, ca)) {
            X509_free(ca);
            problem_say(problem, "has more than %d certificates", CAS_MAX);
            return STATUS_MALFORMED;
        }
    }
    unsigned long error = ERR_peek_last_error();
    bool is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (is_end && sk_X509_num(trust->cas))
        return STATUS_OK;
    problem_say(problem, is_end ? "holds no certificate (PEM)" : "holds a damaged certificate");
    return STATUS_MALFORMED;
}

enum status time_trust_parse(struct slice pem, struct time_trust **out, struct problem *problem)
{
    struct time_trust *trust = calloc(1, sizeof *trust);
    BIO *text = pem.size <= INT32_MAX
                    ? BIO_new_mem_buf(pem.size ? (const void *)pem.data : "", (int)pem.size)
                    : NULL;
    enum status status = STATUS_NO_MEMORY;
    problem_say(problem, "%s", status_text(status));
    ERR_clear_error();
    if (trust && text && (trust->cas = sk_X509_new_null()))
        status = add_cas(trust, text, problem);
    ERR_clear_error();
    BIO_free(text);
    if (status == STATUS_OK)
        *out = trust;
    else
        time_trust_destroy(trust);
    return status;
}

void time_trust_destroy(struct time_trust *trust)
{
    if (!trust)
        return;
    sk_X509_pop_free(trust->cas, X509_free);
    free(trust);
}

/* A store whose certificates have to be valid at a time; NULL: no memory. */
static X509_STORE *make_store(const struct time_trust *trust, time_t at)
{
    X509_STORE *store = X509_STORE_new();
    bool good = store != NULL;
    for (int i = 0; good && i < sk_X509_num(trust->cas); i++)
        good = X509_STORE_add_cert(store, sk_X509_value(trust->cas, i)) == 1;
    if (good) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_time(param, at);
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}

/* ---- request ---- */

static TS_MSG_IMPRINT *make_imprint(const uint8_t sha256[SHA256_BYTES])
{
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    uint8_t copy[SHA256_BYTES];
    memcpy(copy, sha256, sizeof copy);
    bool good = imprint && algorithm &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
                TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
                TS_MSG_IMPRINT_set_msg(imprint, copy, sizeof copy) == 1;
    X509_ALGOR_free(algorithm);
    if (good)
        return imprint;
    TS_MSG_IMPRINT_free(imprint);
    return NULL;
}

static bool set_nonce(TS_REQ *request, const uint8_t nonce[TIME_NONCE_BYTES])
{
    BIGNUM *number = BN_bin2bn(nonce, TIME_NONCE_BYTES, NULL);
    ASN1_INTEGER *integer = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    bool good = integer && TS_REQ_set_nonce(request, integer) == 1;
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return good;
}

/* nonce may be NULL. NULL: no memory. */
static TS_REQ *make_request(const uint8_t sha256[SHA256_BYTES], const uint8_t *nonce)
{
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = make_imprint(sha256);
    bool good = request && imprint && TS_REQ_set_version(request, 1) == 1 &&
                TS_REQ_set_msg_imprint(request, imprint) == 1 &&
                TS_REQ_set_cert_req(request, 1) == 1 && (!nonce || set_nonce(request, nonce));
    TS_MSG_IMPRINT_free(imprint);
    if (good)
        return request;
    TS_REQ_free(request);
    return NULL;
}

enum status time_request_write(const uint8_t sha256[SHA256_BYTES],
                               const uint8_t nonce[TIME_NONCE_BYTES], struct writer *out)
{
    uint8_t *der = NULL;
    TS_REQ *request = make_request(sha256, nonce);
    int size = request ? i2d_TS_REQ(request, &der) : -1;
    if (size > 0)
        writer_bytes(out, der, (size_t)size);
    OPENSSL_free(der);
    TS_REQ_free(request);
    ERR_clear_error();
    return size > 0 ? out->status : STATUS_NO_MEMORY;
}

/* ---- response ---- */

static enum status check_granted(TS_RESP *response, struct problem *problem)
{
    long granted = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response)));
    if (granted != TS_STATUS_GRANTED && granted != TS_STATUS_GRANTED_WITH_MODS) {
        problem_say(problem, "the authority refuses: status %ld", granted);
        return STATUS_UNAVAILABLE;
    }
    if (TS_RESP_get_token(response) && TS_RESP_get_tst_info(response))
        return STATUS_OK;
    problem_say(problem, "the answer holds no token");
    return STATUS_MALFORMED;
}

/* ns of the digits behind a decimal point of text; 0 without one. */
static int64_t fraction_ns(struct slice text)
{
    const uint8_t *point = slice_find_byte(text, '.');
    int64_t ns = 0, unit = NS_PER_S / 10;
    if (!point)
        return 0;
    for (const uint8_t *p = point + 1; p < text.data + text.size && *p >= '0' && *p <= '9'; p++) {
        ns += (*p - '0') * unit;
        unit /= 10;
    }
    return ns;
}

static bool read_time(const ASN1_GENERALIZEDTIME *time, int64_t *ns)
{
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    time_t seconds = timegm(&tm);
    if (seconds < 0 || seconds > INT64_MAX / NS_PER_S - 1)
        return false;
    struct slice text = slice_make(ASN1_STRING_get0_data(time), (size_t)ASN1_STRING_length(time));
    *ns = (int64_t)seconds * NS_PER_S + fraction_ns(text);
    return true;
}

/* Seconds, thousandths and millionths, each of which may be missing. */
static int64_t read_accuracy(TS_ACCURACY *accuracy)
{
    if (!accuracy)
        return 0;
    const ASN1_INTEGER *parts[] = {TS_ACCURACY_get_seconds(accuracy),
                                   TS_ACCURACY_get_millis(accuracy),
                                   TS_ACCURACY_get_micros(accuracy)};
    const int64_t units[] = {NS_PER_S, NS_PER_MS, NS_PER_US};
    int64_t ns = 0;
    for (size_t i = 0; i < 3; i++) {
        long n = parts[i] ? ASN1_INTEGER_get(parts[i]) : 0;
        ns += (n > 0 && n < 1000000 ? n : 0) * units[i];
    }
    return ns;
}

static void read_serial(const ASN1_INTEGER *serial, struct time_token *out)
{
    BIGNUM *number = serial ? ASN1_INTEGER_to_BN(serial, NULL) : NULL;
    char *hex = number ? BN_bn2hex(number) : NULL;
    snprintf(out->serial, sizeof out->serial, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(number);
}

static void read_signer(PKCS7 *token, struct time_token *out)
{
    STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    BIO *text = BIO_new(BIO_s_mem());
    if (text && signers && sk_X509_num(signers) > 0 &&
        X509_NAME_print_ex(text, X509_get_subject_name(sk_X509_value(signers, 0)), 0,
                           XN_FLAG_RFC2253) >= 0) {
        char *name;
        long size = BIO_get_mem_data(text, &name);
        snprintf(out->signer, sizeof out->signer, "%.*s", (int)size, name);
    }
    BIO_free(text);
    sk_X509_free(signers);
}

static enum status read_token(TS_RESP *response, struct time_token *out, struct problem *problem)
{
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    *out = (struct time_token){.accuracy_ns = read_accuracy(TS_TST_INFO_get_accuracy(info))};
    if (!read_time(TS_TST_INFO_get_time(info), &out->time_ns)) {
        problem_say(problem, "the token has no valid time");
        return STATUS_MALFORMED;
    }
    read_serial(TS_TST_INFO_get_serial(info), out);
    OBJ_obj2txt(out->policy, sizeof out->policy, TS_TST_INFO_get_policy_id(info), 1);
    read_signer(TS_RESP_get_token(response), out);
    return STATUS_OK;
}

/* Version, imprint and, with a nonce, that. */
static enum status check_content(TS_RESP *response, const struct time_check *check,
                                 struct problem *problem)
{
    TS_REQ *request = make_request(check->sha256, check->nonce);
    TS_VERIFY_CTX *context = request ? TS_REQ_to_TS_VERIFY_CTX(request, NULL) : NULL;
    enum status status = STATUS_NO_MEMORY;
    if (context) {
        TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_IMPRINT |
                                             (check->nonce ? TS_VFY_NONCE : 0));
        status = TS_RESP_verify_response(context, response) == 1 ? STATUS_OK : STATUS_CONFLICT;
    }
    if (status == STATUS_CONFLICT)
        problem_say(problem, "the token is of another request: %s", openssl_reason("mismatch"));
    TS_VERIFY_CTX_free(context);
    TS_REQ_free(request);
    return status;
}

/* The signature, by a certificate that is for time stamps and valid at a time. */
static enum status check_signature(TS_RESP *response, const struct time_trust *trust, int64_t at_ns,
                                   struct problem *problem)
{
    TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
    X509_STORE *store = make_store(trust, (time_t)(at_ns / NS_PER_S));
    enum status status = STATUS_NO_MEMORY;
    if (context && store) {
        TS_VERIFY_CTX_set_store(context, store); /* which it frees */
        store = NULL;
        TS_VERIFY_CTX_set_flags(context, TS_VFY_SIGNATURE | TS_VFY_SIGNER);
        status = TS_RESP_verify_response(context, response) == 1 ? STATUS_OK : STATUS_REFUSED;
    }
    if (status == STATUS_REFUSED) {
        const char *more = NULL;
        int flags = 0;
        ERR_peek_last_error_all(NULL, NULL, NULL, &more, &flags);
        bool has_text = more && (flags & ERR_TXT_STRING) && *more;
        problem_say(problem, "the token's signature is not trusted: %s%s%s",
                    openssl_reason("not valid"), has_text ? ": " : "", has_text ? more : "");
    }
    X509_STORE_free(store);
    TS_VERIFY_CTX_free(context);
    return status;
}

static enum status check_response(TS_RESP *response, const struct time_check *check,
                                  struct time_token *out, struct problem *problem)
{
    struct time_token token;
    enum status status = check_granted(response, problem);
    if (status == STATUS_OK)
        status = read_token(response, &token, problem);
    if (status == STATUS_OK)
        status = check_content(response, check, problem);
    if (status == STATUS_OK && check->trust)
        status = check_signature(response, check->trust, token.time_ns, problem);
    if (status == STATUS_OK && check->trust && check->at_ns)
        status = check_signature(response, check->trust, check->at_ns, problem);
    if (status == STATUS_OK)
        *out = token;
    return status;
}

enum status time_token_check(struct slice response, const struct time_check *check,
                             struct time_token *out, struct problem *problem)
{
    const uint8_t *p = response.data;
    if (response.size > TIME_TOKEN_BYTES_MAX) {
        problem_say(problem, "the answer is larger than %zu bytes", TIME_TOKEN_BYTES_MAX);
        return STATUS_TOO_LARGE;
    }
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    ERR_clear_error();
    TS_RESP *parsed = response.size ? d2i_TS_RESP(NULL, &p, (long)response.size) : NULL;
    enum status status = STATUS_MALFORMED;
    if (parsed && p == response.data + response.size)
        status = check_response(parsed, check, out, problem);
    else
        problem_say(problem, "the answer is no time-stamp response (RFC 3161)");
    TS_RESP_free(parsed);
    ERR_clear_error();
    return status;
}
