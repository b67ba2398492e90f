/* json_event_values.c: one reader per kind of value. Pure, any thread. Has no paths. */
#include "parsers/formats/json/json_event_values.h"
#include "core/reasons/record_code.h"
#include "parsers/fill/event_check.h"
#include "parsers/fill/time_guess.h"

static struct slice text_of(const struct json_node *node)
{
    return node->type == JSON_STRING ? node->text : SLICE_EMPTY;
}

JSON_TAKE(json_take_text)
{
    if (value->type == JSON_INT || value->type == JSON_BIG_UINT)
        return text_event_set(t, field, value->raw);
    if (value->type != JSON_ARRAY)
        return text_event_set(t, field, text_of(value));
    return value->span > 1 && text_event_set(t, field, text_of(value + 1)) && value->span == 2;
}

JSON_TAKE(json_take_message)
{
    struct slice text = text_of(value);
    if (!text.size || event_is_set(&t->event, field))
        return false;
    text_event_set_message(t, text);
    return t->event.message.size == text.size;
}

JSON_TAKE(json_take_time)
{
    return !event_is_set(&t->event, field) && time_guess_take(value, &t->event);
}

JSON_TAKE(json_take_int)
{
    if (value->type == JSON_STRING)
        return text_event_set_decimal(t, field, value->text);
    return value->type == JSON_INT && text_event_set_int(t, field, value->integer);
}

JSON_TAKE(json_take_lower)
{
    struct slice text = text_of(value);
    return text.size <= 64 && text_event_set_lower(t, field, text);
}

JSON_TAKE(json_take_address)
{
    struct slice text = text_of(value->type == JSON_ARRAY && value->span == 2 ? value + 1 : value);
    return text_event_set_address(t, field, text);
}

/* A text is the vehicle, valid or not; a second one that differs stays in attributes. */
JSON_TAKE(json_take_vin)
{
    (void)field;
    if (value->type != JSON_STRING)
        return false;
    if (t->event.vin.data && !slice_equal(t->event.vin, value->text)) {
        text_event_partial(t, RECORD_other_vehicle, "names a second vehicle, which is left out");
        return true;
    }
    t->event.vin =
        slice_make(value->text.data ? value->text.data : (const uint8_t *)"", value->text.size);
    return true;
}

JSON_TAKE(json_take_list)
{
    size_t count = value->type == JSON_ARRAY ? value->span - 1 : 1,
           first = value->type == JSON_ARRAY;
    const struct event_field_info *info = &event_field_table[field];
    if (!count || count > EVENT_CHECK_LIST_MAX || event_is_set(&t->event, field))
        return false;
    struct slice *items = t->context->alloc(t->context, count * sizeof *items);
    t->failed |= !items;
    for (size_t i = 0; items && i < count; i++) {
        items[i] = text_of(&value[first + i]);
        if (!items[i].size || items[i].size > (size_t)info->max)
            return false;
    }
    if (!items)
        return false;
    *event_list_at(&t->event, info) = (struct slice_list){items, count};
    event_mark(&t->event, field);
    return true;
}

int64_t json_level_severity(struct slice word, bool is_rating)
{
    static const struct {
        const char *word;
        uint8_t level, rating;
    } words[] = {
        {"emergency", 5, 5},     {"emerg", 5, 5},       {"alert", 5, 5},  {"panic", 5, 5},
        {"critical", 4, 5},      {"crit", 4, 5},        {"fatal", 4, 6},  {"error", 3, 3},
        {"err", 3, 3},           {"warning", 2, 2},     {"warn", 2, 2},   {"notice", 1, 1},
        {"informational", 1, 1}, {"information", 1, 1}, {"info", 1, 1},   {"debug", 1, 1},
        {"trace", 1, 1},         {"low", 2, 2},         {"medium", 3, 3}, {"moderate", 3, 3},
        {"high", 4, 4},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal_nocase(word, words[i].word))
            return is_rating ? words[i].rating : words[i].level;
    return 0;
}

JSON_TAKE(json_take_level)
{
    struct slice word = value->type == JSON_INT ? value->raw : text_of(value);
    bool is_rating = field == EVENT_severity_id; /* else the row says severity_source */
    int64_t severity = json_level_severity(word, is_rating);
    if (!word.size || EVENT_HAS(&t->event, severity_source))
        return false;
    if (severity && !EVENT_HAS(&t->event, severity_id))
        EVENT_GUESS(&t->event, severity_id, severity);
    return text_event_set(t, EVENT_severity_source, word);
}
