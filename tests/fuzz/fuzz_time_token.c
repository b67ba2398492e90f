/* fuzz_time_token.c: any bytes as a time-stamp response (RFC 3161), checked against the text of the
 * corpus's tokens. What must hold: texts of what is taken end in their arrays; each refusal has a
 * sentence; nothing is taken whose imprint is another. */
#include <stdlib.h>

#include "storage/evidence/remote/time_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* tests/data/time_stamps/head */
static const char head[] =
    "vsoc.example/spool-1\n4\nvRkZ9oF1yFzNkBsyqSqXhdmzTbNWbSv8cRXUJtXDDYw=\n";

static bool is_text(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[SHA256_BYTES];
    struct problem problem = {""};
    struct time_token token;
    sha256_bytes(slice_from_text(head), digest);
    struct time_check check = {.sha256 = digest};
    enum status status = time_token_check(slice_make(data, size), &check, &token, &problem);
    if (status == STATUS_OK) {
        if (!is_text(token.serial, sizeof token.serial) ||
            !is_text(token.policy, sizeof token.policy) ||
            !is_text(token.signer, sizeof token.signer) || token.time_ns < 0 ||
            token.accuracy_ns < 0)
            abort();
        digest[0] ^= 1;
        if (time_token_check(slice_make(data, size), &check, &token, &problem) == STATUS_OK)
            abort();
    } else if (!problem.text[0]) {
        abort();
    }
    return 0;
}
