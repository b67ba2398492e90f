/* json_stage.cpp: simdjson's first stage over one text, or over many at once. One owner thread.
 * Does not look at tokens. The only file that uses simdjson. */
#include "core/json/json_stage.h"
#include "core/utf8.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <new>

namespace
{
const size_t FIRST_BYTES = 4096;
/* simdjson counts bytes in 32 bits. */
const size_t MAX_BYTES = UINT32_MAX - 256;
/* What is looked at ahead: text and offsets stay in the processor's second cache. */
const size_t AHEAD_BYTES = 32768;

/* simdjson's buffer of offsets. */
struct index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> simd;
    size_t bytes; /* longest text it can take */
};
} // namespace

struct json_stage {
    struct index one, many;
    struct slice body; /* that the texts lie in */
    /* The part of the body that was looked at last. */
    struct slice window;
    bool is_found;         /* its tokens are in many: it has no error */
    const uint8_t *escape; /* first backslash from the text opened last on; the window's end */
    const uint32_t *next, *last; /* its tokens that were not asked for yet */
    size_t tokens_before;        /* of the text before */
    size_t skip;                 /* of the next ones, those that were most likely read */
};

namespace
{
enum status fail(struct json_error *error, enum status status, size_t offset, const char *detail)
{
    error->offset = offset;
    error->detail = detail;
    return status;
}

bool index_open(struct index *index)
{
    const simdjson::implementation *cpu = simdjson::get_active_implementation();
    if (cpu->create_dom_parser_implementation(FIRST_BYTES, 1, index->simd) != simdjson::SUCCESS)
        return false;
    index->bytes = FIRST_BYTES;
    return true;
}

bool index_reserve(struct index *index, size_t size)
{
    if (size <= index->bytes)
        return true;
    size_t bytes = index->bytes ? index->bytes : FIRST_BYTES;
    while (bytes < size)
        bytes = bytes > MAX_BYTES / 2 ? MAX_BYTES : bytes * 2;
    bool done = index->simd->set_capacity(bytes) == simdjson::SUCCESS;
    index->bytes = done ? bytes : 0; /* else its buffer is gone */
    return done;
}

simdjson::error_code index_fill(struct index *index, struct slice text)
{
    simdjson::error_code code =
        index->simd->stage1(text.data, text.size, simdjson::stage1_mode::regular);
    if (code == simdjson::SUCCESS)
        index->simd->structural_indexes[index->simd->n_structural_indexes] = (uint32_t)text.size;
    return code;
}

const uint32_t *first_of(const struct index *index)
{
    return index->simd->structural_indexes.get();
}

bool has_backslash(struct slice text)
{
    return slice_find_byte(text, '\\') != nullptr;
}

enum status fail_utf8(struct slice text, struct json_error *error)
{
    size_t at = 0, step = 1;
    while (at < text.size && step) {
        step = utf8_size(text.data + at, text.size - at);
        at += step;
    }
    return fail(error, STATUS_INVALID_UTF8, at, "text is not valid UTF-8");
}

/* Finds an error that simdjson detected without its position: a control character in a string, or
 * a string without an end. */
enum status fail_string(struct slice text, struct json_error *error)
{
    size_t start = 0;
    bool inside = false;
    for (size_t at = 0; at < text.size; at++) {
        uint8_t c = text.data[at];
        if (inside && c < 0x20)
            return fail(error, STATUS_MALFORMED, at,
                        "control character in a string is not escaped");
        if (inside && c == '\\')
            at++;
        else if (c == '"') {
            inside = !inside;
            start = at;
        }
    }
    return fail(error, STATUS_MALFORMED, start, "string has no end");
}

enum status fail_code(simdjson::error_code code, struct slice text, struct json_error *error)
{
    switch (code) {
    case simdjson::UTF8_ERROR:
        return fail_utf8(text, error);
    case simdjson::UNESCAPED_CHARS:
    case simdjson::UNCLOSED_STRING:
        return fail_string(text, error);
    case simdjson::EMPTY:
        return fail(error, STATUS_MALFORMED, 0, "document is empty");
    case simdjson::MEMALLOC:
        return fail(error, STATUS_NO_MEMORY, 0, "out of memory");
    default:
        return fail(error, STATUS_MALFORMED, 0, "document does not follow JSON");
    }
}

/* ---- ahead ---- */

/* From start on: the rest of the body, or as many whole lines as fit. Without a line's end there is
 * nothing: where else a string cannot go on is unknown. */
struct slice window_from(const struct json_stage *stage, const uint8_t *start)
{
    const uint8_t *end = stage->body.data + stage->body.size;
    size_t left = (size_t)(end - start);
    if (left <= AHEAD_BYTES)
        return slice_make(start, left);
    const uint8_t *lf = (const uint8_t *)memrchr(start, '\n', AHEAD_BYTES);
    return slice_make(start, lf ? (size_t)(lf - start) : AHEAD_BYTES);
}

/* Looks at the window once, whether its tokens can be used or not. */
void window_open(struct json_stage *stage, const uint8_t *start)
{
    stage->window = window_from(stage, start);
    stage->is_found = false;
    const uint8_t *end = stage->window.data + stage->window.size;
    bool is_whole = end == stage->body.data + stage->body.size || *end == '\n';
    if (!is_whole || (!stage->many.simd && !index_open(&stage->many)) ||
        !index_reserve(&stage->many, stage->window.size) ||
        index_fill(&stage->many, stage->window) != simdjson::SUCCESS)
        return;
    stage->is_found = true;
    stage->escape = stage->window.data;
    stage->next = first_of(&stage->many);
    stage->skip = 0;
    stage->last = stage->next + stage->many.simd->n_structural_indexes;
}

/* The token at this offset, at or after `from` and most likely about `guess` tokens behind it.
 * `last`: there is none. */
const uint32_t *token_at(const uint32_t *from, const uint32_t *last, size_t guess, size_t offset)
{
    const int near = 16;
    const uint32_t *at = from + std::min(guess, (size_t)(last - from));
    for (int step = 0; step < near && at > from && at[-1] >= offset; step++)
        at--;
    for (int step = 0; step < near && at < last && *at < offset; step++)
        at++;
    if (at == last || *at != offset)
        at = std::lower_bound(from, last, (uint32_t)offset);
    return at < last && *at == offset ? at : last;
}
} // namespace

struct json_stage *json_stage_create()
{
    struct json_stage *stage = new (std::nothrow) json_stage();
    if (stage && !index_open(&stage->one)) {
        delete stage;
        return nullptr;
    }
    return stage;
}

void json_stage_destroy(struct json_stage *stage)
{
    delete stage;
}

enum status json_stage_find(struct json_stage *stage, struct slice text, struct json_tokens *tokens,
                            struct json_error *error)
{
    if (text.size > MAX_BYTES)
        return fail(error, STATUS_TOO_LARGE, 0, "document is too large");
    if (!index_reserve(&stage->one, text.size))
        return fail(error, STATUS_NO_MEMORY, 0, "out of memory");
    simdjson::error_code code = index_fill(&stage->one, text);
    if (code != simdjson::SUCCESS)
        return fail_code(code, text, error);
    const uint32_t *first = first_of(&stage->one);
    *tokens = {text.data, first, first + stage->one.simd->n_structural_indexes,
               has_backslash(text)};
    return STATUS_OK;
}

void json_stage_ahead(struct json_stage *stage, struct slice body)
{
    stage->body = body;
    stage->window = slice_make(body.data, 0);
}

/* A { that is a token of the window is outside its strings, so that all that follows is read as if
 * the window had begun there. Each byte is searched for backslashes once. */
bool json_stage_open(struct json_stage *stage, const uint8_t *start, struct json_ahead *ahead)
{
    const uint8_t *body_end = stage->body.data + stage->body.size;
    if (!stage->body.size || start < stage->window.data || start >= body_end || *start != '{')
        return false;
    if (start >= stage->window.data + stage->window.size)
        window_open(stage, start);
    if (!stage->is_found)
        return false;
    const uint8_t *end = stage->window.data + stage->window.size;
    const uint32_t *first =
        token_at(stage->next, stage->last, stage->skip, (size_t)(start - stage->window.data));
    if (first == stage->last)
        return false;
    stage->next = first;
    stage->skip = 0;
    if (stage->escape < start || stage->escape == stage->window.data) {
        const uint8_t *at = slice_find_byte(slice_make(start, (size_t)(end - start)), '\\');
        stage->escape = at ? at : end;
    }
    *ahead = {stage->window.data, first, stage->last, stage->escape};
    return true;
}

void json_stage_close(struct json_stage *stage, const uint32_t *next)
{
    stage->skip = (size_t)(next - stage->next);
}

/* A } that is a token ends the last token of the text. */
bool json_stage_next(struct json_stage *stage, struct slice text, struct json_tokens *tokens)
{
    struct json_ahead ahead;
    const uint8_t *end = text.data + text.size;
    if (text.size > AHEAD_BYTES || end[-1] != '}' || !json_stage_open(stage, text.data, &ahead) ||
        end > stage->window.data + stage->window.size)
        return false;
    const uint32_t *close =
        token_at(ahead.first, ahead.last, stage->tokens_before, (size_t)(end - ahead.base) - 1);
    if (close == ahead.last)
        return false;
    stage->tokens_before = (size_t)(close - ahead.first);
    stage->next = close + 1;
    *tokens = {ahead.base, ahead.first, close + 1, ahead.escape < end};
    return true;
}
