/* normaliser.h: what the steps of normalisation share: the batch's identity and settings, and the
 * state that goes from event to event. One struct normaliser a batch; owner: the worker. */
#ifndef VSOC_PARSERS_NORMALISER_H
#define VSOC_PARSERS_NORMALISER_H

#include "core/arena.h"
#include "core/event.h"
#include "core/keyed/siphash.h"
#include "core/reasons/record_code.h"
#include "core/status.h"
#include "parsers/catalog/catalog.h"
#include "parsers/catalog/catalog_unknown.h"
#include "parsers/fill/network.h"
#include "parsers/parser.h"
#include "parsers/privacy/scrub.h"

#define DEDUP_KEY_BYTES 16

/* What to do when a record's VIN is not the sender's. */
enum vin_policy { VIN_POLICY_REJECT, VIN_POLICY_QUARANTINE, VIN_POLICY_FLAG };

/* A vehicle as an event shows it. */
struct vehicle {
    bool known; /* the rest is filled */
    uint8_t vin[17];
    uint8_t pid[32];
    int64_t key_id;
    bool odd;     /* its check digit does not fit where it must */
    bool foreign; /* it is not the certificate's */
    bool barred;  /* the sender may not send for it; vin_policy does not matter */
};

struct normaliser {
    const struct catalog *catalog;
    struct catalog_unknown
        *unknown; /* counts ids that are not in the catalogue; NULL: does not count */
    const struct parser *parser;
    int64_t received_ns;
    struct slice tenant_id;
    struct slice sender; /* its name, for the dedup_key of events without vehicle; empty: unknown */
    struct slice certificate_vin; /* vehicle of the sender's certificate; empty: it has none */
    /* May a sender without vehicle of its own send for this VIN (upper case)? NULL: for any. */
    bool (*may_name)(const void *arg, struct slice vin);
    const void *may_name_arg;
    struct slice header_vin; /* VSOC-Vehicle */
    enum vin_policy vin_policy;
    bool replay;     /* VSOC-Replay: true */
    int64_t sent_ns; /* VSOC-Sent, 0: none */
    /* vehicle_pid of a tenant's VIN: fills pid[32] and returns the key's number. */
    int64_t (*pseudonym)(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32]);
    void *pseudonym_arg;
    struct arena *arena;
    /* The key of dedup keys, borrowed (siphash_start). NULL: 16 zero bytes. */
    const struct siphash *dedup_secret;
    /* Makes the dedup_key of events without id, time and sequence number unique; zeros: receive
     * time and index do it alone. */
    uint8_t batch_uid[16];
    /* The parser in use checks UTF-8 and byte 0 itself; set by the pipeline. */
    bool text_is_clean;
    /* The parser did all that event_check_within does not; set by the pipeline for each event. */
    bool is_within;
    /* Whose alloc gives memory that lives as long as the record; set by the pipeline. NULL: the
     * arena, whose memory every event of the batch must share. */
    const struct parser_context *context;
    /* Bytes of the event's record, set by the pipeline before each event. */
    struct slice record;
    /* The normaliser's own from here on; zeroed by the caller. What an event gets from here lives
     * until the next event. The last vehicle, since most batches come from one: */
    struct vehicle last_vehicle, own_vehicle; /* the claimed one; the certificate's */
    struct scrub scrub;
    size_t request_vehicles; /* those that scrub knows from the request, for every record */
    uint8_t dedup_key[DEDUP_KEY_BYTES];
    struct siphash dedup_prefix; /* what dedup keys of the last vehicle begin with */
    uint8_t dedup_pid[32];
    enum { DEDUP_PREFIX_NONE, DEDUP_PREFIX_NO_VEHICLE, DEDUP_PREFIX_VEHICLE } dedup_prefix_of;
    char name_text[24];
    struct network_texts network;
    char message_text[352];
    char refusal_text[200];
};

/* Why an event was refused; detail is static or lives until the normaliser's next event. */
struct normalise_refusal {
    enum record_code code;
    const char *detail;
};

/* A context whose alloc gives memory that lives as long as the record; without a record, as long as
 * the batch's arena. */
struct parser_context normaliser_context(const struct normaliser *n);

/* Adds a note to event->parse_notes. False: out of memory. */
bool normalise_note(struct normaliser *n, struct event *event, enum record_code code,
                    const char *detail) must_check;

#endif
