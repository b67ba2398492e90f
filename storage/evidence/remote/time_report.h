/* time_report.h: the newest token of a tree, verified: for `evidence status` and audits. Thread:
 * any, any process. */
#ifndef VSOC_STORAGE_EVIDENCE_TIME_REPORT_H
#define VSOC_STORAGE_EVIDENCE_TIME_REPORT_H

#include "storage/evidence/remote/time_store.h"
#include "storage/evidence/remote/time_token.h"

/* Verifies the token of a place against the stored head that it is over. trust NULL: all but the
 * signature. NOT_FOUND: no such token, or no stored head of its size; statuses of time_token_check
 * and time_store_get. *problem for any but OK. */
enum status time_report_check(const char *dir, const struct time_place *place,
                              const struct time_trust *trust, struct time_token *out,
                              struct problem *problem) must_check;

#endif
