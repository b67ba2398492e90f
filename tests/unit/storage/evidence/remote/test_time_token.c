/* The tokens in tests/data/time_stamps were made by `openssl ts`, which is the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/clock.h"
#include "storage/evidence/remote/time_token.h"

/* As `openssl ts -reply -text` prints them. */
#define TOKEN_TIME_NS  (INT64_C(1796020437) * NS_PER_S + 220748 * NS_PER_US)
#define YEAR_NS        (INT64_C(366) * 24 * 3600 * NS_PER_S)
#define MUTATIONS_STEP 3

static const uint8_t nonce[TIME_NONCE_BYTES] = {0,    0,    0,    0,    0,    0,    0,    0,
                                                0x90, 0x70, 0x51, 0xe5, 0x14, 0xb4, 0x6c, 0x35};

static struct writer file_of(const char *name)
{
    char path[512];
    uint8_t bytes[8192];
    struct writer w;
    snprintf(path, sizeof path, TEST_DATA_DIR "/time_stamps/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    writer_init(&w, 1 << 20);
    writer_bytes(&w, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
    return w;
}

static struct time_trust *trust_of(const char *name)
{
    struct time_trust *trust = NULL;
    struct problem problem;
    struct writer pem = file_of(name);
    assert_int_equal(time_trust_parse(writer_slice(&pem), &trust, &problem), STATUS_OK);
    writer_fini(&pem);
    return trust;
}

static void digest_of(const char *name, uint8_t digest[SHA256_BYTES])
{
    struct writer text = file_of(name);
    sha256_bytes(writer_slice(&text), digest);
    writer_fini(&text);
}

/* Checks a response against the file head and the CA; NULL: against no CA. */
static enum status check(struct slice response, const char *ca, const uint8_t *with_nonce,
                         int64_t at_ns, struct time_token *token)
{
    uint8_t digest[SHA256_BYTES];
    struct problem problem = {""};
    struct time_trust *trust = ca ? trust_of(ca) : NULL;
    digest_of("head", digest);
    const struct time_check with = {
        .sha256 = digest, .nonce = with_nonce, .trust = trust, .at_ns = at_ns};
    enum status status = time_token_check(response, &with, token, &problem);
    assert_true(status == STATUS_OK || problem.text[0]);
    time_trust_destroy(trust);
    return status;
}

static enum status check_file(const char *name, const char *ca, const uint8_t *with_nonce,
                              int64_t at_ns)
{
    struct time_token token;
    struct writer response = file_of(name);
    enum status status = check(writer_slice(&response), ca, with_nonce, at_ns, &token);
    writer_fini(&response);
    return status;
}

static void request_is_the_one_that_openssl_makes(void **state)
{
    uint8_t digest[SHA256_BYTES];
    struct writer w, expected = file_of("head.tsq");
    (void)state;
    digest_of("head", digest);
    writer_init(&w, TIME_TOKEN_BYTES_MAX);
    assert_int_equal(time_request_write(digest, nonce, &w), STATUS_OK);
    assert_true(slice_equal(writer_slice(&w), writer_slice(&expected)));
    writer_fini(&w);
    writer_fini(&expected);
}

static void token_says_what_openssl_says(void **state)
{
    struct time_token token;
    struct writer response = file_of("granted.tsr");
    (void)state;
    assert_int_equal(check(writer_slice(&response), "ca.pem", nonce, TOKEN_TIME_NS, &token),
                     STATUS_OK);
    assert_true(token.time_ns == TOKEN_TIME_NS);
    assert_true(token.accuracy_ns == 1500 * NS_PER_MS);
    assert_string_equal(token.serial, "A2");
    assert_string_equal(token.policy, "1.2.3.4.1");
    assert_string_equal(token.signer, "CN=authority,O=Example");
    writer_fini(&response);
}

static void token_of_another_request_is_refused(void **state)
{
    uint8_t other[TIME_NONCE_BYTES], digest[SHA256_BYTES];
    struct time_token token;
    struct problem problem;
    struct writer response = file_of("granted.tsr");
    (void)state;
    memcpy(other, nonce, sizeof other);
    other[15] ^= 1;
    assert_int_equal(check_file("granted.tsr", "ca.pem", other, TOKEN_TIME_NS), STATUS_CONFLICT);
    assert_int_equal(check_file("no_nonce.tsr", "ca.pem", nonce, TOKEN_TIME_NS), STATUS_CONFLICT);
    assert_int_equal(check_file("no_nonce.tsr", "ca.pem", NULL, TOKEN_TIME_NS), STATUS_OK);
    assert_int_equal(check_file("sha512.tsr", "ca.pem", NULL, TOKEN_TIME_NS), STATUS_CONFLICT);
    digest_of("head.tsq", digest);
    const struct time_check check_other = {.sha256 = digest, .nonce = nonce};
    assert_int_equal(time_token_check(writer_slice(&response), &check_other, &token, &problem),
                     STATUS_CONFLICT);
    writer_fini(&response);
}

static void certificate_must_be_trusted_and_valid(void **state)
{
    (void)state;
    assert_int_equal(check_file("granted.tsr", "foreign.pem", nonce, TOKEN_TIME_NS),
                     STATUS_REFUSED);
    assert_int_equal(check_file("stranger.tsr", "ca.pem", nonce, TOKEN_TIME_NS), STATUS_REFUSED);
    assert_int_equal(check_file("stranger.tsr", "foreign.pem", nonce, TOKEN_TIME_NS), STATUS_OK);
    assert_int_equal(check_file("no_certificate.tsr", "ca.pem", NULL, TOKEN_TIME_NS),
                     STATUS_REFUSED);
    assert_int_equal(check_file("granted.tsr", "ca.pem", nonce, TOKEN_TIME_NS + YEAR_NS),
                     STATUS_REFUSED);
    assert_int_equal(check_file("granted.tsr", "ca.pem", nonce, TOKEN_TIME_NS - YEAR_NS),
                     STATUS_REFUSED);
}

static void stored_token_stays_valid_when_its_certificate_has_expired(void **state)
{
    (void)state;
    assert_int_equal(check_file("granted.tsr", "ca.pem", NULL, 0), STATUS_OK);
}

static void refusal_of_the_authority_is_told_from_damage(void **state)
{
    (void)state;
    assert_int_equal(check_file("rejected.tsr", "ca.pem", nonce, TOKEN_TIME_NS),
                     STATUS_UNAVAILABLE);
}

static void cut_and_longer_answers_are_malformed(void **state)
{
    struct time_token token;
    struct writer response = file_of("granted.tsr");
    uint8_t *huge = calloc(1, TIME_TOKEN_BYTES_MAX + 1);
    (void)state;
    assert_non_null(huge);
    for (size_t size = 0; size < response.size; size += MUTATIONS_STEP)
        assert_int_equal(check(slice_make(response.data, size), NULL, nonce, 0, &token),
                         STATUS_MALFORMED);
    writer_u8(&response, 0);
    assert_int_equal(check(writer_slice(&response), "ca.pem", nonce, 0, &token), STATUS_MALFORMED);
    assert_int_equal(check(slice_make(huge, TIME_TOKEN_BYTES_MAX + 1), NULL, nonce, 0, &token),
                     STATUS_TOO_LARGE);
    free(huge);
    writer_fini(&response);
}

/* One byte of the response changed: it is refused, unless the byte is one that nobody signs (the
 * status that precedes the token), and then the token says the same. */
static void no_changed_byte_changes_what_is_attested(void **state)
{
    struct writer response = file_of("granted.tsr");
    (void)state;
    for (size_t at = 0; at < response.size; at += MUTATIONS_STEP) {
        struct time_token token = {.time_ns = TOKEN_TIME_NS};
        response.data[at] ^= 0x04;
        if (check(writer_slice(&response), "ca.pem", nonce, TOKEN_TIME_NS, &token) == STATUS_OK)
            assert_true(token.time_ns == TOKEN_TIME_NS && !strcmp(token.serial, "A2"));
        response.data[at] ^= 0x04;
    }
    writer_fini(&response);
}

static void trust_needs_whole_certificates(void **state)
{
    struct time_trust *trust = NULL;
    struct problem problem = {""};
    struct writer pem = file_of("ca.pem");
    (void)state;
    assert_int_equal(time_trust_parse(SLICE_LITERAL("text\n"), &trust, &problem), STATUS_MALFORMED);
    assert_int_equal(time_trust_parse(SLICE_EMPTY, &trust, &problem), STATUS_MALFORMED);
    writer_add_slice(&pem, slice_make(pem.data, pem.size / 2));
    assert_int_equal(time_trust_parse(writer_slice(&pem), &trust, &problem), STATUS_MALFORMED);
    assert_null(trust);
    writer_fini(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_the_one_that_openssl_makes),
        cmocka_unit_test(token_says_what_openssl_says),
        cmocka_unit_test(token_of_another_request_is_refused),
        cmocka_unit_test(certificate_must_be_trusted_and_valid),
        cmocka_unit_test(stored_token_stays_valid_when_its_certificate_has_expired),
        cmocka_unit_test(refusal_of_the_authority_is_told_from_damage),
        cmocka_unit_test(cut_and_longer_answers_are_malformed),
        cmocka_unit_test(no_changed_byte_changes_what_is_attested),
        cmocka_unit_test(trust_needs_whole_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
