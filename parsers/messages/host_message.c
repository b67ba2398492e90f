/* host_message.c: "avc denied { read }: process httpd[123], file /etc/shadow". Pure, any thread. */
#include "parsers/messages/host_message.h"
#include "core/utf8.h"

#define VALUE_MAX   200
#define MESSAGE_MAX 1600 /* of the parts below, all at their longest */

struct sentence {
    uint8_t *bytes;
    size_t size;
    bool has_parts;
};

static void add(struct sentence *s, struct slice text)
{
    text = utf8_cut(text, VALUE_MAX);
    if (s->size + text.size > MESSAGE_MAX)
        return;
    if (text.size)
        memcpy(s->bytes + s->size, text.data, text.size);
    s->size += text.size;
}

/* text: a literal, so that it is stored without a call. */
static inline __attribute__((always_inline)) void add_text(struct sentence *s, const char *text)
{
    size_t size = strlen(text);
    if (s->size + size > MESSAGE_MAX)
        return;
    memcpy(s->bytes + s->size, text, size);
    s->size += size;
}

static void add_number(struct sentence *s, int64_t number)
{
    char digits[20];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0 && n);
    add(s, slice_make(digits + n, sizeof digits - n));
}

/* Head of a part: ": process " or ", file ". */
static inline __attribute__((always_inline)) void add_head(struct sentence *s, const char *name)
{
    if (s->has_parts)
        add_text(s, ", ");
    else
        add_text(s, ": ");
    add_text(s, name);
    s->has_parts = true;
}

static inline __attribute__((always_inline)) void
add_column(struct sentence *s, const struct event *e, enum event_field field, const char *name)
{
    if (!event_is_set(e, field))
        return;
    add_head(s, name);
    add(s, *event_slice_at(e, &event_field_table[field]));
}

static void add_process(struct sentence *s, const struct event *e)
{
    bool has_name = EVENT_HAS(e, process_name), has_pid = EVENT_HAS(e, process_pid);
    add_column(s, e, EVENT_process_name, "process ");
    if (has_pid && !has_name)
        add_head(s, "process ");
    if (has_pid) {
        if (has_name)
            add_text(s, "[");
        add_number(s, e->process_pid);
        if (has_name)
            add_text(s, "]");
    }
    if (EVENT_HAS(e, process_command_line))
        add_column(s, e, EVENT_process_command_line, "command ");
    else
        add_column(s, e, EVENT_process_executable, "program ");
}

static void add_user(struct sentence *s, const struct event *e)
{
    if (EVENT_HAS(e, user_name))
        add_column(s, e, EVENT_user_name, "user ");
    else
        add_column(s, e, EVENT_user_id, "user id ");
}

static inline __attribute__((always_inline)) void add_end(struct sentence *s, const struct event *e,
                                                          enum event_field address,
                                                          enum event_field port, const char *name)
{
    if (!event_is_set(e, address))
        return;
    add_column(s, e, address, name);
    if (!event_is_set(e, port))
        return;
    add_text(s, " port ");
    add_number(s, *event_int_at(e, &event_field_table[port]));
}

void host_message_set(struct text_event *t, struct slice what, struct slice how, struct slice of)
{
    struct sentence s = {t->context->alloc(t->context, MESSAGE_MAX), 0, false};
    const struct event *e = &t->event;
    if (!s.bytes) {
        t->failed = true;
        return;
    }
    add(&s, what);
    if (how.size) {
        add_text(&s, " ");
        add(&s, how);
    }
    if (of.size) {
        add_text(&s, " { ");
        add(&s, of);
        add_text(&s, " }");
    }
    add_process(&s, e);
    add_user(&s, e);
    add_column(&s, e, EVENT_file_path, "file ");
    add_end(&s, e, EVENT_src_ip, EVENT_src_port, "from ");
    add_end(&s, e, EVENT_dst_ip, EVENT_dst_port, "to ");
    if (s.has_parts || how.size)
        text_event_set_message(t, slice_make(s.bytes, s.size));
}
