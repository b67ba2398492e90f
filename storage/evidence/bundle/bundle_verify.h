/* bundle_verify.h: whether a bundle proves what it says, under a policy of the reader's
 * (docs/evidence-bundle.md). Reads nothing but the archive. Thread: any. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_VERIFY_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_VERIFY_H

#include "core/log/problem.h"
#include "storage/evidence/formats/leaf.h"
#include "storage/evidence/formats/policy.h"

#define BUNDLE_SEED_BYTES 32

/* The parts of a record, in the order of the commitments in a leaf. */
enum bundle_part { BUNDLE_BODY, BUNDLE_META, BUNDLE_EVENTS, BUNDLE_PARTS };
/* Name of a part: of its file, and in the label of its salt. Static. */
const char *bundle_part_name(enum bundle_part part);
/* Commitment of a part: HMAC-SHA-256 under its salt. */
void bundle_commit(const uint8_t seed[BUNDLE_SEED_BYTES], enum bundle_part part, struct slice bytes,
                   uint8_t commitment[SHA256_BYTES]);

/* A record of a bundle that was checked. Borrowed from the archive. */
struct bundle_record {
    struct slice folder; /* with its slash */
    struct evidence_leaf leaf;
    bool erased;     /* then there are no parts */
    bool has_parts;  /* of several vehicles: events are in parts of their own */
    uint32_t absent; /* of them: erased, so not in the bundle */
    struct slice parts[BUNDLE_PARTS];
};

/* A time-stamp response of a bundle. Borrowed from the archive. */
struct bundle_token {
    struct slice name;     /* of the file */
    uint64_t size;         /* of the head */
    struct slice text;     /* of the head that it must be over, without signatures */
    struct slice response; /* DER, RFC 3161 */
};

struct bundle_request {
    const struct policy *policy;
    /* Each record but the one of the export, in the order of the archive, after all tokens. May be
     * NULL. */
    void (*on_record)(void *arg, const struct bundle_record *record);
    /* Each time-stamp response, after the heads were checked: OK, or the status of bundle_verify,
     * with *problem. NULL: they are counted, not checked. */
    enum status (*on_token)(void *arg, const struct bundle_token *token, struct problem *problem);
    void *arg;
};

/* What a bundle proves. Borrowed from the archive. */
struct bundle_result {
    struct checkpoint head;       /* the largest */
    struct policy_result signers; /* of it */
    size_t heads, records, erased, tokens;
    size_t incomplete;            /* records with absent parts */
    struct bundle_record custody; /* the record of the export */
};

/* OK: all of it is proven. Else *problem says what is not: CORRUPT: the archive has changed;
 * REFUSED: a signature, proof or commitment is wrong, or something is missing; NOT_FOUND: no log of
 * the policy signed it; UNAVAILABLE: too few witnesses; NO_MEMORY; UNSUPPORTED, statuses of the
 * formats. */
enum status bundle_verify(struct slice archive, const struct bundle_request *request,
                          struct bundle_result *result, struct problem *problem) must_check;

#endif
