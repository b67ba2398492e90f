/* event_check.c: checks every set field against its row of event_fields.def. Pure, any thread. Does
 * not check for required fields: the normaliser fills those. */
#include "parsers/fill/event_check.h"
#include "core/utf8.h"
#include "parsers/read/text.h"

#include <arpa/inet.h>
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

static enum status check_inet(struct slice text)
{
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (text.size >= sizeof address || memchr(text.data, 0, text.size))
        return STATUS_WRONG_TYPE;
    memcpy(address, text.data, text.size);
    address[text.size] = '\0';
    int family = memchr(text.data, ':', text.size) ? AF_INET6 : AF_INET;
    return inet_pton(family, address, bytes) == 1 ? STATUS_OK : STATUS_WRONG_TYPE;
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

static enum status check_field(const struct event *event, bool is_clean,
                               const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_TEXT:
        return check_text(field, is_clean, *event_slice_at(event, field));
    case EVENT_KIND_REAL:
        return check_real(field, *event_real_at(event, field));
    case EVENT_KIND_INET:
        return check_inet(*event_slice_at(event, field));
    case EVENT_KIND_LIST:
        return check_list(field, is_clean, event_list_at(event, field));
    case EVENT_KIND_JSON:
        return check_json(is_clean, *event_slice_at(event, field));
    default:
        return STATUS_OK;
    }
}

/* Most fields have only a range: the parts of the table that it needs, side by side. */
static struct limit {
    enum { LIMIT_ONLY, LIMIT_TEXT, LIMIT_OTHER } kind; /* TEXT: all of it when texts are clean */
    uint32_t offset; /* offset in struct event: of the value, or of its size */
    uint64_t min, span;
} limits[EVENT_FIELD_COUNT];

static struct limit limit_make(size_t offset, int64_t min, int64_t max)
{
    return (struct limit){LIMIT_ONLY, (uint32_t)offset, (uint64_t)min,
                          (uint64_t)max - (uint64_t)min};
}

static struct limit limit_of(const struct event_field_info *field)
{
    size_t value = field->offset, size = value + offsetof(struct slice, size);
    struct limit limit = limit_make(size, field->min, field->max);
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
        return limit_make(value, field->min, field->max);
    case EVENT_KIND_BOOL:
        return limit_make(value, 0, 1);
    case EVENT_KIND_TIME:
        return limit_make(value, INT64_MIN, INT64_MAX);
    case EVENT_KIND_UUID:
        return limit_make(size, 16, 16);
    case EVENT_KIND_HEX:
    case EVENT_KIND_BASE64:
        return limit;
    default:
        limit.kind = field->kind == EVENT_KIND_TEXT ? LIMIT_TEXT : LIMIT_OTHER;
        return limit;
    }
}

__attribute__((constructor)) static void limits_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        limits[f] = limit_of(&event_field_table[f]);
}

static inline enum status check_limit(const struct event *event, const struct limit *limit)
{
    uint64_t v = slice_load8((const uint8_t *)event + limit->offset);
    return v - limit->min <= limit->span ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

enum status event_check(const struct event *event, bool text_is_clean,
                        const struct event_field_info **field)
{
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = event->set[word]; bits; bits &= bits - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(bits);
            const struct limit *limit = &limits[number];
            bool has_more = limit->kind >= (text_is_clean ? LIMIT_OTHER : LIMIT_TEXT);
            enum status status = has_more
                                     ? check_field(event, text_is_clean, &event_field_table[number])
                                     : check_limit(event, limit);
            if (status != STATUS_OK) {
                *field = &event_field_table[number];
                return status;
            }
        }
    if (EVENT_HAS(event, severity_id) && event->severity_id > 6 && event->severity_id != 99) {
        *field = &event_field_table[EVENT_severity_id];
        return STATUS_OUT_OF_RANGE;
    }
    return STATUS_OK;
}
