/* event_check.c: checks every set field against its row of event_fields.def. Pure, any thread. Does
 * not look for required fields: the normaliser fills those. */
#include "parsers/event_check.h"
#include "parsers/text.h"

#include <arpa/inet.h>
#include <math.h>

static enum status check_text(const struct event_field_info *field, bool is_clean,
                              struct slice text)
{
    if (text.size < (size_t)field->min || text.size > (size_t)field->max)
        return STATUS_OUT_OF_RANGE;
    return is_clean ? STATUS_OK : text_check(text);
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
    return is_clean ? STATUS_OK : text_check(text);
}

static enum status check_real(const struct event_field_info *field, double v)
{
    return isfinite(v) && v >= (double)field->min && v <= (double)field->max ? STATUS_OK
                                                                             : STATUS_OUT_OF_RANGE;
}

static enum status check_range(const struct event_field_info *field, int64_t v)
{
    return v >= field->min && v <= field->max ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

static enum status check_size(const struct event_field_info *field, size_t size)
{
    return size >= (size_t)field->min && size <= (size_t)field->max ? STATUS_OK
                                                                    : STATUS_OUT_OF_RANGE;
}

static enum status check_field(const struct event *event, bool is_clean,
                               const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_TEXT:
        return check_text(field, is_clean, *event_slice_at(event, field));
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
        return check_range(field, *event_int_at(event, field));
    case EVENT_KIND_BOOL:
        return *event_int_at(event, field) >> 1 ? STATUS_OUT_OF_RANGE : STATUS_OK;
    case EVENT_KIND_REAL:
        return check_real(field, *event_real_at(event, field));
    case EVENT_KIND_HEX:
    case EVENT_KIND_BASE64:
        return check_size(field, event_slice_at(event, field)->size);
    case EVENT_KIND_UUID:
        return event_slice_at(event, field)->size == 16 ? STATUS_OK : STATUS_OUT_OF_RANGE;
    case EVENT_KIND_INET:
        return check_inet(*event_slice_at(event, field));
    case EVENT_KIND_LIST:
        return check_list(field, is_clean, event_list_at(event, field));
    case EVENT_KIND_JSON:
        return check_json(is_clean, *event_slice_at(event, field));
    case EVENT_KIND_TIME:
        break;
    }
    return STATUS_OK;
}

enum status event_check(const struct event *event, bool text_is_clean,
                        const struct event_field_info **field)
{
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = event->set[word]; bits; bits &= bits - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(bits);
            enum status status = check_field(event, text_is_clean, &event_field_table[number]);
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
