/* fuzz_policy.c: any bytes as a policy of logs and witnesses. What must hold: a policy that is read
 * says nothing but what it holds, and a checkpoint that no log has signed satisfies none. */
#include <stdlib.h>

#include "storage/evidence/formats/policy.h"

#define HEAD                                                                                       \
    "PeterNeumann\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— PeterNeumann "           \
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=" \
    "\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *policy = NULL;
    struct policy_result result;
    struct checkpoint head;
    struct note note;
    struct policy_fault fault;
    if (policy_parse(slice_make(data, size), &policy, &fault) != STATUS_OK) {
        if (policy)
            abort();
        return 0;
    }
    for (size_t i = 0; i < policy_logs(policy); i++)
        if (policy_log(policy, i)->algorithm == NOTE_COSIGNATURE)
            abort();
    for (size_t i = 0; i < policy_witnesses(policy); i++)
        if (policy_witness(policy, i)->algorithm == NOTE_ED25519 ||
            !*policy_witness_name(policy, i))
            abort();
    if (fault.line || note_parse(SLICE_LITERAL(HEAD), &note) != STATUS_OK ||
        policy_verify(policy, &note, &head, &result) == STATUS_OK)
        abort();
    policy_destroy(policy);
    return 0;
}
