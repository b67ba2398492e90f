/* audit_host.c: process, user, file and peer of an audit event → columns. Pure, any thread. The
 * fields also remain in attributes, which have more detail. Does not resolve names: they depend on
 * the machine. */
#include "parsers/formats/auditd/audit_host.h"
#include "parsers/formats/auditd/audit_socket.h"

/* ---- arguments ---- */

/* a0, a12, and a0[1] for a part of a long one, which continues the part before. */
static bool is_argument(struct slice key, bool *is_piece)
{
    size_t at = 1;
    while (at < key.size && key.data[at] >= '0' && key.data[at] <= '9')
        at++;
    *is_piece =
        at < key.size && key.data[at] == '[' && !slice_equal_text(slice_sub(key, at, 3), "[0]");
    return key.size > 1 && key.data[0] == 'a' && at > 1 && (at == key.size || key.data[at] == '[');
}

static bool has_room(struct audit_command *c, struct text_event *t, size_t more, size_t text_bytes)
{
    if (c->room - c->size >= more)
        return true;
    size_t room = 2 * c->room + more + text_bytes;
    uint8_t *bytes = t->context->alloc(t->context, room);
    if (!bytes) {
        t->failed = true;
        return false;
    }
    if (c->size)
        memcpy(bytes, c->bytes, c->size);
    c->bytes = bytes;
    c->room = room;
    return true;
}

static void add_argument(struct audit_command *c, struct text_event *t, bool is_piece,
                         struct slice value, size_t text_bytes)
{
    bool has_blank = c->size && !is_piece;
    if (c->size > (size_t)event_field_table[EVENT_process_command_line].max ||
        !has_room(c, t, value.size + has_blank, text_bytes))
        return;
    if (has_blank)
        c->bytes[c->size++] = ' ';
    if (value.size)
        memcpy(c->bytes + c->size, value.data, value.size);
    c->size += value.size;
}

/* ---- fields ---- */

static bool is_unset_id(struct slice id)
{
    return slice_equal_text(id, "4294967295") || slice_equal_text(id, "-1") ||
           slice_equal_text(id, "unset");
}

static void keep_first(struct slice *kept, struct slice value)
{
    if (!kept->size)
        *kept = value;
}

/* Fields whose meaning hangs on the record. */
static void look_in(struct audit_host *h, const struct audit_type *type, struct slice key,
                    struct slice value)
{
    bool is_path = slice_equal_text(type->name, "PATH");
    if (type->rank == AUDIT_RANK_SYSCALL) {
        static const char *const keys[] = {"arch", "syscall", "SYSCALL", "a0"};
        struct slice *const kept[] = {&h->arch, &h->syscall, &h->syscall_name, &h->first_argument};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (slice_equal_text(key, keys[i]))
                keep_first(kept[i], value);
    } else if (slice_equal_text(key, "cwd") && slice_equal_text(type->name, "CWD")) {
        keep_first(&h->cwd, value);
    } else if (slice_equal_text(key, "proctitle")) {
        keep_first(&h->title, value);
    } else if (slice_equal_text(key, "cmd") && slice_equal_text(type->name, "USER_CMD")) {
        keep_first(&h->typed, value);
    } else if (is_path && slice_equal_text(key, "name")) {
        h->item = value;
    } else if (is_path && slice_equal_text(key, "nametype")) {
        h->is_parent = slice_equal_text(value, "PARENT");
    } else if (slice_equal_text(key, "path") || slice_equal_text(key, "file") ||
               slice_equal_text(key, "name")) {
        if (slice_starts_with(value, "/"))
            keep_first(&h->other_path, value);
    }
}

void audit_host_look(struct audit_host *h, struct text_event *t, const struct audit_type *type,
                     struct slice key, struct slice value, size_t text_bytes)
{
    bool is_piece;
    if (type->rank == AUDIT_RANK_EXECVE && is_argument(key, &is_piece))
        add_argument(&h->command, t, is_piece, value, text_bytes);
    else if (slice_equal_text(key, "pid"))
        (void)text_event_set_decimal(t, EVENT_process_pid, value);
    else if (slice_equal_text(key, "comm"))
        (void)text_event_set(t, EVENT_process_name, value);
    else if (slice_equal_text(key, "exe"))
        (void)text_event_set(t, EVENT_process_executable, value);
    else if (slice_equal_text(key, "acct"))
        keep_first(&h->acct, value);
    else if (slice_equal_text(key, "id") && !is_unset_id(value))
        keep_first(&h->account_id, value);
    else if (slice_equal_text(key, "uid") && !is_unset_id(value))
        keep_first(&h->uid, value);
    else if (slice_equal_text(key, "UID") && !is_unset_id(value))
        keep_first(&h->uid_name, value);
    else if (!audit_socket_look(t, type, key, value))
        look_in(h, type, key, value);
}

void audit_host_end_record(struct audit_host *h, const struct audit_type *type)
{
    if (slice_equal_text(type->name, "PATH") && !h->is_parent)
        keep_first(&h->path, h->item);
    h->item = SLICE_EMPTY;
    h->is_parent = false;
}

/* ---- columns ---- */

/* Resolves a name against the process's working directory. */
static struct slice joined_path(const struct audit_host *h, struct text_event *t)
{
    struct slice path =
        slice_starts_with(h->path, "./") ? slice_sub(h->path, 2, h->path.size) : h->path;
    bool is_relative = path.size && path.data[0] != '/';
    if (!is_relative || !slice_starts_with(h->cwd, "/"))
        return path;
    bool has_slash = h->cwd.data[h->cwd.size - 1] == '/';
    uint8_t *out = t->context->alloc(t->context, h->cwd.size + 1 + path.size);
    if (!out) {
        t->failed = true;
        return SLICE_EMPTY;
    }
    memcpy(out, h->cwd.data, h->cwd.size);
    size_t size = h->cwd.size;
    if (!has_slash)
        out[size++] = '/';
    memcpy(out + size, path.data, path.size);
    return slice_make(out, size + path.size);
}

/* "?" and "(unknown)" are no names. */
static bool is_name(struct slice acct)
{
    return acct.size && acct.data[0] != '(' && !slice_equal_text(acct, "?");
}

/* The user that the event is about, else the one who acted: name and id of the same user. */
static void fill_user(const struct audit_host *h, struct text_event *t)
{
    bool has_acct = is_name(h->acct);
    bool is_actor = !has_acct || slice_equal(h->acct, h->uid_name);
    (void)text_event_set(t, EVENT_user_name,
                         has_acct             ? h->acct
                         : h->account_id.size ? SLICE_EMPTY
                                              : h->uid_name);
    (void)text_event_set(t, EVENT_user_id,
                         h->account_id.size ? h->account_id
                         : is_actor         ? h->uid
                                            : SLICE_EMPTY);
}

/* Records of programs such as sshd contain the path, not the name. */
static void fill_name(struct text_event *t)
{
    if (!EVENT_HAS(&t->event, process_executable))
        return;
    struct slice path = t->event.process_executable;
    const uint8_t *slash = memrchr(path.data, '/', path.size);
    if (slash)
        (void)text_event_set(t, EVENT_process_name,
                             slice_sub(path, (size_t)(slash - path.data) + 1, path.size));
}

void audit_host_fill(const struct audit_host *h, struct text_event *t)
{
    struct slice command = slice_make(h->command.bytes, h->command.size);
    fill_name(t);
    fill_user(h, t);
    text_event_set_cut(t, EVENT_process_command_line,
                       command.size    ? command
                       : h->typed.size ? h->typed
                                       : h->title);
    struct slice path = joined_path(h, t);
    (void)text_event_set(t, EVENT_file_path, path.size ? path : h->other_path);
    if (h->peer.size)
        audit_socket_fill(t, h);
}
