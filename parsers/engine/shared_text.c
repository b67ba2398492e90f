/* shared_text.c: limits the texts that events of a body repeat. Pure, any thread. */
#include "parsers/engine/shared_text.h"
#include "parsers/engine/pipeline_run.h"
#include "parsers/privacy/vin_look.h"
#include "parsers/privacy/vin_window.h"

/* Shorter words contain no VIN; longer ones are scanned letter by letter. */
#define LONG_WORD_BYTES VIN_BYTES
#define LONG_WORD_COST  4
/* A text with such a word, or with "vin", is scanned key by key: twice its bytes, and this cost for
 * each quote. */
#define QUOTE_COST 10

/* Bytes of words that are scanned: letters, digits, characters of base64 and of escapes. */
static bool word_bytes[256];

__attribute__((constructor)) static void table_fill(void)
{
    for (unsigned c = 1; c < 256; c++)
        word_bytes[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || strchr("+/-_=%\\", (int)c);
}

static bool is_vin_word(const uint8_t *p, size_t left)
{
    return left >= 3 && (p[0] | 0x20) == 'v' && (p[1] | 0x20) == 'i' && (p[2] | 0x20) == 'n';
}

/* Checks the last byte of a possible long word first, so that most bytes are not read. */
static bool has_long_word(struct slice text)
{
    for (size_t at = 0, from; at + LONG_WORD_BYTES <= text.size; at = from) {
        for (from = at + LONG_WORD_BYTES; from > at && word_bytes[text.data[from - 1]];)
            from--;
        if (from == at)
            return true;
    }
    return false;
}

size_t shared_text_cost(struct slice text)
{
    if (!has_long_word(text) && !vin_look_for_name(text))
        return text.size;
    size_t cost = text.size, start = 0, quotes = 0;
    bool is_walked = false;
    for (size_t i = 0; i <= text.size; i++) {
        for (; i < text.size && word_bytes[text.data[i]]; i++)
            if ((text.data[i] | 0x20) == 'v')
                is_walked |= is_vin_word(text.data + i, text.size - i);
        if (i - start >= LONG_WORD_BYTES) {
            cost += (LONG_WORD_COST - 1) * (i - start);
            is_walked = true;
        }
        quotes += i < text.size && text.data[i] == '"';
        start = i + 1;
    }
    return is_walked ? cost + text.size + QUOTE_COST * quotes : cost;
}

static bool is_slice(enum event_kind kind)
{
    return kind == EVENT_KIND_TEXT || kind == EVENT_KIND_HEX || kind == EVENT_KIND_BASE64 ||
           kind == EVENT_KIND_JSON;
}

/* Bytes of a field's texts. */
static size_t size_of(const struct event *event, unsigned f)
{
    const struct event_field_info *field = &event_field_table[f];
    size_t size = 0;
    if (is_slice(field->kind))
        return event_slice_at(event, field)->size;
    if (field->kind != EVENT_KIND_LIST)
        return 0;
    const struct slice_list *list = event_list_at(event, field);
    for (size_t i = 0; i < list->count; i++)
        size += list->items[i].size;
    return size;
}

size_t shared_text_cost_most(const struct event *event)
{
    size_t size = 0;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = event->set[word]; bits; bits &= bits - 1)
            size += size_of(event, word * 64 + (unsigned)__builtin_ctzll(bits));
    return (1 + LONG_WORD_COST + QUOTE_COST) * size;
}

/* The fields that cost something: slices and lists. */
static uint64_t slices[EVENT_SET_WORDS], lists[EVENT_SET_WORDS];

__attribute__((constructor)) static void fields_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        slices[f / 64] |= (uint64_t)is_slice(event_field_table[f].kind) << f % 64;
        lists[f / 64] |= (uint64_t)(event_field_table[f].kind == EVENT_KIND_LIST) << f % 64;
    }
}

static size_t cost_of_list(const struct slice_list *list)
{
    size_t cost = 0;
    for (size_t i = 0; i < list->count; i++)
        cost += shared_text_cost(list->items[i]);
    return cost;
}

size_t shared_text_cost_of_event(const struct event *event)
{
    size_t cost = 0;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        const struct event_field_info *fields = event_field_table + word * 64;
        for (uint64_t bits = event->set[word] & slices[word]; bits; bits &= bits - 1)
            cost += shared_text_cost(*event_slice_at(event, fields + __builtin_ctzll(bits)));
        for (uint64_t bits = event->set[word] & lists[word]; bits; bits &= bits - 1)
            cost += cost_of_list(event_list_at(event, fields + __builtin_ctzll(bits)));
    }
    return cost;
}

void shared_text_shorten(struct event *event)
{
    for (enum event_field f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        if (!event_is_set(event, f) || f == EVENT_parse_notes)
            continue;
        if (field->kind == EVENT_KIND_LIST || f == EVENT_attributes ||
            (is_slice(field->kind) && event_slice_at(event, field)->size > SHARED_TEXT_SHORT))
            event_unmark(event, f);
    }
}

void shared_text_read(const struct parser_context *context, size_t bytes)
{
    if (context->hand_on == pipeline_hand_on)
        ((struct run *)context->server)->shared_left += SHARED_TEXT_OF_BYTE * bytes;
}

bool shared_text_take(const struct parser_context *context, size_t cost)
{
    if (context->hand_on != pipeline_hand_on)
        return true; /* made for memory alone */
    struct run *run = context->server;
    if (cost > run->shared_left)
        return false;
    run->shared_left -= cost;
    return true;
}

void shared_text_count_item(struct run *run)
{
    run->shared_left -=
        run->shared_left < SHARED_TEXT_OF_ITEM ? run->shared_left : SHARED_TEXT_OF_ITEM;
}
