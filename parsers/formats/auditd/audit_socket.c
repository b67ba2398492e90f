/* audit_socket.c: addresses of audit records. Pure, any thread. Numbers of system calls: Linux's
 * tables of each architecture. */
#include "parsers/formats/auditd/audit_socket.h"
#include "parsers/formats/auditd/audit_read.h"
#include "parsers/read/number.h"

#include <arpa/inet.h>
#include <stdio.h>

/* ---- struct sockaddr ---- */

static void keep_text(struct text_event *t, const char *key, struct slice value)
{
    text_event_keep(t, slice_from_text(key), value);
}

static struct slice copy(struct text_event *t, const char *text)
{
    struct slice s = slice_from_text(text);
    uint8_t *out = t->context->alloc(t->context, s.size);
    if (!out) {
        t->failed = true;
        return SLICE_EMPTY;
    }
    memcpy(out, s.data, s.size);
    return slice_make(out, s.size);
}

static void keep_address(struct audit_host *h, struct text_event *t, int family,
                         const uint8_t *address, const uint8_t *port)
{
    char text[INET6_ADDRSTRLEN], number[8];
    if (!inet_ntop(family, address, text, sizeof text))
        return;
    snprintf(number, sizeof number, "%u", (unsigned)(port[0] << 8 | port[1]));
    h->peer = copy(t, text);
    h->peer_port = copy(t, number);
    keep_text(t, "saddr_ip", h->peer);
    keep_text(t, "saddr_port", h->peer_port);
}

#define SOCKADDR_MAX 128

/* The family is in the byte order of the machine, so one of its two bytes is 0. */
void audit_socket_read(struct audit_host *h, struct text_event *t, struct slice hex)
{
    uint8_t bytes[SOCKADDR_MAX];
    hex = slice_sub(hex, 0, 2 * sizeof bytes);
    size_t size = hex.size / 2;
    if (size < 4 || !audit_hex_decode(hex, bytes) || (bytes[0] && bytes[1]))
        return;
    switch (bytes[0] | bytes[1]) {
    case AF_INET:
        if (size >= 8)
            keep_address(h, t, AF_INET, bytes + 4, bytes + 2);
        break;
    case AF_INET6:
        if (size >= 24)
            keep_address(h, t, AF_INET6, bytes + 8, bytes + 2);
        break;
    case AF_UNIX: {
        size_t start = bytes[2] ? 2 : 3; /* abstract names begin with a byte 0 */
        struct slice path =
            slice_make(bytes + start, strnlen((const char *)bytes + start, size - start));
        text_event_repair(t, &path);
        keep_text(t, "saddr_path", path);
        break;
    }
    default:
        break;
    }
}

/* ---- fields as text ---- */

/* netfilter's, SELinux's and those of crypto sessions. */
static const struct {
    unsigned type;
    enum audit_key key;
    enum event_field field;
} words[] = {
    {AUDIT_TYPE_NETFILTER_PKT, AUDIT_KEY_SADDR, EVENT_src_ip},
    {AUDIT_TYPE_NETFILTER_PKT, AUDIT_KEY_DADDR, EVENT_dst_ip},
    {AUDIT_TYPE_NETFILTER_PKT, AUDIT_KEY_SPORT, EVENT_src_port},
    {AUDIT_TYPE_NETFILTER_PKT, AUDIT_KEY_DPORT, EVENT_dst_port},
    {AUDIT_TYPE_NETFILTER_PKT, AUDIT_KEY_PROTO, EVENT_transport},
    {AUDIT_TYPE_AVC, AUDIT_KEY_SADDR, EVENT_src_ip},
    {AUDIT_TYPE_AVC, AUDIT_KEY_DADDR, EVENT_dst_ip},
    {AUDIT_TYPE_AVC, AUDIT_KEY_SRC, EVENT_src_port},
    {AUDIT_TYPE_AVC, AUDIT_KEY_DEST, EVENT_dst_port},
    {AUDIT_TYPE_AVC, AUDIT_KEY_LADDR, EVENT_src_ip},
    {AUDIT_TYPE_AVC, AUDIT_KEY_FADDR, EVENT_dst_ip},
    {AUDIT_TYPE_AVC, AUDIT_KEY_LPORT, EVENT_src_port},
    {AUDIT_TYPE_AVC, AUDIT_KEY_FPORT, EVENT_dst_port},
    {AUDIT_TYPE_CRYPTO_SESSION, AUDIT_KEY_LADDR, EVENT_dst_ip},
    {AUDIT_TYPE_CRYPTO_SESSION, AUDIT_KEY_RPORT, EVENT_src_port},
    {AUDIT_TYPE_CRYPTO_SESSION, AUDIT_KEY_LPORT, EVENT_dst_port},
};

bool audit_socket_look(struct text_event *t, const struct audit_type *type, enum audit_key key,
                       struct slice value)
{
    if (key == AUDIT_KEY_ADDR) {
        (void)text_event_find_address(t, EVENT_src_ip, value);
        return true;
    }
    if (!AUDIT_KEY_IS_SOCKET(key))
        return false;
    bool is_whole;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (key != words[i].key || type->number != words[i].type)
            continue;
        if (words[i].field == EVENT_transport)
            (void)text_event_set_transport(t, value, &is_whole);
        else if (event_field_table[words[i].field].kind == EVENT_KIND_INET)
            (void)text_event_find_address(t, words[i].field, value);
        else
            (void)text_event_set_decimal(t, words[i].field, value);
        return true;
    }
    return false;
}

/* ---- which end the peer is ---- */

enum side { SIDE_NONE, SIDE_SOURCE, SIDE_DESTINATION };

static enum side side_of_name(struct slice name)
{
    static const char *const from[] = {"accept", "accept4", "recvfrom", "recvmsg", "recvmmsg"};
    static const char *const to[] = {"connect", "sendto", "sendmsg", "sendmmsg"};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (slice_equal_text(name, from[i]))
            return SIDE_SOURCE;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (slice_equal_text(name, to[i]))
            return SIDE_DESTINATION;
    return SIDE_NONE;
}

/* Numbers of one architecture, ended by 0. */
static const struct {
    const char *arch;
    int from[6], to[6];
} calls[] = {
    {"c000003e", {43, 288, 45, 47, 299}, {42, 44, 46, 307}},       /* x86_64 */
    {"c00000b7", {202, 242, 207, 212, 243}, {203, 206, 211, 269}}, /* aarch64 */
    {"c00000f3", {202, 242, 207, 212, 243}, {203, 206, 211, 269}}, /* riscv64 */
    {"40000028", {285, 366, 292, 297, 365}, {283, 290, 296, 374}}, /* arm */
    {"40000003", {364, 371, 372, 337}, {362, 369, 370, 345}},      /* i386 */
};

static bool has_number(const int numbers[6], int64_t number)
{
    for (size_t i = 0; i < 6 && numbers[i]; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* i386 multiplexes them in one call, whose first argument (hex) selects the operation. */
static enum side side_of_socketcall(struct slice argument)
{
    static const char *const from[] = {"5", "c", "11", "12"}, *const to[] = {"3", "b", "10"};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (slice_equal_text(argument, from[i]))
            return SIDE_SOURCE;
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (slice_equal_text(argument, to[i]))
            return SIDE_DESTINATION;
    return SIDE_NONE;
}

static enum side side_of(const struct audit_host *h)
{
    int64_t number;
    enum side side = side_of_name(h->syscall_name.size ? h->syscall_name : h->syscall);
    if (side != SIDE_NONE || !number_read(h->syscall, 1000, &number))
        return side;
    if (slice_equal_text(h->arch, "40000003") && number == 102)
        return side_of_socketcall(h->first_argument);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (slice_equal_text(h->arch, calls[i].arch))
            return has_number(calls[i].from, number) ? SIDE_SOURCE
                   : has_number(calls[i].to, number) ? SIDE_DESTINATION
                                                     : SIDE_NONE;
    return SIDE_NONE;
}

void audit_socket_fill(struct text_event *t, const struct audit_host *h)
{
    enum side side = side_of(h);
    if (side == SIDE_NONE)
        return;
    bool is_source = side == SIDE_SOURCE;
    (void)text_event_find_address(t, is_source ? EVENT_src_ip : EVENT_dst_ip, h->peer);
    (void)text_event_set_decimal(t, is_source ? EVENT_src_port : EVENT_dst_port, h->peer_port);
}
