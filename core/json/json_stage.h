/* json_stage.h: where the tokens of a JSON text start (simdjson's first stage, which also checks
 * UTF-8, the ends of strings and control characters in them). For json.cpp only; one owner. */
#ifndef VSOC_CORE_JSON_STAGE_H
#define VSOC_CORE_JSON_STAGE_H

#include "core/json/json_error.h"
#include "core/slice.h"
#include "core/status.h"

/* Tokens of one text, valid until the next call. */
struct json_tokens {
    const uint8_t *base;          /* offsets are counted from here */
    const uint32_t *first, *last; /* offsets; *last, after them, is where the text ends or more */
    bool has_escapes;             /* there may be a backslash somewhere */
};

struct json_stage;

/* nullptr: out of memory. */
struct json_stage *json_stage_create();
void json_stage_destroy(struct json_stage *stage);

/* Tokens of all of text, which is not empty. MALFORMED, INVALID_UTF8, TOO_LARGE, NO_MEMORY with
 * *error. */
enum status json_stage_find(struct json_stage *stage, struct slice text, struct json_tokens *tokens,
                            struct json_error *error) must_check;

/* Texts of the next calls lie in body, mostly one after the other; it stays as it is until the next
 * call of this. Empty: they do not. */
void json_stage_ahead(struct json_stage *stage, struct slice body);

/* Tokens of an object that lies in the body, found together with those around it: a pass over many
 * short texts costs less than many passes. False: undecided, json_stage_find must be asked. That
 * includes every text that has an error. */
bool json_stage_next(struct json_stage *stage, struct slice text, struct json_tokens *tokens);

/* The tokens of the body from an object on, as far as they are known. */
struct json_ahead {
    const uint8_t *base;          /* offsets are counted from here */
    const uint32_t *first, *last; /* offsets, of { and of the last one known + 1 */
    const uint8_t *escape;        /* the first backslash from the object on, or where tokens end */
};

/* The same for a reader that finds the end of an object of the body itself. False: undecided. */
bool json_stage_open(struct json_stage *stage, const uint8_t *start, struct json_ahead *ahead);
/* The object opened last was read; next is the token behind it. It may be opened again. */
void json_stage_close(struct json_stage *stage, const uint32_t *next);

#endif
