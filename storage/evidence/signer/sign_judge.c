/* sign_judge.c: the consistency check of the signer. Any thread. Stores and signs nothing. */
#include "storage/evidence/signer/sign_judge.h"

static enum status refuse(struct problem *problem, const char *why, uint64_t last, uint64_t size)
{
    problem_say(problem, "%s (signed last: size %llu, asked for: size %llu)", why,
                (unsigned long long)last, (unsigned long long)size);
    return STATUS_REFUSED;
}

enum status sign_judge(struct slice origin, const struct sign_head *last,
                       const struct add_checkpoint *request, struct sign_head *next,
                       struct problem *problem)
{
    struct checkpoint asked;
    if (checkpoint_parse(request->note, &asked) != STATUS_OK) {
        problem_say(problem, "the request holds no checkpoint");
        return STATUS_MALFORMED;
    }
    if (!slice_equal(asked.origin, origin)) {
        problem_say(problem, "the head has another origin than the key");
        return STATUS_REFUSED;
    }
    if (asked.extensions.size) {
        problem_say(problem, "the head has extension lines, whose meaning is not known");
        return STATUS_REFUSED;
    }
    if (request->old_size != last->size)
        return STATUS_CONFLICT;
    if (asked.size < last->size)
        return refuse(problem, "the tree was rolled back", last->size, asked.size);
    if (merkle_consistency_verify(last->size, last->root, asked.size, asked.root, &request->path) !=
        STATUS_OK)
        return refuse(problem, "the tree is no continuation of the one that was signed last",
                      last->size, asked.size);
    next->size = asked.size;
    memcpy(next->root, asked.root, sizeof next->root);
    return STATUS_OK;
}
