/* record_code.c: looks up rows of record_codes.def. Any thread. Does not decide what is refused. */
#include "core/reasons/record_code.h"

#include <string.h>

static const struct {
    const char *text;
    enum record_source source;
} rows[] = {
    [RECORD_OTHER] = {"", RECORD_SOURCE_PARSE},
#define RECORD_CODE(code, source, note, meaning) [RECORD_##code] = {#code, RECORD_SOURCE_##source},
#include "core/reasons/record_codes.def"
#undef RECORD_CODE
};

const char *record_code_text(enum record_code code)
{
    return rows[code].text;
}

enum record_code record_code_find(struct slice text)
{
    for (unsigned i = RECORD_OTHER + 1; i < RECORD_CODE_COUNT; i++)
        if (slice_equal_text(text, rows[i].text))
            return (enum record_code)i;
    return RECORD_OTHER;
}

enum record_source record_code_source(enum record_code code)
{
    return rows[code].source;
}

struct record_reason record_reason_make(enum record_code code, const char *detail)
{
    return (struct record_reason){code, rows[code].text, detail};
}

struct record_reason record_reason_read(const char *word, const char *detail)
{
    enum record_code code = word ? record_code_find(slice_from_text(word)) : RECORD_malformed;
    return (struct record_reason){code, code == RECORD_OTHER ? word : rows[code].text, detail};
}

bool record_reason_is_same_code(const struct record_reason *a, const struct record_reason *b)
{
    return a->code == b->code && (a->code != RECORD_OTHER || strcmp(a->word, b->word) == 0);
}
