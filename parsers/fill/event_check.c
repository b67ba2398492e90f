/* event_check.c: checks every set field against its row of event_fields.def. Pure, any thread. Does
 * not check for required fields: the normaliser fills those. */
#include "parsers/fill/event_check.h"
#include "core/utf8.h"
#include "parsers/fill/address.h"
#include "parsers/read/text.h"

#include <math.h>
#include <stddef.h>

static enum status check_text(const struct event_field_info *field, bool is_clean,
                              struct slice text)
{
    if (text.size < (size_t)field->min || text.size > (size_t)field->max)
        return STATUS_OUT_OF_RANGE;
    return is_clean ? STATUS_OK : utf8_check(text);
}

static enum status check_list(const struct event_field_info *field, bool is_clean,
                              const struct slice_list *list)
{
    if (list->count > EVENT_CHECK_LIST_MAX)
        return STATUS_TOO_MANY;
    for (size_t i = 0; i < list->count; i++) {
        enum status status = check_text(field, is_clean, list->items[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status check_json(bool is_clean, struct slice text)
{
    if (text.size < 2 || (text.data[0] != '{' && text.data[0] != '['))
        return STATUS_WRONG_TYPE;
    return is_clean ? STATUS_OK : utf8_check(text);
}

static enum status check_real(const struct event_field_info *field, double v)
{
    return isfinite(v) && v >= (double)field->min && v <= (double)field->max ? STATUS_OK
                                                                             : STATUS_OUT_OF_RANGE;
}

/* Most fields have only a range: the parts of the table that it needs, side by side. */
static struct limit {
    uint32_t offset; /* offset in struct event: of the value, or of its size */
    uint64_t min, span;
} limits[EVENT_FIELD_COUNT];
/* Fields that a limit checks in full, texts that must be UTF-8 too, and what needs a look of its
 * own: among them, addresses. Times need none. */
static uint64_t ranged[EVENT_SET_WORDS], texts[EVENT_SET_WORDS], others[EVENT_SET_WORDS],
    addresses[EVENT_SET_WORDS];

static struct limit limit_make(size_t offset, int64_t min, int64_t max)
{
    return (struct limit){(uint32_t)offset, (uint64_t)min, (uint64_t)max - (uint64_t)min};
}

static struct limit limit_of(const struct event_field_info *field)
{
    size_t value = field->offset, size = value + offsetof(struct slice, size);
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
        return limit_make(value, field->min, field->max);
    case EVENT_KIND_BOOL:
        return limit_make(value, 0, 1);
    case EVENT_KIND_UUID:
        return limit_make(size, 16, 16);
    default:
        return limit_make(size, field->min, field->max);
    }
}

__attribute__((constructor)) static void limits_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        enum event_kind kind = event_field_table[f].kind;
        bool is_other = kind == EVENT_KIND_REAL || kind == EVENT_KIND_INET ||
                        kind == EVENT_KIND_LIST || kind == EVENT_KIND_JSON;
        uint64_t bit = UINT64_C(1) << f % 64;
        limits[f] = limit_of(&event_field_table[f]);
        if (is_other)
            others[f / 64] |= bit;
        else if (kind != EVENT_KIND_TIME)
            ranged[f / 64] |= bit;
        if (kind == EVENT_KIND_TEXT)
            texts[f / 64] |= bit;
        if (kind == EVENT_KIND_INET)
            addresses[f / 64] |= bit;
    }
}

static inline bool is_within(const struct event *event, unsigned number)
{
    const struct limit *limit = &limits[number];
    uint64_t v = slice_load8((const uint8_t *)event + limit->offset);
    return v - limit->min <= limit->span;
}

static inline bool is_text_clean(const struct event *event, unsigned number)
{
    size_t at = limits[number].offset - offsetof(struct slice, size);
    const struct slice *text = (const struct slice *)(const void *)((const uint8_t *)event + at);
    return utf8_is_plain(*text) || utf8_check(*text) == STATUS_OK;
}

static enum status check_field(const struct event *event, bool is_clean,
                               const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_TEXT:
        return check_text(field, is_clean, *event_slice_at(event, field));
    case EVENT_KIND_REAL:
        return check_real(field, *event_real_at(event, field));
    case EVENT_KIND_INET:
        return address_is_valid(*event_slice_at(event, field)) ? STATUS_OK : STATUS_WRONG_TYPE;
    case EVENT_KIND_LIST:
        return check_list(field, is_clean, event_list_at(event, field));
    case EVENT_KIND_JSON:
        return check_json(is_clean, *event_slice_at(event, field));
    case EVENT_KIND_TIME:
        return STATUS_OK;
    default:
        return is_within(event, (unsigned)(field - event_field_table)) ? STATUS_OK
                                                                       : STATUS_OUT_OF_RANGE;
    }
}

/* Are all fields of one word of event->set right? */
static inline bool are_right(const struct event *event, unsigned word, bool text_is_clean)
{
    const uint64_t set = event->set[word];
    for (uint64_t bits = set & ranged[word]; bits; bits &= bits - 1)
        if (!is_within(event, word * 64 + (unsigned)__builtin_ctzll(bits)))
            return false;
    for (uint64_t bits = text_is_clean ? 0 : set & texts[word]; bits; bits &= bits - 1)
        if (!is_text_clean(event, word * 64 + (unsigned)__builtin_ctzll(bits)))
            return false;
    for (uint64_t bits = set & others[word]; bits; bits &= bits - 1)
        if (check_field(event, text_is_clean,
                        &event_field_table[word * 64 + (unsigned)__builtin_ctzll(bits)]) !=
            STATUS_OK)
            return false;
    return true;
}

/* The first field of the table's order that is wrong. */
static __attribute__((noinline)) enum status
find_wrong(const struct event *event, bool text_is_clean, const struct event_field_info **field)
{
    enum status status = STATUS_OK;
    for (enum event_field f = 0; f < EVENT_FIELD_COUNT && status == STATUS_OK; f++) {
        *field = &event_field_table[f];
        if (event_is_set(event, f))
            status = check_field(event, text_is_clean, *field);
    }
    return status;
}

static enum status check_severity(const struct event *event, const struct event_field_info **field)
{
    if (!EVENT_HAS(event, severity_id) || event->severity_id <= 6 || event->severity_id == 99)
        return STATUS_OK;
    *field = &event_field_table[EVENT_severity_id];
    return STATUS_OUT_OF_RANGE;
}

enum status event_check_within(const struct event *event, const struct event_field_info **field)
{
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = event->set[word] & addresses[word]; bits; bits &= bits - 1) {
            *field = &event_field_table[word * 64 + (unsigned)__builtin_ctzll(bits)];
            if (!address_is_valid(*event_slice_at(event, *field)))
                return STATUS_WRONG_TYPE;
        }
    return check_severity(event, field);
}

enum status event_check(const struct event *event, bool text_is_clean,
                        const struct event_field_info **field)
{
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        if (!are_right(event, word, text_is_clean))
            return find_wrong(event, text_is_clean, field);
    return check_severity(event, field);
}
