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

static bool is_certificates(const struct normaliser *n, const uint8_t vin[VIN_BYTES])
{
    uint8_t certificate[VIN_BYTES];
    struct slice text = slice_trim(n->certificate_vin);
    return !text.size ||
           (read_vin(text, certificate) && !memcmp(vin, certificate, sizeof certificate));
}

static enum status refuse(struct normalise_refusal *refusal, const char *code, const char *detail)
{
    refusal->code = code;
    refusal->detail = detail;
    return STATUS_REFUSED;
}

static enum status apply_policy(struct normaliser *n, struct event *event,
                                struct normalise_refusal *refusal)
{
    static const char text[] = "claimed VIN is not the certificate's";
    if (n->vin_policy != VIN_POLICY_FLAG)
        return refuse(refusal, "vin_mismatch", text);
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    return normalise_note(n, event, "vin_mismatch", text) ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Regions whose VINs must have a check digit: North America, first character 1 to 5 (49 CFR 565).
 */
static bool needs_check_digit(const uint8_t vin[VIN_BYTES])
{
    return vin[0] >= '1' && vin[0] <= '5';
}

static void remember(struct normaliser *n, const uint8_t vin[VIN_BYTES])
{
    memcpy(n->last_vin_text, vin, VIN_BYTES);
    n->last_vin = slice_make(n->last_vin_text, VIN_BYTES);
    n->last_vin_odd = needs_check_digit(vin) && !vin_check_digit_fits(n->last_vin);
    n->last_vin_foreign = !is_certificates(n, vin);
    n->last_key_id = n->pseudonym(n->pseudonym_arg, n->last_vin, n->last_pid);
}

enum status vehicle_identify(struct normaliser *n, struct event *event,
                             struct normalise_refusal *refusal)
{
    uint8_t vin[VIN_BYTES];
    struct slice claim = claimed_vin(n, event);
    if (!claim.data)
        return STATUS_OK;
    if (!n->last_vin.size || !slice_equal(claim, n->last_vin)) {
        if (!read_vin(claim, vin))
            return refuse(refusal, "bad_vin", "vin: 17 of A-H, J-N, P, R-Z and 0-9 are needed");
        remember(n, vin);
    }
    if (n->last_vin_foreign) {
        enum status status = apply_policy(n, event, refusal);
        if (status != STATUS_OK)
            return status;
    }
    if (n->last_vin_odd &&
        !normalise_note(n, event, "vin_check", "check digit of the VIN does not fit"))
        return STATUS_NO_MEMORY;
    EVENT_SET(event, wmi, slice_make(n->last_vin_text, WMI_BYTES));
    EVENT_SET(event, vehicle_pid, slice_make(n->last_pid, sizeof n->last_pid));
    EVENT_SET(event, vin_key_id, n->last_key_id);
    return STATUS_OK;
}
