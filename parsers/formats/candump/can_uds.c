/* can_uds.c: recognises UDS in single frames. Pure, any thread. Does not join frames of longer
 * messages and does not know car makers' own ids. */
#include "parsers/formats/candump/can_uds.h"

#define NEGATIVE_RESPONSE 0x7F
#define RESPONSE_BIT      0x40
#define SUPPRESS_RESPONSE 0x80 /* bit of a subfunction */

/* Contents after the service id in a request. */
enum layout { LAYOUT_NONE, LAYOUT_SUB, LAYOUT_DID, LAYOUT_ROUTINE };

/* Services of ISO 14229-1. */
static const struct service {
    uint8_t sid;
    enum layout layout;
} services[] = {
    {0x10, LAYOUT_SUB},  {0x11, LAYOUT_SUB},  {0x14, LAYOUT_NONE},    {0x19, LAYOUT_SUB},
    {0x22, LAYOUT_DID},  {0x23, LAYOUT_NONE}, {0x24, LAYOUT_DID},     {0x27, LAYOUT_SUB},
    {0x28, LAYOUT_SUB},  {0x29, LAYOUT_SUB},  {0x2A, LAYOUT_NONE},    {0x2C, LAYOUT_SUB},
    {0x2E, LAYOUT_DID},  {0x2F, LAYOUT_DID},  {0x31, LAYOUT_ROUTINE}, {0x34, LAYOUT_NONE},
    {0x35, LAYOUT_NONE}, {0x36, LAYOUT_NONE}, {0x37, LAYOUT_NONE},    {0x38, LAYOUT_NONE},
    {0x3D, LAYOUT_NONE}, {0x3E, LAYOUT_SUB},  {0x83, LAYOUT_SUB},     {0x84, LAYOUT_NONE},
    {0x85, LAYOUT_SUB},  {0x86, LAYOUT_SUB},  {0x87, LAYOUT_SUB},
};

static const struct service *find_service(uint8_t sid)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (services[i].sid == sid)
            return &services[i];
    return NULL;
}

/* The message of a single frame, empty when it is not one. Short form: 0L; for CAN FD frames above
 * eight bytes: 00 LL. */
static struct slice single_frame(struct slice data)
{
    size_t start = data.size > 8 ? 2 : 1;
    if (data.size < 2 || data.data[0] >> 4 || (start == 2 && data.data[0]))
        return SLICE_EMPTY;
    size_t size = data.data[start - 1];
    return size <= data.size - start ? slice_sub(data, start, size) : SLICE_EMPTY;
}

/* Padding after the message repeats one byte. */
static bool padding_is_even(struct slice data, struct slice message)
{
    const uint8_t *end = data.data + data.size;
    for (const uint8_t *p = message.data + message.size; p + 1 < end; p++)
        if (p[0] != p[1])
            return false;
    return true;
}

/* 7DF and 7E0 to 7EF; 18DAttss (one receiver) and 18DBttss (many). */
static bool is_diagnostic_id(uint32_t id, bool is_extended)
{
    return is_extended ? id >> 16 == 0x18DA || id >> 16 == 0x18DB : id == 0x7DF || id >> 4 == 0x7E;
}

/* The tester's address: source of a request, target of a response. */
static void set_client(struct event *event, uint32_t id, bool is_extended, bool is_response)
{
    if (is_extended && is_diagnostic_id(id, true))
        EVENT_SET(event, uds_client_sa, is_response ? id >> 8 & 0xFF : id & 0xFF);
}

static bool fill_negative(struct event *event, struct slice m)
{
    if (m.size != 3 || m.data[0] != NEGATIVE_RESPONSE || !find_service(m.data[1]) || !m.data[2])
        return false;
    EVENT_GUESS(event, event_name, SLICE_LITERAL("uds_negative_response"));
    EVENT_SET(event, uds_sid, m.data[1]);
    EVENT_SET(event, uds_nrc, m.data[2]);
    return true;
}

static void fill_layout(struct event *event, enum layout layout, struct slice m)
{
    if ((layout == LAYOUT_SUB || layout == LAYOUT_ROUTINE) && m.size > 1)
        EVENT_SET(event, uds_sub, m.data[1] & ~SUPPRESS_RESPONSE & 0xFF);
    if (layout == LAYOUT_DID && m.size > 2)
        EVENT_SET(event, uds_did, m.data[1] << 8 | m.data[2]);
    if (layout == LAYOUT_ROUTINE && m.size > 3)
        EVENT_SET(event, uds_rid, m.data[2] << 8 | m.data[3]);
}

static bool fill_positive(struct event *event, struct slice m, bool *is_response)
{
    const struct service *service;
    *is_response = m.data[0] & RESPONSE_BIT;
    service = find_service(m.data[0] & ~RESPONSE_BIT & 0xFF);
    if (!service)
        return false;
    EVENT_GUESS(event, event_name,
                *is_response ? SLICE_LITERAL("uds_response") : SLICE_LITERAL("uds_request"));
    EVENT_SET(event, uds_sid, service->sid);
    fill_layout(event, service->layout, m);
    return true;
}

bool can_uds_fill(struct event *event, uint32_t id, bool is_extended, struct slice data)
{
    struct slice message = single_frame(data);
    bool is_response = true;
    if (!message.size || !padding_is_even(data, message))
        return false;
    if (!fill_negative(event, message) &&
        !(is_diagnostic_id(id, is_extended) && fill_positive(event, message, &is_response)))
        return false;
    EVENT_GUESS(event, event_category, SLICE_LITERAL("diagnostic_access"));
    set_client(event, id, is_extended, is_response);
    return true;
}
