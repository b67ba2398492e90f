/* vehicle.c: VIN claims, the policy on them, and the pseudonym. Runs on the thread that parses. No
 * text contains the VIN itself: readers of reports and notes may not be entitled to it. */
#include "parsers/engine/vehicle.h"
#include "core/reasons/record_code.h"
#include "parsers/privacy/vehicle_claims.h"

#define WMI_BYTES 3

/* Upper-case copy in out; false when it is no VIN. */
static bool read_vin(struct slice vin, uint8_t out[VIN_BYTES])
{
    if (vin.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        out[i] = vin.data[i] >= 'a' && vin.data[i] <= 'z' ? vin.data[i] - 32 : vin.data[i];
    return vin_is_valid(slice_make(out, VIN_BYTES));
}

static bool is_vin(struct slice text)
{
    uint8_t unused[VIN_BYTES];
    return read_vin(text, unused);
}

static enum status refuse(struct normalise_refusal *refusal, enum record_code code,
                          const char *detail)
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

/* The certificate's vehicle; NULL: no VIN, or an invalid one. */
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

/* The vehicle that the event is stored under: the claimed one or, when the policy accepts a wrong
 * claim, the certificate's. No sender writes into another vehicle's history. */
static enum status apply_policy(struct normaliser *n, struct event *event,
                                const struct vehicle **stored, struct normalise_refusal *refusal)
{
    static const char text[] = "claimed VIN is not the certificate's";
    const struct vehicle *last = &n->last_vehicle;
    *stored = last;
    if (last->barred) /* the sender has no vehicle of its own to store it under */
        return refuse(refusal, RECORD_vin_mismatch,
                      "the sender may not send for the claimed vehicle");
    if (!last->foreign)
        return STATUS_OK;
    if (n->vin_policy != VIN_POLICY_FLAG)
        return refuse(refusal, RECORD_vin_mismatch, text);
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    EVENT_SET(event, claimed_vehicle_pid, slice_make(last->pid, sizeof last->pid));
    *stored = own_vehicle(n);
    return normalise_note(n, event, RECORD_vin_mismatch, text) ? STATUS_OK : STATUS_NO_MEMORY;
}

/* ---- what the record claims ---- */

static bool same_vin(struct slice a, struct slice b)
{
    uint8_t left[VIN_BYTES], right[VIN_BYTES];
    return slice_equal(a, b) ||
           (read_vin(a, left) && read_vin(b, right) && !memcmp(left, right, VIN_BYTES));
}

/* The outermost claim of the keys; NULL: no claim. */
static const struct vehicle_claim *outermost(const struct vehicle_claims *claims)
{
    const struct vehicle_claim *first = NULL;
    for (size_t i = 0; i < claims->count; i++)
        if (!claims->items[i].is_mention && (!first || claims->items[i].depth < first->depth))
            first = &claims->items[i];
    return first;
}

/* The claim of the record, trimmed; no data: no claim. *other: a different claim of the same rank,
 * no data when they agree. An empty claim is a wrong one. */
static struct slice record_claim(const struct event *event, const struct vehicle_claims *claims,
                                 struct slice *other)
{
    const struct vehicle_claim *first = outermost(claims);
    struct slice claim = event->vin.data ? slice_trim(event->vin)
                         : first         ? first->value
                                         : SLICE_EMPTY;
    *other = SLICE_EMPTY;
    for (size_t i = 0; i < claims->count && !other->data; i++) {
        const struct vehicle_claim *c = &claims->items[i];
        bool ranks =
            event->vin.data ? c->is_plain && c->depth == 0 : first && c->depth == first->depth;
        if (ranks && !c->is_mention && !same_vin(c->value, claim))
            *other = c->value;
    }
    return claim;
}

/* Of two different claims, the one that is not the certificate's: the policy exists for it. */
static enum status judge_two(struct normaliser *n, struct slice other, struct slice *claim,
                             struct normalise_refusal *refusal)
{
    const struct vehicle *own = own_vehicle(n);
    if (!own || n->vin_policy != VIN_POLICY_FLAG)
        return refuse(refusal, RECORD_vin_mismatch, "the record claims two vehicles");
    if (same_vin(*claim, slice_make(own->vin, VIN_BYTES)))
        *claim = other;
    return STATUS_OK;
}

/* The effective VIN of this event; no data: none is claimed. */
static enum status find_claim(struct normaliser *n, const struct event *event,
                              struct vehicle_claims *claims, struct slice *claim,
                              struct normalise_refusal *refusal)
{
    struct slice other;
    claims->count = 0;
    claims->is_full = false;
    if (EVENT_HAS(event, attributes)) {
        vehicle_claims_find(event->attributes, claims);
        n->scrub.looked_at = event->attributes;
        n->scrub.look = claims->look;
    }
    if (claims->is_full) /* those beyond could not be kept from others */
        return refuse(refusal, RECORD_too_many_vins,
                      "the record names more than 16 VINs by their keys");
    *claim = record_claim(event, claims, &other);
    for (size_t i = 0; i < claims->count; i++)
        if (!claims->items[i].is_mention || is_vin(claims->items[i].value))
            scrub_know(&n->scrub, claims->items[i].value, NULL);
    if (other.data)
        return judge_two(n, other, claim, refusal);
    if (!claim->data)
        *claim = slice_trim(n->header_vin.size ? n->header_vin : n->certificate_vin);
    return STATUS_OK;
}

enum status vehicle_identify(struct normaliser *n, struct event *event,
                             struct normalise_refusal *refusal)
{
    uint8_t vin[VIN_BYTES];
    const struct vehicle *last = &n->last_vehicle, *stored;
    struct vehicle_claims claims;
    struct slice claim;
    enum status status = find_claim(n, event, &claims, &claim, refusal);
    if (status != STATUS_OK || !claim.data)
        return status;
    if (!last->known || !slice_equal(claim, slice_make(last->vin, VIN_BYTES))) {
        if (!read_vin(claim, vin))
            return refuse(refusal, RECORD_bad_vin,
                          "vin: 17 of A-H, J-N, P, R-Z and 0-9 are needed");
        remember(n, vin);
    }
    scrub_know(&n->scrub, slice_make(last->vin, VIN_BYTES), last->pid);
    status = apply_policy(n, event, &stored, refusal);
    if (status != STATUS_OK || !stored)
        return status;
    if (last->odd &&
        !normalise_note(n, event, RECORD_vin_check, "check digit of the VIN does not fit"))
        return STATUS_NO_MEMORY;
    EVENT_SET(event, wmi, slice_make(stored->vin, WMI_BYTES));
    EVENT_SET(event, vehicle_pid, slice_make(stored->pid, sizeof stored->pid));
    EVENT_SET(event, vin_key_id, stored->key_id);
    return STATUS_OK;
}
