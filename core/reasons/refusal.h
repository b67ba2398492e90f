/* refusal.h: why a request or a batch is refused: rows of refusals.def, and one refusal that is on
 * its way to the sender. Pure; thread: any. */
#ifndef VSOC_CORE_REFUSAL_H
#define VSOC_CORE_REFUSAL_H

#include <stdbool.h>

enum refusal_reason {
#define REFUSAL(code, status, retry_after_s, sentence, advice) REFUSAL_##code,
#define REFUSAL_SILENT(code, sentence, advice)                 REFUSAL_##code,
#define REFUSAL_GROUP(heading)
#include "core/reasons/refusals.def"
#undef REFUSAL
#undef REFUSAL_SILENT
#undef REFUSAL_GROUP
    REFUSAL_COUNT
};

/* Bytes of a detail with its NUL; a longer one is cut. */
#define REFUSAL_DETAIL_BYTES 512

/* Filled by refusal_set or refusal_say only, so that status, code and Retry-After are those of the
 * reason's row. */
struct refusal {
    enum refusal_reason reason;
    int status;                        /* HTTP */
    const char *code;                  /* the row's, static */
    unsigned retry_after_s;            /* 0: no such header. The caller may set another value */
    const char *header, *header_value; /* one more header of the answer, static; NULL: none */
    char detail[REFUSAL_DETAIL_BYTES]; /* a sentence */
};

/* The code of the reason's row, static. */
const char *refusal_code(enum refusal_reason reason);
/* Refuses with the sentence of the reason's row. Always false. */
bool refusal_set(struct refusal *refusal, enum refusal_reason reason);
/* The same with a sentence of the caller's, as printf; it holds no VIN. Always false. */
bool refusal_say(struct refusal *refusal, enum refusal_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
