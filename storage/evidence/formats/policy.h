/* policy.h: which logs are trusted, and how many witnesses must have cosigned
 * (c2sp.org/tlog-policy). Thread: any; a policy does not change once read. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_POLICY_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_POLICY_H

#include "storage/evidence/formats/checkpoint.h"

#define POLICY_BYTES_MAX     ((size_t)256 << 10)
#define POLICY_LOGS_MAX      32
#define POLICY_WITNESSES_MAX 64
#define POLICY_GROUPS_MAX    64

struct policy;

/* What is wrong with a policy file. */
struct policy_fault {
    size_t line;     /* 0: the file as a whole */
    const char *why; /* for people; static */
};

/* Reads a policy file; text need not outlive the call. MALFORMED, TOO_LARGE, TOO_MANY,
 * UNSUPPORTED (key), CONFLICT (key given twice, name defined twice, identifier of another key),
 * NOT_FOUND (name not defined before; no quorum), NO_MEMORY, with *fault, which may be NULL. The
 * caller owns *policy: policy_destroy. */
enum status policy_parse(struct slice text, struct policy **policy,
                         struct policy_fault *fault) must_check;
/* Appends `line N: why`. */
void policy_fault_write(struct writer *w, const struct policy_fault *fault);
void policy_destroy(struct policy *policy); /* NULL allowed */

size_t policy_logs(const struct policy *policy);
const struct note_verifier *policy_log(const struct policy *policy, size_t i);
size_t policy_witnesses(const struct policy *policy);
const struct note_verifier *policy_witness(const struct policy *policy, size_t i);
/* Name of a witness inside the file, and its URL or NULL. */
const char *policy_witness_name(const struct policy *policy, size_t i);
const char *policy_witness_url(const struct policy *policy, size_t i);

/* What a policy found on a checkpoint. */
struct policy_result {
    const struct note_verifier *log;        /* that signed */
    size_t cosigned;                        /* witnesses with a valid cosignature */
    uint64_t times_s[POLICY_WITNESSES_MAX]; /* by witness; 0: has not cosigned */
};

/* Signed by one of the logs under its own name as origin, and cosigned by the quorum. OK;
 * NOT_FOUND: no signature of a known log; REFUSED: a signature of a known key is wrong;
 * UNAVAILABLE: the quorum is not reached; statuses of checkpoint_parse. *result is filled as far as
 * it came; NULL allowed. */
enum status policy_verify(const struct policy *policy, const struct note *note,
                          struct checkpoint *checkpoint, struct policy_result *result) must_check;

#endif
