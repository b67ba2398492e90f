/* credential.c: Authorization → token. Worker threads. Does not check whether the token is valid
 * (tokens.c does). */
#include "server/identity/credential.h"

#include "core/base64.h"

/* The text after the scheme; empty: another scheme. */
static struct slice after_scheme(struct slice value, const char *scheme)
{
    size_t n = strlen(scheme);
    if (!slice_equal_nocase(slice_sub(value, 0, n), scheme) || value.size <= n ||
        value.data[n] != ' ')
        return SLICE_EMPTY;
    return slice_trim(slice_sub(value, n, value.size));
}

/* The password of base64(user:password); the user can be anything. */
static enum status password_of(struct slice text, struct arena *arena, struct slice *password)
{
    uint8_t *out = arena_alloc(arena, base64_decoded_max(text.size));
    struct slice pair;
    if (!out)
        return STATUS_NO_MEMORY;
    if (base64_decode(text, out, &pair) != STATUS_OK)
        return STATUS_MALFORMED;
    const uint8_t *colon = slice_find_byte(pair, ':');
    if (!colon)
        return STATUS_MALFORMED;
    *password = slice_sub(pair, (size_t)(colon - pair.data) + 1, pair.size);
    return password->size ? STATUS_OK : STATUS_MALFORMED;
}

enum status credential_of_header(struct slice authorization, struct arena *arena,
                                 struct slice *token)
{
    struct slice basic = after_scheme(authorization, "Basic");
    if (basic.size)
        return password_of(basic, arena, token);
    struct slice shown = after_scheme(authorization, "Bearer");
    if (!shown.size)
        shown = after_scheme(authorization, "Splunk");
    if (!shown.size)
        return STATUS_MALFORMED;
    *token = shown;
    return STATUS_OK;
}
