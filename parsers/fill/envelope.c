/* envelope.c: fields of the outer format for the events inside. Pure, any thread. */
#include "parsers/fill/envelope.h"
#include "parsers/read/json/json_object.h"

#define GROUPS 4

/* Fields that have a meaning only together: none is taken when the event sets the first. */
static const enum event_field groups[GROUPS][4] = {
    {EVENT_time_event_ns, EVENT_time_event_raw, EVENT_time_source, EVENT_time_quality},
    {EVENT_severity_id, EVENT_severity_source, EVENT_severity_id, EVENT_severity_id},
    {EVENT_sev_id, EVENT_event_name, EVENT_sev_id, EVENT_sev_id}, /* the catalogue names it */
    {EVENT_parse_status, EVENT_parse_notes, EVENT_parse_status, EVENT_parse_status},
};

/* The fields of each, as in event->set. */
static uint64_t members[GROUPS][EVENT_SET_WORDS];

__attribute__((constructor)) static void members_fill(void)
{
    for (size_t g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < 4; i++)
            members[g][groups[g][i] / 64] |= UINT64_C(1) << groups[g][i] % 64;
}

/* The fields that the event takes from the envelope, but for attributes. */
static void choose(const struct event *envelope, const struct event *event,
                   uint64_t taken[EVENT_SET_WORDS])
{
    for (size_t word = 0; word < EVENT_SET_WORDS; word++)
        taken[word] = envelope->set[word] & ~event->set[word];
    for (size_t g = 0; g < GROUPS; g++)
        if (event_is_set(event, groups[g][0]))
            for (size_t word = 0; word < EVENT_SET_WORDS; word++)
                taken[word] &= ~members[g][word];
    taken[EVENT_attributes / 64] &= ~(UINT64_C(1) << EVENT_attributes % 64);
}

static void copy_field(const struct event *from, struct event *to, enum event_field field)
{
    const struct event_field_info *info = &event_field_table[field];
    switch (info->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        *event_int_at(to, info) = *event_int_at(from, info);
        break;
    case EVENT_KIND_REAL:
        *event_real_at(to, info) = *event_real_at(from, info);
        break;
    case EVENT_KIND_LIST:
        *event_list_at(to, info) = *event_list_at(from, info);
        break;
    default:
        *event_slice_at(to, info) = *event_slice_at(from, info);
    }
    event_mark(to, field);
    if (event_is_guess(from, field))
        event_mark_guess(to, field);
}

/* Number of _ appended to the name in a member's name; SIZE_MAX: another name. */
static size_t underscores(struct slice member, struct slice name)
{
    if (!slice_equal(slice_sub(member, 0, name.size), name))
        return SIZE_MAX;
    for (size_t i = name.size; i < member.size; i++)
        if (member.data[i] != '_')
            return SIZE_MAX;
    return member.size - name.size;
}

#define NEEDLE_MAX 64

/* False: no member of the object begins with the name. True: one may. */
static bool may_have(struct slice object, struct slice name)
{
    uint8_t needle[NEEDLE_MAX] = {'"'};
    if (name.size >= sizeof needle)
        return true;
    memcpy(needle + 1, name.data, name.size);
    return memmem(object.data, object.size, needle, name.size + 1) != NULL;
}

/* Number of _ that makes the name longer than any such member of a valid JSON object. */
static size_t underscores_needed(struct slice object, struct slice name)
{
    size_t depth = 0, needed = 0;
    bool is_key = false; /* the next string names a member of the object itself */
    for (size_t i = 0; i < object.size; i++) {
        uint8_t c = object.data[i];
        if (c == '{' || c == '[') {
            is_key = ++depth == 1;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            is_key = depth == 1;
        } else if (c == '"') {
            size_t start = ++i;
            while (object.data[i] != '"')
                i += object.data[i] == '\\' ? 2 : 1;
            size_t there = SIZE_MAX;
            if (is_key)
                there = underscores(slice_sub(object, start, i - start), name);
            if (there != SIZE_MAX && there >= needed)
                needed = there + 1;
            is_key = false;
        }
    }
    return needed;
}

/* The name with as many _ appended as make it unique in the object. */
static struct slice free_name(const struct parser_context *context, struct slice name,
                              struct slice object)
{
    if (!may_have(object, name))
        return name;
    size_t more = underscores_needed(object, name);
    uint8_t *longer = context->alloc(context, name.size + more);
    if (!longer)
        return SLICE_EMPTY;
    memcpy(longer, name.data, name.size);
    memset(longer + name.size, '_', more);
    return slice_make(longer, name.size + more);
}

bool attributes_nest(const struct parser_context *context, struct slice object, struct slice name,
                     struct event *event)
{
    struct json_object all;
    struct slice own = EVENT_HAS(event, attributes) ? event->attributes : SLICE_LITERAL("{}");
    name = free_name(context, name, own);
    json_object_init(&all, context);
    if (!json_object_reserve(&all, own.size + name.size * JSON_ESCAPED_MAX + object.size + 16))
        return false;
    json_object_add_members(&all, own);
    json_object_add_raw(&all, name, object);
    if (!name.size || !json_object_end(&all, &own))
        return false;
    EVENT_SET(event, attributes, own);
    return true;
}

void envelope_columns(const struct event *envelope, struct event *event)
{
    if (!event->vin.data)
        event->vin = envelope->vin;
    uint64_t taken[EVENT_SET_WORDS];
    choose(envelope, event, taken);
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = taken[word]; bits; bits &= bits - 1)
            copy_field(envelope, event,
                       (enum event_field)(word * 64 + (unsigned)__builtin_ctzll(bits)));
}

bool envelope_apply(const struct parser_context *context, const char *member,
                    const struct event *envelope, struct event *event)
{
    envelope_columns(envelope, event);
    if (!EVENT_HAS(envelope, attributes))
        return true;
    return attributes_nest(context, envelope->attributes, slice_from_text(member), event);
}
