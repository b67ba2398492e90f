/* vehicle.c: VIN claims, the policy on them, and the pseudonym. Runs on the thread that parses. The
 * VIN itself gets into no text: reports and notes are read by people who may not know it. */
#include "parsers/vehicle.h"

#define VIN_BYTES 17
#define WMI_BYTES 3

/* The VIN that counts for this event, trimmed; no data: none is claimed. An empty one in the record
 * is a claim, a wrong one. */
static struct slice claimed_vin(const struct normaliser *n, const struct event *event)
{
    if (event->vin.data)
        return slice_trim(event->vin);
    return slice_trim(n->header_vin.size ? n->header_vin : n->certificate_vin);
}

/* Upper-case copy in out; false when it is no VIN. */
static bool read_vin(struct slice vin, uint8_t out[VIN_BYTES])
{
    if (vin.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        out[i] = vin.data[i] >= 'a' && vin.data[i] <= 'z' ? vin.data[i] - 32 : vin.data[i];
    return vin_is_valid(slice_make(out, VIN_BYTES));
}

static enum status refuse(struct normalise_refusal *refusal, const char *code, const char *detail)
{
    refusal->code = code;
    refusal->detail = detail;
    return STATUS_REFUSED;
}

/* Regions whose VINs must have a check digit: North America, first character 1 to 5 (49 CFR 565).
 */
static bool needs_check_digit(const uint8_t vin[VIN_BYTES])
{
    return vin[0] >= '1' && vin[0] <= '5';
}

static void fill(struct normaliser *n, const uint8_t vin[VIN_BYTES], struct vehicle *vehicle)
{
    memcpy(vehicle->vin, vin, VIN_BYTES);
    struct slice text = slice_make(vehicle->vin, VIN_BYTES);
    vehicle->odd = needs_check_digit(vin) && !vin_check_digit_fits(text);
    vehicle->key_id = n->pseudonym(n->pseudonym_arg, n->tenant_id, text, vehicle->pid);
    vehicle->known = true;
}

/* The certificate's vehicle; NULL: it has none, or one that is no VIN. */
static const struct vehicle *own_vehicle(struct normaliser *n)
{
    uint8_t vin[VIN_BYTES];
    if (!n->own_vehicle.known && read_vin(slice_trim(n->certificate_vin), vin))
        fill(n, vin, &n->own_vehicle);
    return n->own_vehicle.known ? &n->own_vehicle : NULL;
}

static void remember(struct normaliser *n, const uint8_t vin[VIN_BYTES])
{
    const struct vehicle *own = own_vehicle(n);
    struct vehicle *last = &n->last_vehicle;
    if (own && !memcmp(own->vin, vin, VIN_BYTES)) {
        *last = *own;
        return;
    }
    fill(n, vin, last);
    last->foreign = slice_trim(n->certificate_vin).size > 0;
    last->barred = !last->foreign && n->may_name &&
                   !n->may_name(n->may_name_arg, slice_make(last->vin, VIN_BYTES));
}

/* The vehicle that the event is stored under: the claimed one or, when the policy lets a wrong
 * claim pass, the certificate's: nobody writes into another vehicle's history. */
static enum status apply_policy(struct normaliser *n, struct event *event,
                                const struct vehicle **stored, struct normalise_refusal *refusal)
{
    static const char text[] = "claimed VIN is not the certificate's";
    const struct vehicle *last = &n->last_vehicle;
    *stored = last;
    if (last->barred) /* there is no vehicle of the sender's own to store it under */
        return refuse(refusal, "vin_mismatch", "the sender may not send for the claimed vehicle");
    if (!last->foreign)
        return STATUS_OK;
    if (n->vin_policy != VIN_POLICY_FLAG)
        return refuse(refusal, "vin_mismatch", text);
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    EVENT_SET(event, claimed_vehicle_pid, slice_make(last->pid, sizeof last->pid));
    *stored = own_vehicle(n);
    return normalise_note(n, event, "vin_mismatch", text) ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status vehicle_identify(struct normaliser *n, struct event *event,
                             struct normalise_refusal *refusal)
{
    uint8_t vin[VIN_BYTES];
    const struct vehicle *last = &n->last_vehicle, *stored;
    struct slice claim = claimed_vin(n, event);
    if (!claim.data)
        return STATUS_OK;
    if (!last->known || !slice_equal(claim, slice_make(last->vin, VIN_BYTES))) {
        if (!read_vin(claim, vin))
            return refuse(refusal, "bad_vin", "vin: 17 of A-H, J-N, P, R-Z and 0-9 are needed");
        remember(n, vin);
    }
    enum status status = apply_policy(n, event, &stored, refusal);
    if (status != STATUS_OK || !stored)
        return status;
    if (last->odd && !normalise_note(n, event, "vin_check", "check digit of the VIN does not fit"))
        return STATUS_NO_MEMORY;
    EVENT_SET(event, wmi, slice_make(stored->vin, WMI_BYTES));
    EVENT_SET(event, vehicle_pid, slice_make(stored->pid, sizeof stored->pid));
    EVENT_SET(event, vin_key_id, stored->key_id);
    return STATUS_OK;
}
