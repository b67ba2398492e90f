/* fuzz_tokens.c: any bytes as a file of tokens. What must hold: a mistake is told with a line; a
 * file that is taken is written as one that is taken again and written the same; no token is known
 * by the empty secret. */
#include <stdio.h>
#include <stdlib.h>

#include "server/identity/tokens.h"
#include "core/log/problem.h"

#define WRITTEN_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct tokens *tokens)
{
    struct writer first, second;
    struct tokens *again = NULL;
    struct problem problem;
    writer_init(&first, WRITTEN_MAX);
    writer_init(&second, WRITTEN_MAX);
    tokens_write(tokens, &first);
    if (first.status != STATUS_OK ||
        tokens_parse(writer_slice(&first), &again, &problem) != STATUS_OK)
        abort();
    tokens_write(again, &second);
    if (!slice_equal(writer_slice(&first), writer_slice(&second)))
        abort();
    tokens_destroy(again);
    writer_fini(&first);
    writer_fini(&second);
}

static void check_tokens(const struct tokens *tokens)
{
    const struct token *found;
    char shown[TOKEN_ID_MAX + 2];
    for (size_t i = 0; i < tokens_count(tokens); i++) {
        const struct token *t = tokens_at(tokens, i);
        if (!t->id.size || t->id.size > TOKEN_ID_MAX || !t->tenant.size ||
            tokens_find(tokens, t->id) != t || (t->vehicles.size > 0) != (t->vehicle_set != NULL))
            abort();
        snprintf(shown, sizeof shown, "%.*s.", SLICE_ARGS(t->id));
        if (tokens_check(tokens, slice_from_text(shown), &found) != STATUS_NOT_FOUND)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokens *tokens = NULL;
    struct problem problem = {""};
    enum status s = tokens_parse(slice_make(data, size), &tokens, &problem);
    if (s == STATUS_OK) {
        check_tokens(tokens);
        check_written(tokens);
    } else if (s != STATUS_NO_MEMORY &&
               (s != STATUS_CONFIG || !slice_starts_with(slice_from_text(problem.text), "line "))) {
        abort();
    }
    tokens_destroy(tokens);
    return 0;
}
