/* policy_state.h: what a policy is made of; for policy_check.c and policy_parse.c. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_POLICY_STATE_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_POLICY_STATE_H

#include "storage/evidence/formats/policy.h"

/* Witnesses and groups, as bits. */
struct policy_set {
    uint64_t witnesses, groups;
};

/* Text of a name: a string in policy.text. */
struct policy_witness {
    const char *name, *url; /* url: NULL when there is none */
    struct note_verifier verifier;
};

/* Its members are defined before it, so groups are counted in order. */
struct policy_group {
    const char *name;
    struct policy_set members;
    unsigned needed; /* of its members */
};

struct policy {
    char *text; /* the file; words end with NUL */
    size_t logs, witnesses, groups;
    struct note_verifier log[POLICY_LOGS_MAX];
    struct policy_witness witness[POLICY_WITNESSES_MAX];
    struct policy_group group[POLICY_GROUPS_MAX];
    struct policy_set members; /* of any group */
    struct policy_set quorum;  /* one of them; none: no cosignature is needed */
    bool has_quorum;
};

#endif
