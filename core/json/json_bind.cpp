/* json_bind.cpp: JSON objects of scalars → members of a struct. One owner thread per parser. Works
 * on the tokens of json_stage.cpp, which has checked UTF-8, quotes and control characters; decides
 * nothing that is not plainly right. */
#include "core/json/json_bind.h"

#include "core/json/json_scalar.h"
#include "core/json/json_walk.h"

#include <endian.h>

namespace
{
/* So many failures one after the other, and so many objects are not tried. */
const unsigned FAILURES_MOST = 4, PAUSE = 16;
/* Members of an object in the object: their keys are compared one by one. */
const size_t FLAT_MEMBERS = 8;

/* Offsets of the tokens of a member, and of what follows. */
struct member {
    size_t key, colon, value, next;
};

/* The members stored so far. */
struct bits {
    uint64_t low, high;
};

inline bool is_space(uint8_t c)
{
    return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

/* Integers of up to eight digits by words: how many digits there are differs from value to value,
 * and a loop over them ends where the processor does not expect it. */
inline bool read_short_int(struct slice token, int64_t *value)
{
    const uint64_t all = UINT64_MAX / 255;
    uint64_t word = le64toh(slice_load8(token.data + token.size - 8));
    unsigned before = 64 - 8 * (unsigned)token.size; /* bits that are not the token's */
    uint64_t outside = before ? UINT64_MAX >> (64 - before) : 0;
    word = (word & ~outside) | (all * '0' & outside);
    uint64_t high = all * 0xf0;
    bool digits = ((word & high) | ((word + all * 6) & high) >> 4) == all * 0x33;
    word -= all * '0';
    word = word * 10 + (word >> 8);
    word = ((word & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (word >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
    *value = (int64_t)word;
    return digits && (token.data[0] != '0' || token.size == 1);
}

inline bool is_within(const struct json_binding *b, int64_t v)
{
    return v >= b->min && v <= b->max;
}

inline bool store_number(const struct json_binding *b, struct slice token, size_t offset, void *at)
{
    struct json_node node;
    if (b->type == JSON_BIND_INT && token.size <= 8 && offset >= 8 &&
        read_short_int(token, (int64_t *)at))
        return is_within(b, *(int64_t *)at);
    if (!json_number_is_simple(token, &node))
        return false;
    if (b->type == JSON_BIND_REAL) {
        double v = node.type == JSON_INT ? (double)node.integer : node.real;
        *(double *)at = v;
        return v >= (double)b->min && v <= (double)b->max;
    }
    *(int64_t *)at = node.integer;
    return b->type == JSON_BIND_INT && node.type == JSON_INT && is_within(b, node.integer);
}

inline bool store_raw(struct slice token, struct slice *at)
{
    *at = token;
    if (token.data[0] == '"')
        return true;
    for (size_t i = 0; i < token.size; i++)
        if ((uint8_t)(token.data[i] - '0') > 9)
            return false;
    return token.data[0] != '0' || token.size == 1;
}

/* The value between the tokens of a member. A text has no escapes. */
inline bool store(const struct json_binding *b, const uint8_t *text, const struct member &m,
                  void *at)
{
    size_t end = m.next;
    while (is_space(text[end - 1]))
        end--;
    struct slice token = slice_make(text + m.value, end - m.value);
    if (b->type == JSON_BIND_TEXT) {
        *(struct slice *)at = slice_make(token.data + 1, token.size - 2);
        return token.data[0] == '"' && token.size >= 2 && text[end - 1] == '"' &&
               is_within(b, (int64_t)token.size - 2);
    }
    if (b->type == JSON_BIND_RAW)
        return store_raw(token, (struct slice *)at);
    if (b->type != JSON_BIND_BOOL)
        return store_number(b, token, m.value, at);
    bool is_true = memcmp(token.data, "true", 4) == 0;
    *(int64_t *)at = is_true;
    return is_true ? token.size == 4 : token.size == 5 && memcmp(token.data, "false", 5) == 0;
}

/* The key, between quotes directly before the colon. */
inline bool is_key(const uint8_t *text, const struct member &m)
{
    return text[m.key] == '"' && text[m.colon] == ':' && text[m.colon - 1] == '"' &&
           m.colon - m.key > 2;
}

/* A text, a short number, true, false or null that ends at the next token. */
inline bool is_scalar(struct slice token)
{
    struct json_node node;
    if (token.data[0] == '"')
        return token.size >= 2 && token.data[token.size - 1] == '"';
    return json_number_is_simple(token, &node) || json_scalar_is_word(token, &node);
}

/* The token } of an object that begins at the token open, of up to FLAT_MEMBERS scalars and without
 * blanks; nullptr: it is not one. */
const uint32_t *flat_object(const uint8_t *text, const uint32_t *open, const uint32_t *last)
{
    struct slice keys[FLAT_MEMBERS];
    const uint32_t *at = open + 1;
    for (size_t n = 0; n < FLAT_MEMBERS && last - at >= 4; n++, at += 4) {
        const struct member m = {at[0], at[1], at[2], at[3]};
        if (m.key != at[-1] + (size_t)1 || m.value != m.colon + 1 || !is_key(text, m) ||
            !is_scalar(slice_make(text + m.value, m.next - m.value)))
            return nullptr;
        keys[n] = slice_make(text + m.key + 1, m.colon - m.key - 2);
        for (size_t i = 0; i < n; i++)
            if (slice_equal(keys[i], keys[n]))
                return nullptr;
        if (text[m.next] != ',')
            return text[m.next] == '}' ? at + 3 : nullptr;
    }
    return nullptr;
}

/* False: there is one already. */
inline bool mark(struct bits *bits, unsigned bit)
{
    uint64_t low = (uint64_t)(bit < 64) << (bit & 63), high = (uint64_t)(bit >= 64) << (bit & 63);
    bool is_new = !((bits->low & low) | (bits->high & high));
    bits->low |= low;
    bits->high |= high;
    return is_new;
}

/* The object that begins at the token open, and a token after it: its last token. */
const uint32_t *store_object(const uint8_t *text, const uint32_t *open, const uint32_t *last,
                             void *at)
{
    const uint32_t *close = text[*open] == '{' ? flat_object(text, open, last) : nullptr;
    if (!close || last - close < 2)
        return nullptr;
    *(struct slice *)at = slice_make(text + *open, *close + 1 - *open);
    return close;
}

/* The tokens of an object: {, then four for each member, the last of which is a comma or }. Returns
 * the token of that }; nullptr: undecided. */
const uint32_t *bind(const struct json_bindings *bindings, struct json_order *order,
                     const struct json_ahead &tokens, uint8_t *base, struct bits *bits)
{
    const uint8_t *const text = tokens.base;
    const uint32_t *at = tokens.first + 1;
    unsigned name = 0;
    for (; tokens.last - at >= 4; at += 4) {
        struct member m = {at[0], at[1], at[2], at[3]};
        if (!is_key(text, m))
            return nullptr;
        uint8_t *after = &order->after[name];
        struct slice key = slice_make(text + m.key + 1, m.colon - m.key - 2);
        name = json_names_find_padded(bindings->names, *after, key);
        const struct json_binding *b = &bindings->items[name];
        *after = (uint8_t)name;
        if (b->type == JSON_BIND_OBJECT) {
            const uint32_t *close = store_object(text, at + 2, tokens.last, base + b->offset);
            if (!close)
                return nullptr;
            at = close - 2; /* as if it were one token */
            m.next = close[1];
        } else if (b->type == JSON_BIND_NOTHING || !store(b, text, m, base + b->offset)) {
            return nullptr;
        }
        if (!mark(bits, b->bit))
            return nullptr;
        if (text[m.next] != ',')
            return text[m.next] == '}' ? at + 3 : nullptr;
    }
    return nullptr;
}
/* Is this object not to be tried? It was just before, or those before it failed. */
bool is_skipped(struct json_order *order, const uint8_t *start)
{
    if (start == order->refused)
        return true;
    if (order->pause == 0)
        return false;
    order->pause--;
    order->refused = start;
    return true;
}

bool fail(struct json_order *order, const uint8_t *start)
{
    order->refused = start;
    if (++order->failures >= FAILURES_MOST) {
        order->pause = PAUSE;
        order->failures = 0;
    }
    return false;
}
} // namespace

void json_parser_ahead(struct json_parser *p, struct slice body)
{
    if (!p)
        return;
    const struct json_parts parts = json_parser_parts(p);
    parts.order->refused = nullptr;
    parts.order->pause = parts.order->failures = 0;
    json_stage_ahead(parts.stage, body);
}

bool json_bind(struct json_parser *parser, const struct json_bindings *bindings,
               const uint8_t *start, void *base, uint64_t bits[2], size_t *size)
{
    struct json_ahead ahead;
    struct bits found = {0, 0};
    const struct json_parts parts = json_parser_parts(parser);
    struct json_order *order = parts.order;
    if (parts.max_depth < 2 || parts.max_nodes <= JSON_NAMES_COUNT + FLAT_MEMBERS ||
        is_skipped(order, start) || !json_stage_open(parts.stage, start, &ahead))
        return false;
    const uint32_t *close = bind(bindings, order, ahead, (uint8_t *)base, &found);
    if (!close || ahead.escape < ahead.base + *close)
        return fail(order, start);
    json_stage_close(parts.stage, close + 1);
    order->failures = 0;
    *size = (size_t)(ahead.base + *close + 1 - start);
    bits[0] = found.low;
    bits[1] = found.high;
    return true;
}
