/* context_layout.c: the context data layouts that are published. Pure, any thread. Which event has
 * which layout is the catalogue's. */
#include "parsers/context_layout.h"
#include "core/reader.h"

#include <stdio.h>

/* Values that stand for "none" (SWS_DM_02016). */
#define NO_SUBFUNCTION 255
#define NO_IDENTIFIER  65535

#define UDS_SIZE     8
#define FW_IPV4_SIZE 26

#define SET_ONCE(event, field, value)                                                              \
    do {                                                                                           \
        if (!EVENT_HAS(event, field))                                                              \
            EVENT_SET(event, field, value);                                                        \
    } while (0)

static bool decode_uds(struct event *event)
{
    struct reader r = reader_make(event->context_raw);
    if (r.in.size != UDS_SIZE)
        return false;
    SET_ONCE(event, uds_sid, reader_u8(&r));
    int64_t sub = reader_u8(&r);
    int64_t did = (int64_t)reader_uint_be(&r, 2), rid = (int64_t)reader_uint_be(&r, 2);
    if (sub != NO_SUBFUNCTION)
        SET_ONCE(event, uds_sub, sub);
    if (did != NO_IDENTIFIER)
        SET_ONCE(event, uds_did, did);
    if (rid != NO_IDENTIFIER)
        SET_ONCE(event, uds_rid, rid);
    SET_ONCE(event, uds_client_sa, (int64_t)reader_uint_be(&r, 2));
    return true;
}

/* IANA protocol number → name used by ECS. */
static const char *transport_name(uint8_t protocol)
{
    switch (protocol) {
    case 1:
        return "icmp";
    case 2:
        return "igmp";
    case 6:
        return "tcp";
    case 17:
        return "udp";
    default:
        return NULL;
    }
}

static struct slice address_print(const uint8_t *p, char out[CONTEXT_LAYOUT_TEXT])
{
    int n = snprintf(out, CONTEXT_LAYOUT_TEXT, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
    return slice_make(out, (size_t)n);
}

static bool decode_fw_ipv4(struct event *event, char rule_text[CONTEXT_LAYOUT_TEXT],
                           char address_text[2][CONTEXT_LAYOUT_TEXT])
{
    const struct slice c = event->context_raw;
    if (c.size != FW_IPV4_SIZE || c.data[2] >> 4 != 4)
        return false;
    const uint8_t *header = c.data + 2;
    if (!EVENT_HAS(event, rule_id)) {
        int n =
            snprintf(rule_text, CONTEXT_LAYOUT_TEXT, "%u", (unsigned)(c.data[0] << 8 | c.data[1]));
        EVENT_SET(event, rule_id, slice_make(rule_text, (size_t)n));
    }
    SET_ONCE(event, src_ip, address_print(header + 12, address_text[0]));
    SET_ONCE(event, dst_ip, address_print(header + 16, address_text[1]));
    const char *transport = transport_name(header[9]);
    if (transport)
        SET_ONCE(event, transport, slice_from_text(transport));
    return true;
}

bool context_layout_decode(struct slice layout, struct event *event,
                           char rule_text[CONTEXT_LAYOUT_TEXT],
                           char address_text[2][CONTEXT_LAYOUT_TEXT])
{
    if (EVENT_HAS(event, context_version) && event->context_version != 1)
        return false;
    if (slice_equal_text(layout, "uds"))
        return decode_uds(event);
    if (slice_equal_text(layout, "fw_ipv4"))
        return decode_fw_ipv4(event, rule_text, address_text);
    return false;
}
