/* identity.c: identifies the sender: tenant and vehicle, or the sender of identity.senders_file,
 * from the names of a TLS peer, or from a token. Worker threads. Does not verify certificates
 * (tls.c does), does not decode them (cert_names.c does) and does not compare them with the claims
 * of records (parsers/engine/normalise.c does). */
#include "server/identity/identity.h"
#include "core/log/problem.h"

#include "server/identity/cert_names.h"
#include "server/identity/senders.h"
#include "server/identity/tenant_name.h"

#define OTHER_NAMES 5 /* lists of a peer's names */

static enum status refuse(struct refusal *why, enum refusal_reason reason, const char *detail)
{
    refusal_say(why, reason, "%s", detail);
    return STATUS_CONFLICT;
}

/* The names that a pattern applies to. */
static enum status names_of(const struct http_peer *peer, const struct name_pattern *p,
                            struct arena *arena, struct slice_list *names, struct refusal *why)
{
    const char *flaw = NULL;
    *names = (struct slice_list){0};
    if (p->source == NAME_SAN_URI)
        *names = peer->san_uri;
    else if (p->source == NAME_SAN_DNS)
        *names = peer->san_dns;
    else if (p->source == NAME_SUBJECT_CN)
        *names = peer->subject_cns;
    else if (peer->x509 && cert_oid_texts(peer->x509, p->oid, arena, names, &flaw) != STATUS_OK)
        return flaw ? refuse(why, REFUSAL_bad_certificate,
                             arena_format(arena, "the certificate can't be used: %s", flaw))
                    : STATUS_NO_MEMORY;
    return STATUS_OK;
}

/* Two different VINs where only one is allowed. */
static bool differs(const struct slice *vehicle, const uint8_t vin[VIN_BYTES])
{
    return vehicle->size && memcmp(vehicle->data, vin, VIN_BYTES) != 0;
}

/* The vehicle that the certificate names according to identity.vehicle_from; empty: none. */
static enum status vehicle_of(const struct http_peer *peer, const struct name_pattern *p,
                              struct arena *arena, struct slice *vehicle, struct refusal *why)
{
    uint8_t vin[VIN_BYTES];
    struct slice_list names;
    *vehicle = SLICE_EMPTY;
    enum status s = names_of(peer, p, arena, &names, why);
    for (size_t i = 0; s == STATUS_OK && i < names.count; i++) {
        enum name_match match = name_pattern_match(p, names.items[i], vin);
        if (match == NAME_IS_NO_VIN)
            return refuse(why, REFUSAL_bad_certificate_vin,
                          arena_format(arena,
                                       "the certificate has a name that begins as %s:%.*s "
                                       "(identity.vehicle_from) and holds no VIN there",
                                       name_source_word(p->source), SLICE_ARGS(p->text)));
        if (match != NAME_MATCHES)
            continue;
        if (differs(vehicle, vin))
            return refuse(why, REFUSAL_bad_certificate_vin,
                          "the certificate names more than one vehicle");
        s = arena_copy(arena, slice_make(vin, VIN_BYTES), vehicle);
    }
    return s;
}

/* Everything that looks like a VIN in the certificate must be the vehicle's own. */
static enum status check_other_names(const struct http_peer *peer, const struct slice *vehicle,
                                     struct refusal *why)
{
    const struct slice_list lists[OTHER_NAMES] = {peer->san_uri, peer->san_dns, peer->subject_cns,
                                                  peer->subject_os, peer->other_names};
    uint8_t vin[VIN_BYTES];
    for (size_t i = 0; i < OTHER_NAMES; i++)
        for (size_t k = 0; k < lists[i].count; k++) {
            struct slice text = lists[i].items[k];
            while (cert_next_vin(&text, false, vin))
                if (differs(vehicle, vin))
                    return refuse(why, REFUSAL_bad_certificate_vin,
                                  "the certificate names another vehicle besides its own");
        }
    return STATUS_OK;
}

static enum status tenant_in(const struct slice_list *names, struct slice *tenant,
                             struct refusal *why)
{
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0 && !slice_equal(names->items[i], *tenant))
            return refuse(why, REFUSAL_no_tenant,
                          "the certificate names more than one tenant where identity.tenant_from "
                          "looks for it");
        *tenant = names->items[i];
    }
    return STATUS_OK;
}

static enum status tenant_of(const struct http_peer *peer, const char *from, struct slice *tenant,
                             struct refusal *why)
{
    enum status s = STATUS_OK;
    *tenant = SLICE_EMPTY;
    if (!strcmp(from, "subject_o"))
        s = tenant_in(&peer->subject_os, tenant, why);
    else if (!strcmp(from, "subject_cn"))
        s = tenant_in(&peer->subject_cns, tenant, why);
    else if (!strcmp(from, "san_dns"))
        s = tenant_in(&peer->san_dns, tenant, why);
    else if (!strncmp(from, "name:", 5))
        *tenant = slice_from_text(from + 5);
    if (s != STATUS_OK || tenant_name_is_valid(*tenant))
        return s;
    return refuse(why, REFUSAL_no_tenant,
                  "the certificate names no tenant where identity.tenant_from looks for it");
}

static enum status anonymous(const struct config *config, struct arena *arena, struct identity *out)
{
    bool fixed = !strncmp(config->identity_tenant_from, "name:", 5);
    struct slice tenant =
        fixed ? slice_from_text(config->identity_tenant_from + 5) : SLICE_LITERAL("default");
    *out = (struct identity){
        .sender = SLICE_LITERAL("anonymous"), .anonymous = true, .names_others = true};
    return arena_copy(arena, tenant, &out->tenant);
}

enum status identity_from_token(const struct token *token, struct arena *arena,
                                struct identity *out)
{
    const char *name = arena_format(arena, "token:%.*s", SLICE_ARGS(token->id));
    struct identity id = {
        .sender = slice_from_text(name),
        .credential = slice_from_text(name),
        .names_others = true,
        .events_per_second = token->events_per_second,
        .burst = token->burst,
    };
    enum status s = arena_copy(arena, token->tenant, &id.tenant);
    if (s == STATUS_OK)
        s = arena_copy(arena, token->formats, &id.formats);
    if (s != STATUS_OK)
        return s;
    id.vehicles = vehicle_set_hold(token->vehicle_set);
    *out = id;
    return STATUS_OK;
}

void identity_fini(struct identity *identity)
{
    vehicle_set_release(identity->vehicles);
    vehicle_set_release(identity->token_vehicles);
    identity->vehicles = identity->token_vehicles = NULL;
}

static uint64_t smaller_quota(uint64_t a, uint64_t b)
{
    return !a ? b : !b ? a : a < b ? a : b;
}

enum status identity_narrow(struct identity *id, struct identity *token)
{
    if (id->vehicle.size && token->vehicles && !vehicle_set_has(token->vehicles, id->vehicle))
        return STATUS_REFUSED;
    id->token_vehicles = token->vehicles;
    token->vehicles = NULL;
    id->token_formats = token->formats;
    id->events_per_second = smaller_quota(id->events_per_second, token->events_per_second);
    id->burst = smaller_quota(id->burst, token->burst);
    return STATUS_OK;
}

bool identity_may_send(const struct identity *identity, struct slice format)
{
    return token_formats_allow(identity->formats, format) &&
           token_formats_allow(identity->token_formats, format);
}

bool identity_may_name(const struct identity *identity, struct slice vin)
{
    if (identity->vehicle.size && slice_equal(identity->vehicle, vin))
        return true;
    if (!identity->names_others ||
        (identity->token_vehicles && !vehicle_set_has(identity->token_vehicles, vin)))
        return false;
    return !identity->vehicles || vehicle_set_has(identity->vehicles, vin);
}

/* The rights of a line of identity.senders_file. */
static enum status use_sender(const struct sender *sender, struct arena *arena, struct identity *id)
{
    id->names_others = true;
    id->events_per_second = sender->events_per_second;
    id->burst = sender->burst;
    enum status s = arena_copy(arena, sender->tenant, &id->tenant);
    if (s == STATUS_OK)
        s = arena_copy(arena, sender->formats, &id->formats);
    if (s == STATUS_OK)
        s = arena_copy(arena, sender->id, &id->listed);
    if (s == STATUS_OK)
        id->vehicles = vehicle_set_hold(sender->vehicles);
    return s;
}

static enum status use_vehicle(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *id, struct refusal *why)
{
    enum status s = check_other_names(peer, &id->vehicle, why);
    if (s == STATUS_OK)
        s = tenant_of(peer, config->identity_tenant_from, &id->tenant, why);
    return s == STATUS_OK ? arena_copy(arena, id->tenant, &id->tenant) : s;
}

/* A vehicle, a listed sender, or nobody. */
static enum status use_certificate(const struct http_peer *peer, const struct config *config,
                                   struct arena *arena, struct identity *id, struct refusal *why)
{
    struct name_pattern form;
    struct problem problem;
    const struct sender *sender = NULL;
    struct slice from = slice_from_text(config->identity_vehicle_from);
    if (peer->flaw)
        return refuse(why, REFUSAL_bad_certificate,
                      arena_format(arena, "the certificate can't be used: %s", peer->flaw));
    if (name_pattern_parse(from, NAME_PATTERN_VEHICLE, &form, &problem) != STATUS_OK)
        return refuse(why, REFUSAL_unknown_sender, "identity.vehicle_from is no form of a name");
    enum status listed = senders_find(config->senders, peer, &sender);
    enum status s = vehicle_of(peer, &form, arena, &id->vehicle, why);
    if (s == STATUS_NO_MEMORY)
        return s;
    if (listed == STATUS_CONFLICT)
        return refuse(why, REFUSAL_ambiguous_sender,
                      "the certificate is more than one sender of identity.senders_file");
    if (sender && id->vehicle.size)
        return refuse(why, REFUSAL_ambiguous_sender,
                      "the certificate is a vehicle and a sender of identity.senders_file");
    if (s != STATUS_OK)
        return s;
    if (sender)
        return use_sender(sender, arena, id);
    if (id->vehicle.size)
        return use_vehicle(peer, config, arena, id, why);
    return refuse(why, REFUSAL_unknown_sender,
                  arena_format(arena,
                               "no name of the certificate has the form %s:%.*s "
                               "(identity.vehicle_from), and identity.senders_file has no line "
                               "with its issuer and name",
                               name_source_word(form.source), SLICE_ARGS(form.text)));
}

enum status identity_from_peer(const struct http_peer *peer, const struct config *config,
                               struct arena *arena, struct identity *out, struct refusal *why)
{
    if (!peer->certificate) {
        bool allowed =
            (!peer->tls || config->tls_client_auth == CLIENT_AUTH_OFF) && !config->tokens;
        return allowed ? anonymous(config, arena, out) : STATUS_REFUSED;
    }
    struct identity id = {0};
    enum status s = use_certificate(peer, config, arena, &id, why);
    /* The subject stays the same when the certificate is renewed; its fingerprint does not. But
     * certificates without a subject would all be the same sender. */
    struct slice sender = id.vehicle.size      ? id.vehicle
                          : peer->subject.size ? peer->subject
                                               : peer->fingerprint;
    if (s == STATUS_OK)
        s = arena_copy(arena, sender, &id.sender);
    if (s == STATUS_OK)
        s = arena_copy(arena, peer->fingerprint, &id.credential);
    if (s == STATUS_OK)
        *out = id;
    else
        identity_fini(&id);
    return s;
}
