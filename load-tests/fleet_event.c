/* Writes the simulated fleet's events. Pure: the plan and the number decide every byte. Runs on any
 * thread. It does not batch, compress or send. */
#include "fleet_event.h"

#include "fleet_random.h"
#include "fleet_vin.h"

#include <inttypes.h>
#include <time.h>

enum shape { SHAPE_UDS, SHAPE_DOIP, SHAPE_FIREWALL, SHAPE_CAN, SHAPE_SECOC, SHAPE_HOST };

/* Ids and names as AUTOSAR publishes them; sev_id 0 = sent by name only. weight: share among all.
 */
static const struct kind {
    uint16_t sev_id;
    uint8_t severity, weight;
    enum shape shape;
    const char *sensor, *name, *message;
} KINDS[] = {
    {51, 3, 22, SHAPE_FIREWALL, "net_ids", "SEV_FW_PACKET_BLOCKED_IPV4_MISMATCH",
     "packet dropped by rule of the gateway firewall"},
    {100, 2, 5, SHAPE_UDS, "diag", "SEV_UDS_SECURITY_ACCESS_NEEDED",
     "service refused, security access needed"},
    {101, 2, 4, SHAPE_UDS, "diag", "SEV_UDS_AUTHENTICATION_NEEDED",
     "service refused, authentication needed"},
    {102, 1, 6, SHAPE_UDS, "diag", "SEV_UDS_SECURITY_ACCESS_SUCCESSFUL",
     "security access unlocked"},
    {103, 3, 12, SHAPE_UDS, "diag", "SEV_UDS_SECURITY_ACCESS_FAILED",
     "wrong key for security access, attempt counted"},
    {104, 1, 5, SHAPE_UDS, "diag", "SEV_UDS_AUTHENTICATION_SUCCESSFUL", "tester authenticated"},
    {105, 4, 5, SHAPE_UDS, "diag", "SEV_UDS_AUTHENTICATION_FAILED",
     "certificate of the tester refused"},
    {107, 3, 5, SHAPE_UDS, "diag", "SEV_UDS_WRITE_DATA_FAILED", "write data by identifier refused"},
    {127, 3, 4, SHAPE_DOIP, "net_ids", "SEV_DOIP_HEADER_CHECK_FAILED", "DoIP header rejected"},
    {128, 3, 4, SHAPE_DOIP, "net_ids", "SEV_DOIP_ROUTING_ACTIVATION_CHECK_FAILED",
     "routing activation from unknown tester"},
    {130, 2, 4, SHAPE_DOIP, "net_ids", "SEV_DOIP_DIAG_MESSAGE_CHECK_FAILED",
     "diagnostic message to unknown target address"},
    {133, 4, 3, SHAPE_HOST, "host_ids", "SEV_ACCESS_CONTROL_DM_IAM_ACCESS_DENIED",
     "application denied access to a diagnostic resource"},
    {0, 4, 6, SHAPE_CAN, "can_ids", "CANIF_SEV_ERRORSTATE_BUSOFF", "controller went bus-off"},
    {0, 2, 9, SHAPE_CAN, "can_ids", "CANIF_SEV_RX_ERROR_DETECTED", "receive error counter rising"},
    {0, 4, 6, SHAPE_SECOC, "idsm", "SECOC_SEV_MAC_VERIFICATION_FAILED",
     "authenticator of a secured PDU does not match"},
};

static const struct kind *pick_kind(struct fleet_random *random)
{
    uint32_t ticket = fleet_random_below(random, 100); /* the weights above add up to 100 */
    size_t i = 0;
    while (ticket >= KINDS[i].weight)
        ticket -= KINDS[i++].weight;
    return &KINDS[i];
}

static void put_time(struct fleet_text *text, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    char date[32];
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    fleet_text_printf(text, ",\"time\":\"%s.%03dZ\"", date, (int)(unix_ms % 1000));
}

/* Events of a batch lie in order in the minutes before the run, a few hundred milliseconds apart.
 */
static int64_t event_time_ms(const struct fleet_event_plan *plan, uint64_t number,
                             struct fleet_random *random)
{
    uint32_t left = plan->batch_events - (uint32_t)(number % plan->batch_events);
    return plan->start_ms - (int64_t)left * 400 + fleet_random_below(random, 400);
}

static void put_uds(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    static const uint8_t SERVICES[] = {0x27, 0x29, 0x2e, 0x31, 0x34, 0x11};
    static const uint8_t REFUSALS[] = {0x33, 0x34, 0x35, 0x36, 0x37};
    fleet_text_printf(text, ",\"uds_sid\":%u,\"uds_sub\":%u,\"uds_nrc\":%u,\"uds_client_sa\":%u",
                      SERVICES[fleet_random_quarter(bits, 0, sizeof SERVICES)],
                      1 + fleet_random_quarter(bits, 1, 4),
                      REFUSALS[fleet_random_quarter(bits, 2, sizeof REFUSALS)],
                      3584 + fleet_random_quarter(bits, 3, 16));
}

static void put_doip(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    fleet_text_printf(text,
                      ",\"src_ip\":\"169.254.%u.%u\",\"dst_port\":13400,\"transport\":\"tcp\"",
                      fleet_random_quarter(bits, 0, 8), 1 + fleet_random_quarter(bits, 1, 250));
    fleet_text_printf(text, ",\"uds_client_sa\":%u", 3584 + fleet_random_quarter(bits, 2, 16));
}

static void put_firewall(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    uint64_t more = fleet_random_next(random);
    static const uint16_t PORTS[] = {22, 23, 80, 443, 5555, 13400, 30490, 30509};
    fleet_text_printf(text, ",\"src_ip\":\"10.%u.%u.%u\",\"dst_ip\":\"10.0.0.%u\"",
                      fleet_random_quarter(bits, 0, 4), fleet_random_quarter(bits, 1, 16),
                      1 + fleet_random_quarter(bits, 2, 250),
                      1 + fleet_random_quarter(bits, 3, 12));
    fleet_text_printf(text, ",\"src_port\":%u,\"dst_port\":%u,\"transport\":\"%s\"",
                      32768 + fleet_random_quarter(more, 0, 28000),
                      PORTS[fleet_random_quarter(more, 1, sizeof PORTS / sizeof *PORTS)],
                      fleet_random_quarter(more, 2, 3) == 0 ? "udp" : "tcp");
    fleet_text_printf(text, ",\"rule_id\":\"fw-%u\",\"disposition\":\"blocked\"",
                      100 + fleet_random_quarter(more, 3, 40));
}

static void put_can(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    fleet_text_printf(text, ",\"bus_type\":\"%s\",\"bus_id\":\"can%u\",\"can_id\":%u",
                      fleet_random_quarter(bits, 0, 3) == 0 ? "canfd" : "can",
                      fleet_random_quarter(bits, 1, 4),
                      256 + fleet_random_quarter(bits, 2, 64) * 16);
}

static void put_secoc(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    fleet_text_printf(text, ",\"bus_type\":\"canfd\",\"bus_id\":\"can%u\"",
                      fleet_random_quarter(bits, 0, 4));
    fleet_text_printf(text, ",\"pdu_id\":%u,\"data_id\":%u,\"idsm_instance_id\":%u",
                      100 + fleet_random_quarter(bits, 1, 60),
                      700 + fleet_random_quarter(bits, 2, 60),
                      1 + fleet_random_quarter(bits, 3, 8));
}

static void put_host(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    static const char *const PROGRAMS[] = {"navigation", "media_server", "ota_agent", "v2x_stack"};
    fleet_text_printf(text, ",\"rule_id\":\"iam-%u\",\"disposition\":\"blocked\"",
                      1 + fleet_random_quarter(bits, 0, 20));
    fleet_text_printf(text, ",\"program\":\"%s\",\"pid\":%u",
                      PROGRAMS[fleet_random_quarter(bits, 1, 4)],
                      400 + fleet_random_quarter(bits, 2, 900));
}

static void put_shape(struct fleet_text *text, enum shape shape, struct fleet_random *random)
{
    static void (*const PUT[])(struct fleet_text *, struct fleet_random *) = {
        [SHAPE_UDS] = put_uds, [SHAPE_DOIP] = put_doip,   [SHAPE_FIREWALL] = put_firewall,
        [SHAPE_CAN] = put_can, [SHAPE_SECOC] = put_secoc, [SHAPE_HOST] = put_host,
    };
    PUT[shape](text, random);
}

static void put_vehicle_state(struct fleet_text *text, struct fleet_random *random)
{
    uint64_t bits = fleet_random_next(random);
    uint32_t speed = fleet_random_quarter(bits, 0, 1300);
    if (fleet_random_quarter(bits, 1, 3) == 0)
        fleet_text_puts(text, ",\"is_moving\":false,\"power_state\":\"ACC\"");
    else
        fleet_text_printf(text, ",\"is_moving\":true,\"speed_kmh\":%u.%u", speed / 10, speed % 10);
}

/* The message, lengthened so that the event comes near the size the plan asks for. */
static void put_message(const struct fleet_event_plan *plan, size_t start, const struct kind *kind,
                        struct fleet_text *text, struct fleet_random *random)
{
    static const char *const MORE[] = {
        " while driving",  " on the body domain",       " twice in a second",
        " after ignition", " from the telematics unit", " again"};
    size_t limit = plan->event_bytes < FLEET_EVENT_MAX_BYTES - 512 ? plan->event_bytes
                                                                   : FLEET_EVENT_MAX_BYTES - 512;
    size_t closing = 36; /* half a phrase, and what the longer kinds of event have more */
    fleet_text_printf(text, ",\"message\":\"%s", kind->message);
    while (text->used - start + closing < limit && !text->overflow)
        fleet_text_puts(text, MORE[fleet_random_below(random, sizeof MORE / sizeof *MORE)]);
    fleet_text_puts(text, "\"");
}

void fleet_event_write_id(const struct fleet_event_plan *plan, uint64_t number,
                          char out[FLEET_EVENT_ID_MAX])
{
    snprintf(out, FLEET_EVENT_ID_MAX, "%08" PRIx32 "-%010" PRIx64, plan->run, number);
}

static void put_head(const struct fleet_event_plan *plan, uint64_t number, struct fleet_text *text,
                     struct fleet_random *random)
{
    uint64_t vehicle = number / plan->batch_events % plan->vehicles;
    char id[FLEET_EVENT_ID_MAX], vin[FLEET_VIN_CHARS + 1];
    fleet_event_write_id(plan, number, id);
    fleet_vin_write(vehicle, vin);
    fleet_text_printf(text, "{\"id\":\"%s\",\"vin\":\"%s\"", id, vin);
    put_time(text, event_time_ms(plan, number, random));
}

void fleet_event_write(const struct fleet_event_plan *plan, uint64_t number,
                       struct fleet_text *text)
{
    static const char *const ECUS[] = {"GW-3", "TCU-1", "IVI-2", "ADAS-1", "BCM-2", "VCU-1"};
    struct fleet_random random = fleet_random_stream(plan->seed, number);
    const struct kind *kind = pick_kind(&random);
    size_t start = text->used;
    put_head(plan, number, text, &random);
    fleet_text_printf(text, ",\"sensor_kind\":\"%s\",\"ecu_id\":\"%s\"", kind->sensor,
                      ECUS[fleet_random_below(&random, sizeof ECUS / sizeof *ECUS)]);
    if (kind->sev_id != 0)
        fleet_text_printf(text, ",\"sev_id\":%u", kind->sev_id);
    uint64_t bits = fleet_random_next(&random);
    unsigned count =
        fleet_random_quarter(bits, 0, 4) == 0 ? 2 + fleet_random_quarter(bits, 1, 30) : 1;
    bool bad = plan->bad_every != 0 && number % plan->bad_every == plan->bad_every - 1;
    fleet_text_printf(text,
                      bad ? ",\"event_name\":\"%s\",\"severity_id\":\"very %u\",\"count\":%u"
                          : ",\"event_name\":\"%s\",\"severity_id\":%u,\"count\":%u",
                      kind->name, kind->severity, count);
    put_shape(text, kind->shape, &random);
    put_vehicle_state(text, &random);
    put_message(plan, start, kind, text, &random);
    fleet_text_puts(text, "}");
}
