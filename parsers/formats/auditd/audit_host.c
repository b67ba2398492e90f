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
    if (key.size < 2 || key.data[0] != 'a')
        return false;
    while (at < key.size && key.data[at] >= '0' && key.data[at] <= '9')
        at++;
    *is_piece =
        at < key.size && key.data[at] == '[' && !slice_equal_text(slice_sub(key, at, 3), "[0]");
    return at > 1 && (at == key.size || key.data[at] == '[');
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

/* Path of a record that names a file and is not PATH. */
static void look_at_path(struct audit_host *h, struct slice value)
{
    if (slice_starts_with(value, "/"))
        keep_first(&h->other_path, value);
}

/* Fields of a system call, whose rank has no others that are looked at. */
static void look_in_call(struct audit_host *h, enum audit_key key, struct slice value)
{
    switch (key) {
    case AUDIT_KEY_ARCH:
        keep_first(&h->arch, value);
        break;
    case AUDIT_KEY_SYSCALL:
        keep_first(&h->syscall, value);
        break;
    case AUDIT_KEY_SYSCALL_NAME:
        keep_first(&h->syscall_name, value);
        break;
    case AUDIT_KEY_A0:
        keep_first(&h->first_argument, value);
        break;
    default:
        break;
    }
}

/* Fields whose meaning hangs on the record. */
static void look_in(struct audit_host *h, const struct audit_type *type, enum audit_key key,
                    struct slice value)
{
    if (type->rank == AUDIT_RANK_SYSCALL) {
        look_in_call(h, key, value);
        return;
    }
    switch (key) {
    case AUDIT_KEY_CWD:
        if (type->number == AUDIT_TYPE_CWD)
            keep_first(&h->cwd, value);
        break;
    case AUDIT_KEY_PROCTITLE:
        keep_first(&h->title, value);
        break;
    case AUDIT_KEY_CMD:
        if (type->number == AUDIT_TYPE_USER_CMD)
            keep_first(&h->typed, value);
        break;
    case AUDIT_KEY_NAMETYPE:
        if (type->number == AUDIT_TYPE_PATH)
            h->is_parent = slice_equal_text(value, "PARENT");
        break;
    case AUDIT_KEY_NAME:
        if (type->number == AUDIT_TYPE_PATH)
            h->item = value;
        else
            look_at_path(h, value);
        break;
    case AUDIT_KEY_PATH:
    case AUDIT_KEY_FILE:
        look_at_path(h, value);
        break;
    default:
        break;
    }
}

static void keep_id(struct slice *kept, struct slice id)
{
    if (!is_unset_id(id))
        keep_first(kept, id);
}

void audit_host_look(struct audit_host *h, struct text_event *t, const struct audit_type *type,
                     enum audit_key key, struct slice name, struct slice value, size_t text_bytes)
{
    bool is_piece;
    if (type->rank == AUDIT_RANK_EXECVE && is_argument(name, &is_piece)) {
        add_argument(&h->command, t, is_piece, value, text_bytes);
        return;
    }
    switch (key) {
    case AUDIT_KEY_OTHER:
        break;
    case AUDIT_KEY_PID:
        (void)text_event_set_decimal(t, EVENT_process_pid, value);
        break;
    case AUDIT_KEY_COMM:
        (void)text_event_set(t, EVENT_process_name, value);
        break;
    case AUDIT_KEY_EXE:
        (void)text_event_set(t, EVENT_process_executable, value);
        break;
    case AUDIT_KEY_ACCT:
        keep_first(&h->acct, value);
        break;
    case AUDIT_KEY_ID:
        keep_id(&h->account_id, value);
        break;
    case AUDIT_KEY_UID:
        keep_id(&h->uid, value);
        break;
    case AUDIT_KEY_UID_NAME:
        keep_id(&h->uid_name, value);
        break;
    default:
        if (!audit_socket_look(t, type, key, value))
            look_in(h, type, key, value);
    }
}

void audit_host_end_record(struct audit_host *h, const struct audit_type *type)
{
    if (type->number == AUDIT_TYPE_PATH && !h->is_parent)
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
