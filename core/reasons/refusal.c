/* refusal.c: makes refusals from the rows of refusals.def. Any thread. Does not send them. */
#include "core/reasons/refusal.h"
#include "core/thread.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *code, *sentence;
    int status;
    unsigned retry_after_s;
} rows[] = {
#define REFUSAL(code, status, retry_after_s, sentence, advice)                                     \
    [REFUSAL_##code] = {#code, sentence, status, retry_after_s},
#define REFUSAL_SILENT(code, sentence, advice) [REFUSAL_##code] = {#code, sentence, 0, 0},
#define REFUSAL_GROUP(heading)
#include "core/reasons/refusals.def"
#undef REFUSAL
#undef REFUSAL_SILENT
};

/* 429 and 503 mean: again later. Clients read when. */
#define REFUSAL(code, status, retry_after_s, sentence, advice)                                     \
    _Static_assert(((status) != 429 && (status) != 503) || (retry_after_s) > 0, #code);
#define REFUSAL_SILENT(code, sentence, advice)
#include "core/reasons/refusals.def"
#undef REFUSAL
#undef REFUSAL_SILENT
#undef REFUSAL_GROUP

const char *refusal_code(enum refusal_reason reason)
{
    return rows[reason].code;
}

static void start(struct refusal *refusal, enum refusal_reason reason)
{
    ensure(rows[reason].status != 0); /* a silent one has no answer */
    refusal->reason = reason;
    refusal->status = rows[reason].status;
    refusal->code = rows[reason].code;
    refusal->retry_after_s = rows[reason].retry_after_s;
    refusal->header = refusal->header_value = NULL;
}

bool refusal_set(struct refusal *refusal, enum refusal_reason reason)
{
    start(refusal, reason);
    snprintf(refusal->detail, sizeof refusal->detail, "%s", rows[reason].sentence);
    return false;
}

bool refusal_say(struct refusal *refusal, enum refusal_reason reason, const char *format, ...)
{
    va_list args;
    start(refusal, reason);
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    return false;
}
