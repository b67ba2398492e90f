/* ingest_privacy.c: what a batch's record says of its sender and request: texts that sinks, logs
 * and people see, so without VINs. Worker threads. Records are scrubbed by the normaliser. */
#include "server/ingest/ingest_internal.h"

#include "parsers/privacy/scrub.h"
#include "server/identity/cert_names.h"

static void *alloc_in_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static struct scrub make_scrub(const struct request *r)
{
    struct scrub scrub = {
        .pseudonym = pseudonym_make,
        .pseudonym_arg = r->ingest->pseudonym,
        .tenant = r->identity.tenant,
        .alloc = alloc_in_arena,
        .alloc_arg = &r->batch->arena,
    };
    scrub_know(&scrub, r->identity.vehicle, NULL);
    scrub_know(&scrub, r->header_vin, NULL);
    return scrub;
}

void ingest_name_vehicle(struct ingest *ingest, struct slice tenant, struct slice vin,
                         char name[VEHICLE_NAME_BYTES])
{
    uint8_t pid[SHA256_BYTES];
    name[0] = '\0';
    if (!vin.size)
        return;
    (void)pseudonym_make(ingest->pseudonym, tenant, vin, pid);
    memcpy(name, "veh:", sizeof "veh:" - 1);
    cert_hex(pid, sizeof pid, name + sizeof "veh:" - 1);
}

/* veh: and the pseudonym of the certificate's vehicle; else the sender's name without VINs. */
static bool name_sender(struct request *r, struct scrub *scrub, struct slice *sender)
{
    char name[VEHICLE_NAME_BYTES];
    *sender = r->identity.sender;
    if (!r->identity.vehicle.size)
        return scrub_text(scrub, SCRUB_TEXT, sender);
    ingest_name_vehicle(r->ingest, r->identity.tenant, r->identity.vehicle, name);
    return arena_copy(&r->batch->arena, slice_from_text(name), sender) == STATUS_OK;
}

bool request_name_batch(struct request *r, struct refusal *refusal)
{
    struct batch_meta *meta = &r->batch->meta;
    struct scrub scrub = make_scrub(r);
    struct slice tenant = r->identity.tenant;
    meta->tenant = tenant;
    meta->transport_identity = r->identity.credential;
    meta->content_type = r->content_type;
    meta->idempotency_key = r->idempotency_key;
    struct slice *const texts[] = {&tenant,
                                   &meta->transport_identity,
                                   &meta->content_type,
                                   &meta->idempotency_key,
                                   &meta->traceparent,
                                   &meta->request_id};
    bool good = name_sender(r, &scrub, &meta->sender);
    for (size_t i = 0; good && i < sizeof texts / sizeof *texts; i++)
        good = scrub_text(&scrub, SCRUB_TEXT, texts[i]);
    if (!good)
        return refusal_set(refusal, REFUSAL_memory);
    bool named = tenant.data != meta->tenant.data;
    r->identity.tenant = tenant; /* as refusals are logged */
    if (named)
        return refusal_set(refusal, REFUSAL_tenant_is_vehicle);
    return true;
}
