/* record_code.h: codes of records, rows of record_codes.def. A code is a number inside the program;
 * its text is for what leaves it: report, spool, SQL, Kafka, files. Pure; thread: any. */
#ifndef VSOC_CORE_RECORD_CODE_H
#define VSOC_CORE_RECORD_CODE_H

#include <stdbool.h>

#include "core/slice.h"

enum record_code {
    RECORD_OTHER, /* no row: a plug-in's own word, or one of another version of the program */
#define RECORD_CODE(code, source, note, meaning) RECORD_##code,
#include "core/reasons/record_codes.def"
#undef RECORD_CODE
    RECORD_CODE_COUNT
};

/* Who quarantined the record. */
enum record_source {
    RECORD_SOURCE_NONE, /* nobody: the code is not one of quarantine */
    RECORD_SOURCE_PARSE,
    RECORD_SOURCE_POLICY,
    RECORD_SOURCE_SINK,
};

/* A code on its way, with its sentence. */
struct record_reason {
    enum record_code code;
    const char *word;   /* the code's text: the row's, static; OTHER: the plug-in's own */
    const char *detail; /* sentence for people */
};

/* Text of a row, static; "" of OTHER. */
const char *record_code_text(enum record_code code);
/* Row with this text; OTHER: there is none. */
enum record_code record_code_find(struct slice text);
/* Who uses this code; of OTHER: PARSE, as only parsers have words of their own. */
enum record_source record_code_source(enum record_code code);

/* A reason of a row. */
struct record_reason record_reason_make(enum record_code code, const char *detail);
/* A reason of a text that came from outside, which must live as long as the reason; NULL is
 * malformed. */
struct record_reason record_reason_read(const char *word, const char *detail);
/* Whether both have the same code. */
bool record_reason_is_same_code(const struct record_reason *a, const struct record_reason *b);

#endif
