/* host_line.c: messages of common Linux programs → columns. Pure, any thread. The message keeps
 * what goes to a column. Knows the phrases of sudo, su, PAM, cron, shadow-utils and systemd-logind;
 * sshd and the packet filter have files of their own. */
#include "parsers/messages/host_line.h"
#include "parsers/read/line_scan.h"
#include "parsers/messages/netfilter_line.h"
#include "parsers/messages/sshd_line.h"

static void set_text(struct text_event *t, enum event_field field, struct slice value)
{
    (void)text_event_set(t, field, slice_trim(value));
}

static void categorise(struct text_event *t, struct slice category, bool is_refusal)
{
    EVENT_GUESS(&t->event, event_category, category);
    if (is_refusal && (!EVENT_HAS(&t->event, severity_id) || t->event.severity_id < 2))
        EVENT_GUESS(&t->event, severity_id, 2);
}

/* Value of " key=" up to the next blank. */
static struct slice value_of(struct slice s, const char *key)
{
    size_t at = line_find(s, key);
    struct slice rest = slice_sub(s, at, s.size);
    return at ? line_until(&rest, ' ') : SLICE_EMPTY;
}

/* ---- PAM ---- */

/* "bob", "bob(uid=1000)". */
static void take_user(struct text_event *t, struct slice word)
{
    struct slice name = line_until(&word, '(');
    set_text(t, EVENT_user_name, name);
    if (line_take(&word, "uid="))
        set_text(t, EVENT_user_id, line_until(&word, ')'));
}

/* "pam_unix(sshd:auth): authentication failure; logname= uid=0 … rhost=192.0.2.1  user=root" */
static bool read_pam(struct text_event *t, struct slice s)
{
    if (!line_take(&s, "pam_"))
        return false;
    struct slice rest = slice_sub(s, line_find(s, "): "), s.size);
    size_t user = line_find(rest, " for user ");
    bool is_refusal =
        line_find(rest, "authentication failure") > 0 || line_find(rest, "check pass") > 0;
    struct slice failed = value_of(rest, " user="), host = value_of(rest, " rhost=");
    if (failed.size)
        set_text(t, EVENT_user_name, failed);
    else if (user) {
        rest = slice_sub(rest, user, rest.size);
        take_user(t, line_until(&rest, ' '));
    }
    if (host.size)
        (void)text_event_find_address(t, EVENT_src_ip, host);
    categorise(t, SLICE_LITERAL("authentication"), is_refusal);
    return true;
}

/* ---- sudo, su, cron ---- */

/* "bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/ls"
 */
static void read_sudo(struct text_event *t, struct slice s)
{
    s = slice_trim(s);
    size_t colon = line_find(s, " : "), command = line_find(s, "COMMAND=");
    if (!colon)
        return;
    struct slice user = slice_sub(s, 0, colon - 3), rest = slice_sub(s, colon, s.size);
    bool is_refusal = line_find(rest, "incorrect password") || line_find(rest, "NOT in sudoers") ||
                      line_find(rest, "command not allowed") ||
                      line_find(rest, "a password is required");
    set_text(t, EVENT_user_name, user);
    if (command)
        text_event_set_cut(t, EVENT_process_command_line, slice_sub(s, command, s.size));
    categorise(t, SLICE_LITERAL("authorization"), is_refusal);
}

/* "(to root) bob on pts/0", "FAILED SU (to root) bob on pts/0" */
static void read_su(struct text_event *t, struct slice s)
{
    bool is_refusal = line_take(&s, "FAILED SU ") || line_take(&s, "FAILED su ");
    if (!line_take(&s, "(to "))
        return;
    (void)line_until(&s, ')');
    (void)line_take(&s, " ");
    set_text(t, EVENT_user_name, line_until(&s, ' '));
    categorise(t, SLICE_LITERAL("authorization"), is_refusal);
}

/* "(root) CMD (run-parts /etc/cron.hourly)" */
static void read_cron(struct text_event *t, struct slice s)
{
    if (!line_take(&s, "("))
        return;
    struct slice user = line_until(&s, ')');
    if (!line_take(&s, " CMD (") || !s.size)
        return;
    set_text(t, EVENT_user_name, user);
    s.size -= s.data[s.size - 1] == ')';
    text_event_set_cut(t, EVENT_process_command_line, slice_trim(s));
}

/* ---- accounts ---- */

/* "new user: name=bob, UID=1001, …", "delete user 'bob'", "password changed for bob" */
static void read_accounts(struct text_event *t, struct slice s)
{
    static const char *const changes[] = {"new user: ",   "new group: ",           "delete user ",
                                          "change user ", "password changed for ", "add '"};
    bool is_change = false;
    for (size_t i = 0; i < sizeof changes / sizeof *changes && !is_change; i++)
        is_change = slice_starts_with(s, changes[i]);
    if (!is_change)
        return;
    categorise(t, SLICE_LITERAL("configuration_change"), false);
    size_t name = line_find(s, "new user: name="), id = line_find(s, ", UID=");
    if (name) {
        struct slice rest = slice_sub(s, name, s.size);
        set_text(t, EVENT_user_name, line_until(&rest, ','));
    } else if (line_take(&s, "password changed for ")) {
        set_text(t, EVENT_user_name, s);
        return;
    } else {
        struct slice rest = s;
        (void)line_until(&rest, '\'');
        set_text(t, EVENT_user_name, line_until(&rest, '\''));
    }
    if (id) {
        struct slice rest = slice_sub(s, id, s.size);
        set_text(t, EVENT_user_id, line_until(&rest, ','));
    }
}

/* "New session 12 of user bob." */
static void read_logind(struct text_event *t, struct slice s)
{
    size_t user = slice_starts_with(s, "New session ") ? line_find(s, " of user ") : 0;
    struct slice name = slice_sub(s, user, s.size);
    if (!user)
        return;
    while (name.size && name.data[name.size - 1] == '.')
        name.size--;
    set_text(t, EVENT_user_name, name);
    categorise(t, SLICE_LITERAL("authentication"), false);
}

/* ---- which program ---- */

static const struct {
    const char *program;
    void (*read)(struct text_event *t, struct slice message);
} programs[] = {
    {"sshd", sshd_line_read},
    {"sshd-session", sshd_line_read},
    {"sshd-auth", sshd_line_read},
    {"sudo", read_sudo},
    {"su", read_su},
    {"cron", read_cron},
    {"crond", read_cron},
    {"CRON", read_cron},
    {"CROND", read_cron},
    {"anacron", read_cron},
    {"useradd", read_accounts},
    {"userdel", read_accounts},
    {"usermod", read_accounts},
    {"groupadd", read_accounts},
    {"passwd", read_accounts},
    {"chpasswd", read_accounts},
    {"systemd-logind", read_logind},
};

void host_line_read(struct text_event *t, struct slice program, struct slice message)
{
    if (slice_equal_text(program, "kernel") || !program.size) {
        (void)netfilter_line_read(t, message);
        return;
    }
    if (read_pam(t, message))
        return;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (slice_equal_text(program, programs[i].program)) {
            programs[i].read(t, message);
            return;
        }
    if (slice_starts_with(program, "ulogd"))
        (void)netfilter_line_read(t, message);
}
