/* sshd_line.c: messages of OpenSSH's sshd (auth.c, auth2.c, packet.c). Pure, any thread. A user
 * name is what a stranger typed, blanks included; so only the last address of a line counts. */
#include "parsers/messages/sshd_line.h"
#include "parsers/read/line_scan.h"

/* How a message starts, and the phrase before the user's name. */
static const struct {
    const char *head;
    bool is_refusal, has_method; /* "password for" */
} forms[] = {
    {"Accepted ", false, true},
    {"Failed ", true, true},
    {"Postponed ", false, true},
    {"Invalid user ", true, false},
    {"Illegal user ", true, false},
    {"User ", true, false},
    {"error: maximum authentication attempts exceeded for ", true, false},
    {"maximum authentication attempts exceeded for ", true, false},
    {"Disconnecting authenticating user ", true, false},
    {"Disconnecting invalid user ", true, false},
    {"Connection closed by authenticating user ", false, false},
    {"Connection closed by invalid user ", true, false},
    {"Connection reset by authenticating user ", false, false},
    {"Connection reset by invalid user ", true, false},
    {"Disconnected from authenticating user ", false, false},
    {"Disconnected from invalid user ", true, false},
    {"Disconnected from user ", false, false},
};

/* Messages with an address and no user. */
static const char *const nameless[] = {
    "Connection from ",
    "Connection closed by ",
    "Connection reset by ",
    "Disconnected from ",
    "Received disconnect from ",
    "Did not receive identification string from ",
    "Bad protocol version identification ",
    "Unable to negotiate with ",
    "refused connect from ",
    "reverse mapping checking ",
    "Address ",
    "Timeout before authentication for ",
    "banner exchange: Connection from ",
    "kex_exchange_identification: ",
    "ssh_dispatch_run_fatal: Connection from ",
    "Protocol major versions differ for ",
};

/* "ADDRESS port N" at the head of s. */
static bool take_end(struct text_event *t, struct slice s)
{
    struct slice address = line_until(&s, ' ');
    while (address.size && memchr(":,;", address.data[address.size - 1], 3))
        address.size--;
    if (!text_event_find_address(t, EVENT_src_ip, address))
        return false;
    if (line_take(&s, "port ")) {
        size_t digits = 0;
        while (digits < s.size && s.data[digits] >= '0' && s.data[digits] <= '9')
            digits++;
        (void)text_event_set_decimal(t, EVENT_src_port, slice_sub(s, 0, digits));
    }
    return true;
}

/* The address after the last " from ", else before the last " port ". Returns the bytes before that
 * phrase; s.size when there is no address. */
static size_t find_end(struct text_event *t, struct slice s)
{
    size_t from = line_find_last(s, " from ");
    if (from < s.size && take_end(t, slice_sub(s, from + 6, s.size)))
        return from;
    size_t port = line_find_last(s, " port ");
    if (port == s.size)
        return s.size;
    size_t start = port;
    while (start && s.data[start - 1] != ' ')
        start--;
    return take_end(t, slice_sub(s, start, s.size)) ? start - (start > 0) : s.size;
}

static void set_user(struct text_event *t, struct slice name)
{
    (void)line_take(&name, "invalid user ");
    (void)line_take(&name, "illegal user ");
    (void)text_event_set(t, EVENT_user_name, slice_trim(name));
}

static void refuse(struct text_event *t)
{
    if (!EVENT_HAS(&t->event, severity_id) || t->event.severity_id < 2)
        EVENT_GUESS(&t->event, severity_id, 2);
}

static bool read_form(struct text_event *t, struct slice message, size_t form)
{
    struct slice rest = message;
    if (!line_take(&rest, forms[form].head))
        return false;
    if (forms[form].has_method) {
        size_t name = line_find(rest, " for ");
        if (!name)
            return false;
        rest = slice_sub(rest, name, rest.size);
    }
    size_t end = find_end(t, rest);
    if (end == rest.size)
        return false;
    set_user(t, slice_sub(rest, 0, end));
    EVENT_GUESS(&t->event, event_category, SLICE_LITERAL("authentication"));
    if (forms[form].is_refusal)
        refuse(t);
    return true;
}

void sshd_line_read(struct text_event *t, struct slice message)
{
    (void)line_take(&message, "error: ");
    (void)line_take(&message, "fatal: ");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (read_form(t, message, i))
            return;
    for (size_t i = 0; i < sizeof nameless / sizeof *nameless; i++) {
        struct slice rest = message;
        if (line_take(&rest, nameless[i])) {
            if (!take_end(t, rest))
                (void)find_end(t, message);
            return;
        }
    }
}
