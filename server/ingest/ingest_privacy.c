/* ingest_privacy.c: the texts about sender and request in a batch's record. Sinks, logs and people
 * see them, so they hold no VINs. Worker threads. The normaliser scrubs records. */
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"

#include "parsers/privacy/scrub.h"
#include "server/identity/cert_names.h"

static void *alloc_in_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static struct scrub make_scrub(const struct submission *sub)
{
    struct scrub scrub = {
        .pseudonym = pseudonym_make,
        .pseudonym_arg = sub->ingest->pseudonym,
        .tenant = sub->identity.tenant,
        .alloc = alloc_in_arena,
        .alloc_arg = &sub->batch->arena,
    };
    scrub_know(&scrub, sub->identity.vehicle, NULL);
    scrub_know(&scrub, sub->header_vin, NULL);
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
static bool name_sender(struct submission *sub, struct scrub *scrub, struct slice *sender)
{
    char name[VEHICLE_NAME_BYTES];
    *sender = sub->identity.sender;
    if (!sub->identity.vehicle.size)
        return scrub_text(scrub, SCRUB_TEXT, sender);
    ingest_name_vehicle(sub->ingest, sub->identity.tenant, sub->identity.vehicle, name);
    return arena_copy(&sub->batch->arena, slice_from_text(name), sender) == STATUS_OK;
}

bool submission_name_batch(struct submission *sub, struct refusal *refusal)
{
    struct batch_meta *meta = &sub->batch->meta;
    struct scrub scrub = make_scrub(sub);
    struct slice tenant = sub->identity.tenant;
    meta->tenant = tenant;
    meta->transport_identity = sub->identity.credential;
    meta->content_type = sub->content_type;
    meta->idempotency_key = sub->idempotency_key;
    struct slice *const texts[] = {&tenant,
                                   &meta->transport_identity,
                                   &meta->content_type,
                                   &meta->idempotency_key,
                                   &meta->traceparent,
                                   &meta->request_id};
    bool good = name_sender(sub, &scrub, &meta->sender);
    for (size_t i = 0; good && i < sizeof texts / sizeof *texts; i++)
        good = scrub_text(&scrub, SCRUB_TEXT, texts[i]);
    if (!good)
        return refusal_set(refusal, REFUSAL_memory);
    bool named = tenant.data != meta->tenant.data;
    sub->identity.tenant = tenant; /* as refusals are logged */
    if (named)
        return refusal_set(refusal, REFUSAL_tenant_is_vehicle);
    return true;
}
