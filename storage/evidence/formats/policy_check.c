/* policy_check.c: whether a checkpoint satisfies a policy. Pure, any thread. */
#include "storage/evidence/formats/policy_state.h"

#include <stdlib.h>

void policy_destroy(struct policy *policy)
{
    if (!policy)
        return;
    free(policy->text);
    free(policy);
}

size_t policy_logs(const struct policy *policy)
{
    return policy->logs;
}

const struct note_verifier *policy_log(const struct policy *policy, size_t i)
{
    return &policy->log[i];
}

size_t policy_witnesses(const struct policy *policy)
{
    return policy->witnesses;
}

const struct note_verifier *policy_witness(const struct policy *policy, size_t i)
{
    return &policy->witness[i].verifier;
}

const char *policy_witness_name(const struct policy *policy, size_t i)
{
    return policy->witness[i].name;
}

const char *policy_witness_url(const struct policy *policy, size_t i)
{
    return policy->witness[i].url;
}

/* A log counts under its own name as origin only; a wrong signature counts against any. */
static enum status verify_logs(const struct policy *policy, const struct note *note,
                               struct slice origin, struct policy_result *result)
{
    enum status found = STATUS_NOT_FOUND;
    for (size_t i = 0; i < policy->logs; i++) {
        enum status s = note_verify(note, &policy->log[i], NULL);
        bool own = slice_equal_text(origin, policy->log[i].name);
        if (!own && (s == STATUS_OK || s == STATUS_UNSUPPORTED))
            continue;
        if (s == STATUS_OK) {
            if (!result->log)
                result->log = &policy->log[i];
            found = STATUS_OK;
        } else if (s == STATUS_UNSUPPORTED && found != STATUS_OK) {
            found = s;
        } else if (s != STATUS_NOT_FOUND && s != STATUS_UNSUPPORTED) {
            return s;
        }
    }
    return found;
}

static enum status verify_witnesses(const struct policy *policy, const struct note *note,
                                    struct policy_result *result, uint64_t *cosigned)
{
    for (size_t i = 0; i < policy->witnesses; i++) {
        struct note_seal seal;
        enum status s = note_verify(note, &policy->witness[i].verifier, &seal);
        if (s == STATUS_OK) {
            *cosigned |= UINT64_C(1) << i;
            result->cosigned++;
            result->times_s[i] = seal.time_s;
        } else if (s != STATUS_NOT_FOUND && s != STATUS_UNSUPPORTED) {
            return s;
        }
    }
    return STATUS_OK;
}

static bool has_quorum(const struct policy *policy, uint64_t cosigned)
{
    uint64_t groups = 0;
    for (size_t i = 0; i < policy->groups; i++) {
        const struct policy_group *g = &policy->group[i];
        unsigned count = (unsigned)(__builtin_popcountll(g->members.witnesses & cosigned) +
                                    __builtin_popcountll(g->members.groups & groups));
        if (count >= g->needed)
            groups |= UINT64_C(1) << i;
    }
    struct policy_set q = policy->quorum;
    return (!q.witnesses && !q.groups) || (q.witnesses & cosigned) || (q.groups & groups);
}

enum status policy_verify(const struct policy *policy, const struct note *note,
                          struct checkpoint *checkpoint, struct policy_result *result)
{
    struct policy_result own;
    uint64_t cosigned = 0;
    struct policy_result *r = result ? result : &own;
    memset(r, 0, sizeof *r);
    enum status s = checkpoint_parse(note->text, checkpoint);
    if (s == STATUS_OK)
        s = verify_logs(policy, note, checkpoint->origin, r);
    if (s == STATUS_OK)
        s = verify_witnesses(policy, note, r, &cosigned);
    if (s == STATUS_OK && !has_quorum(policy, cosigned))
        s = STATUS_UNAVAILABLE;
    return s;
}
