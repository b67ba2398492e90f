/* evidence_restart_tree.c: `vsocd evidence restart-tree`: an operator decides that a spool that
 * does not continue its tree is right as it is; a tree under another name begins. Main thread. The
 * server does not run. */
#include "server/commands/evidence/cmd_evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/command.h"
#include "server/commands/evidence/evidence_place.h"
#include "storage/evidence/head_compare.h"
#include "storage/evidence/restart.h"
#include "storage/spool/spool_verify.h"

static int fail(const char *dir, const char *problem)
{
    fprintf(stderr, "vsocd evidence restart-tree: %s: %s\n", dir, problem);
    return EXIT_FAILED;
}

static int restart(const struct evidence_place *place, const char *reason)
{
    const struct spool_verify_options options = {.depth = SPOOL_DEPTH_LIST, .to = 0};
    struct spool_verify_result spool;
    struct evidence_restart restart;
    struct problem problem;
    uint64_t kept = 0;
    enum status status = spool_verify_dir(place->spool_dir, &options, &spool);
    if (status != STATUS_OK)
        return fail(place->spool_dir, status_text(status));
    status = head_agreement(place->spool_dir, place->tree_dir, spool.spool_uid, &kept);
    if (status != STATUS_OK)
        return fail(place->tree_dir, status_text(status));
    status = evidence_restart(place->dir, kept, reason, &restart, &problem);
    if (status != STATUS_OK)
        return fail(place->dir, problem.text);
    printf("tree %u begins at the next start of the server, with the first %" PRIu64
           " records of the old one, which is kept in %s/before-%u.\n"
           "Its origin ends with /%u and it has another verifier key (head.vkey): give it to "
           "everybody who checks records, and say why.\n",
           restart.generation, kept, place->dir, restart.generation, restart.generation);
    return EXIT_DONE;
}

int evidence_restart_tree(int argc, char **argv)
{
    struct evidence_place place;
    const char *reason = NULL, *given = NULL;
    char *rest[260];
    int count = 0;
    for (int i = 0; i < argc && count < 256; i++) {
        if (!strcmp(argv[i], "--reason") && i + 1 < argc)
            reason = argv[++i];
        else if (i > 0 && argv[i][0] != '-' && argv[i - 1][0] != '-')
            given = argv[i];
        else
            rest[count++] = argv[i];
    }
    if (!reason || !*reason)
        return command_wrong("evidence",
                             "restart-tree needs --reason TEXT: it is kept with the tree");
    if (given && count > 1)
        return command_wrong("evidence", "give DIR or settings, not both");
    rest[count] = NULL;
    int code = evidence_place_find(given, count, rest, &place);
    if (code != EXIT_DONE)
        return code;
    code = restart(&place, reason);
    evidence_place_fini(&place);
    return code;
}
