/* spool_heads.h: `vsocd spool verify --head`: a spool compared with signed heads kept elsewhere. */
#ifndef VSOC_SERVER_SPOOL_HEADS_H
#define VSOC_SERVER_SPOOL_HEADS_H

#include "server/commands/spool/cmd_spool.h"
#include "storage/evidence/head_compare.h"

/* Reads the heads of the command, checks their signatures if a verifier key is given, and compares
 * the spool with them. Findings go to *findings, as lines or as members of a JSON array. Exit
 * status: EXIT_DONE whether they agree or not. Main thread. */
int spool_compare_heads(const struct spool_command *command, const uint8_t *spool_uid,
                        struct writer *findings, struct head_compare_result *result);

#endif
