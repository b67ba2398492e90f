/* audit_event.c: records of Linux audit → one event. Pure, any thread. attributes has one member
 * per record, named after its type; values that analysts join on have columns as well. */
#include "parsers/formats/auditd/audit_event.h"
#include "core/reasons/record_code.h"
#include "parsers/formats/auditd/audit_key.h"
#include "parsers/formats/auditd/audit_socket.h"
#include "parsers/messages/host_message.h"
#include "parsers/read/text.h"

#define NO_ITEMS (-1)

void audit_event_init(struct audit_event *e, const struct parser_context *context,
                      const struct audit_header *header)
{
    text_event_init(&e->t, context);
    e->records.count = 0;
    e->has_main = e->is_repaired = e->has_failed = false;
    e->items = NO_ITEMS;
    e->paths = 0;
    e->avc = e->permissions = e->permissive = e->apparmor = SLICE_EMPTY;
    e->host = (struct audit_host){.acct = SLICE_EMPTY};
    e->text_bytes = 0;
    if (header->has_time) {
        EVENT_SET(&e->t.event, time_event_ns, header->time_ns);
        EVENT_SET(&e->t.event, time_event_raw, header->time);
    }
    if (header->has_serial)
        EVENT_SET(&e->t.event, vehicle_seq, header->serial);
}

/* ---- texts ---- */

static uint8_t *allocate(struct audit_event *e, size_t size)
{
    uint8_t *bytes = e->t.context->alloc(e->t.context, size);
    if (!bytes)
        e->t.failed = true;
    return bytes;
}

static struct slice repair(struct audit_event *e, struct slice text)
{
    bool repaired = false;
    if (text_repair(e->t.context, &text, &repaired) != STATUS_OK)
        e->t.failed = true;
    if (repaired && !e->is_repaired) {
        text_event_partial(&e->t, RECORD_bad_text, "bytes that are no UTF-8 text stand as U+FFFD");
        e->is_repaired = true;
    }
    return e->t.failed ? SLICE_EMPTY : text;
}

/* a0, and a0[1] of a long one; a0_len is a number. */
static bool is_argument(struct slice key)
{
    return key.size > 1 && key.data[0] == 'a' && key.data[1] >= '0' && key.data[1] <= '9' &&
           !memchr(key.data, '_', key.size);
}

/* A byte 0 separates the arguments of a title, a byte 1 the keys of rules. */
static struct slice decode(struct audit_event *e, const struct audit_type *type,
                           const struct audit_field *field, enum audit_key key)
{
    if (field->quote || field->value.size < 2 ||
        (!audit_key_is_untrusted(key) &&
         !(type->number == AUDIT_TYPE_EXECVE && is_argument(field->key))))
        return field->value;
    uint8_t *bytes = allocate(e, field->value.size / 2);
    if (!bytes || !audit_hex_decode(field->value, bytes))
        return field->value;
    struct slice text = slice_make(bytes, field->value.size / 2);
    while (text.size && !text.data[text.size - 1])
        text.size--;
    uint8_t separator = key == AUDIT_KEY_RULE ? 1 : 0;
    for (size_t i = 0; i < text.size; i++)
        if (bytes[i] == separator)
            bytes[i] = ' ';
    return repair(e, text);
}

static void keep_text(struct audit_event *e, const char *key, struct slice value)
{
    text_event_keep(&e->t, slice_from_text(key), value);
}

/* ---- fields ---- */

/* Values that mean "nothing"; the braces enclose the parts of an enriched address. */
static bool says_nothing(struct slice value)
{
    if (value.size == 1)
        return value.data[0] == '?' || value.data[0] == '{' || value.data[0] == '}';
    return slice_equal_text(value, "(null)");
}

static int64_t small_number(struct slice value)
{
    int64_t number = 0;
    if (!value.size || value.size > 6)
        return NO_ITEMS;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return NO_ITEMS;
        number = number * 10 + (value.data[i] - '0');
    }
    return number;
}

/* yes, 1, success: the value depends on the type. */
static bool says_failed(struct slice value)
{
    return slice_equal_text(value, "no") || slice_equal_text(value, "0") ||
           slice_equal_text(value, "failed") || slice_equal_text(value, "fail");
}

static void look_at(struct audit_event *e, const struct audit_type *type, enum audit_key key,
                    const struct audit_field *field, struct slice value)
{
    switch (key) {
    case AUDIT_KEY_RES:
    case AUDIT_KEY_SUCCESS:
        e->has_failed |= says_failed(value);
        return;
    case AUDIT_KEY_PERMISSIVE:
        e->permissive = value;
        return;
    case AUDIT_KEY_APPARMOR:
        e->apparmor = value;
        return;
    case AUDIT_KEY_ITEMS:
        if (type->rank == AUDIT_RANK_SYSCALL)
            e->items = small_number(value);
        return;
    default:
        break;
    }
    if (key == AUDIT_KEY_SADDR && type->rank == AUDIT_RANK_DETAIL)
        audit_socket_read(&e->host, &e->t, value);
    else
        audit_host_look(&e->host, &e->t, type, key, field->key, value, e->text_bytes);
}

/* Words that are not fields, joined in *words, which has room for the whole text. */
struct words {
    uint8_t *bytes;
    size_t size;
};

static void add_word(struct audit_event *e, struct words *words, size_t most, struct slice word)
{
    if (!words->bytes)
        words->bytes = allocate(e, most);
    if (!words->bytes)
        return;
    if (words->size)
        words->bytes[words->size++] = ' ';
    memcpy(words->bytes + words->size, word.data, word.size);
    words->size += word.size;
}

/* Fields of a text; those of a message in quotes are returned as *inner. */
static void add_fields(struct audit_event *e, const struct audit_type *type, struct slice text,
                       struct slice *inner)
{
    struct words words = {NULL, 0};
    struct audit_field field;
    struct slice permissions;
    size_t at = 0;
    if (audit_avc_take(&text, &e->avc, &permissions)) {
        e->permissions = permissions;
        keep_text(e, "seresult", e->avc);
        keep_text(e, "seperms", permissions);
    }
    while (audit_field_next(text, &at, &field)) {
        enum audit_key key = audit_key_of(field.key);
        if (!field.quote && says_nothing(field.value)) {
            continue;
        } else if (!field.key.size) {
            add_word(e, &words, text.size, field.value);
        } else if (inner && field.quote == '\'' && key == AUDIT_KEY_MSG) {
            *inner = field.value;
        } else {
            struct slice value = decode(e, type, &field, key);
            text_event_keep(&e->t, field.key, value);
            look_at(e, type, key, &field, value);
        }
    }
    keep_text(e, "text", slice_make(words.bytes, words.size));
}

void audit_event_add(struct audit_event *e, const struct audit_header *header)
{
    struct audit_type type = audit_type_of(repair(e, header->type));
    struct slice name = key_list_add(&e->records, e->t.context, type.name);
    struct slice inner = SLICE_EMPTY;
    if (!e->has_main || type.rank > e->main.rank)
        e->main = type;
    e->has_main = true;
    e->paths += type.number == AUDIT_TYPE_PATH;
    if (header->node.size && !EVENT_HAS(&e->t.event, ecu_id))
        (void)text_event_set(&e->t, EVENT_ecu_id, repair(e, header->node));
    if (!name.size) {
        text_event_note_full(&e->t);
        return;
    }
    e->t.keys.count = 0;
    e->text_bytes = header->text.size;
    json_object_open(&e->t.attributes, name);
    add_fields(e, &type, repair(e, header->text), &inner);
    if (inner.size)
        add_fields(e, &type, inner, NULL);
    audit_host_end_record(&e->host, &type);
    json_object_close(&e->t.attributes);
}

/* ---- the whole event ---- */

static void set_name(struct audit_event *e)
{
    (void)text_event_set_lower(&e->t, EVENT_event_name, e->main.name);
    EVENT_GUESS(&e->t.event, event_category, e->main.category);
}

/* Action of SELinux or AppArmor; severity is our assessment. */
static void set_verdict(struct audit_event *e)
{
    bool is_denied = slice_equal_text(e->avc, "denied") || slice_equal_text(e->apparmor, "DENIED");
    bool is_granted =
        slice_equal_text(e->avc, "granted") || slice_equal_text(e->apparmor, "ALLOWED");
    bool is_done = slice_equal_text(e->permissive, "1");
    if (is_denied || is_granted)
        EVENT_SET(&e->t.event, disposition,
                  is_denied && !is_done ? SLICE_LITERAL("blocked") : SLICE_LITERAL("allowed"));
    if (is_denied)
        e->t.event.catalog_id = SLICE_LITERAL("avc:denied");
    if (is_denied)
        EVENT_GUESS(&e->t.event, severity_id, is_done ? 2 : 3);
    else if (e->has_failed && slice_equal_text(e->main.category, "authentication"))
        EVENT_GUESS(&e->t.event, severity_id, 2);
}

static void set_message(struct audit_event *e)
{
    struct slice verdict = e->avc.size ? e->avc : e->apparmor;
    if (!verdict.size && e->has_failed)
        verdict = SLICE_LITERAL("failed");
    host_message_set(&e->t,
                     EVENT_HAS(&e->t.event, event_name) ? e->t.event.event_name : SLICE_EMPTY,
                     verdict, e->permissions);
}

void audit_event_emit(struct audit_event *e, size_t offset, size_t size,
                      struct parser_outcome *outcome)
{
    set_name(e);
    set_verdict(e);
    audit_host_fill(&e->host, &e->t);
    set_message(e);
    if (e->items > e->paths)
        text_event_partial(&e->t, RECORD_lost_records, "fewer PATH records than SYSCALL announces");
    EVENT_SET(&e->t.event, raw_offset, (int64_t)offset);
    EVENT_SET(&e->t.event, raw_size, (int64_t)size);
    text_event_emit(&e->t, outcome);
}
