/* fuzz_credential.c: any bytes as the value of Authorization. What must hold: a token that is found
 * is not empty and is in the value, or is the password of Basic; another scheme is no token. */
#include <stdlib.h>

#include "server/identity/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct slice value = slice_make(data, size), token = SLICE_EMPTY;
    arena_init(&arena, (size_t)1 << 20);
    enum status s = credential_of_header(value, &arena, &token);
    if (s == STATUS_OK) {
        bool basic = slice_equal_nocase(slice_sub(value, 0, 5), "Basic");
        bool inside =
            token.data >= value.data && token.data + token.size <= value.data + value.size;
        volatile uint8_t sum = 0; /* a sanitizer sees bytes that are not there */
        for (size_t i = 0; i < token.size; i++)
            sum = (uint8_t)(sum + token.data[i]);
        if (!token.size || (!basic && !inside))
            abort();
    } else if (s != STATUS_MALFORMED && s != STATUS_NO_MEMORY) {
        abort();
    }
    arena_fini(&arena);
    return 0;
}
