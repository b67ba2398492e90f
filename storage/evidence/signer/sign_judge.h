/* sign_judge.h: whether a head may be signed after the one that was signed last. Thread: any; pure.
 */
#ifndef VSOC_STORAGE_EVIDENCE_SIGN_JUDGE_H
#define VSOC_STORAGE_EVIDENCE_SIGN_JUDGE_H

#include "core/log/problem.h"
#include "storage/evidence/formats/add_checkpoint.h"
#include "storage/evidence/signer/sign_state.h"

/* request->note is the text of a checkpoint without signatures. OK: *next is its head, which
 * extends last or is last. CONFLICT: the proof starts at another size than last's. REFUSED, with
 * *problem: another origin, extension lines, a smaller tree (rolled back) or one that is no
 * continuation (forked). MALFORMED: no checkpoint. */
enum status sign_judge(struct slice origin, const struct sign_head *last,
                       const struct add_checkpoint *request, struct sign_head *next,
                       struct problem *problem) must_check;

#endif
