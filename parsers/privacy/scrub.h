/* scrub.h: replaces VINs in everything that goes to sinks, logs and answers by vin:XXXXXXXX, the
 * first 8 hex digits of the vehicle's pseudonym. Pure but for the memory given. One owner thread.
 */
#ifndef VSOC_PARSERS_SCRUB_H
#define VSOC_PARSERS_SCRUB_H

#include "core/event.h"
#include "parsers/privacy/vin_window.h"

/* Vehicles of a request and of one record of it. */
#define SCRUB_KNOWN       24
#define SCRUB_LABEL_BYTES 12

struct scrub {
    /* As in struct normaliser. */
    int64_t (*pseudonym)(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32]);
    void *pseudonym_arg;
    struct slice tenant;
    /* Allocates replaced texts; NULL: out of memory. */
    void *(*alloc)(void *arg, size_t size);
    void *alloc_arg;
    /* The scrubber's own; zero at the start. */
    uint8_t known[SCRUB_KNOWN][VIN_BYTES];
    struct vin_window windows[SCRUB_KNOWN];
    size_t known_count, filled; /* those from known_count on belong to the previous record */
    uint8_t labels[SCRUB_KNOWN][SCRUB_LABEL_BYTES]; /* of known, and then of the last other one */
    uint8_t last[VIN_BYTES], last_label[SCRUB_LABEL_BYTES];
    unsigned made; /* pseudonyms made for unknown VINs of this record */
    /* A text of this record, and what vin_look says of it. */
    struct slice looked_at;
    unsigned look;
    bool failed; /* out of memory */
};

/* How a text is written. */
enum scrub_form {
    SCRUB_TEXT,
    SCRUB_JSON,  /* a JSON object or array: what comes out is one */
    SCRUB_BYTES, /* data whose size stays what it is: dots fill up */
};

/* Adds a vehicle whose VIN (17 characters, any case) is searched for in any spelling, with its
 * pseudonym; NULL: computed when needed. Ignores invalid VINs and any beyond SCRUB_KNOWN. */
void scrub_know(struct scrub *scrub, struct slice vin, const uint8_t *pid);
/* Starts a new record: keeps the first `count` known vehicles, which are the request's */
void scrub_forget(struct scrub *scrub, size_t count);

/* As scrub_text, for texts of at least VIN_BYTES. */
bool scrub_long_text(struct scrub *scrub, enum scrub_form form, struct slice *text);

/* Replaces the VINs in *text; the result is at most as long. Untouched when it contains no VIN.
 * False: out of memory. */
static inline bool scrub_text(struct scrub *scrub, enum scrub_form form, struct slice *text)
{
    return text->size < VIN_BYTES || scrub_long_text(scrub, form, text);
}

/* The same for every field of the event that a sender can write. */
bool scrub_event(struct scrub *scrub, struct event *event);

#endif
