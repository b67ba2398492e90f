/* evidence_restart_tree.c: `vsocd evidence restart-tree`: an operator decides that a spool that
 * does not continue its tree is right as it is; a tree under another name begins. Main thread. The
 * server does not run. */
#include "server/commands/evidence/cmd_evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/command.h"
#include "server/commands/evidence/evidence_place.h"
#include "server/config/config.h"
#include "server/evidence/head_signer_held.h"
#include "storage/evidence/head_compare.h"
#include "storage/evidence/restart.h"
#include "storage/evidence/spool_id.h"

static int fail(const char *dir, const char *problem)
{
    fprintf(stderr, "vsocd evidence restart-tree: %s: %s\n", dir, problem);
    return EXIT_FAILED;
}

/* A key that another process holds signs no second tree: its state says so. Name that the key has
 * to have; then whether it has. */
static int check_signer(const struct evidence_place *place)
{
    char wanted[NOTE_NAME_BYTES_MAX + 1], base[NOTE_NAME_BYTES_MAX + 1];
    struct evidence_restart now;
    struct evidence_signer *signer;
    struct problem problem = {""};
    if (!place->config->evidence_signer)
        return EXIT_DONE;
    enum status status = evidence_restart_read(place->dir, &now);
    if (status == STATUS_OK)
        status = evidence_place_origin(place, now.generation, base);
    if (status == STATUS_OK)
        status = evidence_restart_origin(base, now.generation + 1, wanted);
    if (status != STATUS_OK)
        return fail(place->dir, status_text(status));
    status = head_signer_open_held(place->config, NULL, &signer, &problem);
    if (status != STATUS_OK)
        return fail(place->dir, problem.text);
    bool right = !strcmp(signer->verifier.name, wanted);
    if (!right)
        fprintf(stderr,
                "vsocd evidence restart-tree: evidence.signer has the key of %s, which signs no "
                "other tree. Make a new one: `vsocd key new evidence --name %s --out FILE`, start "
                "`vsocd signer` with it, with an empty folder as --state and with --first, then "
                "repeat this command\n",
                signer->verifier.name, wanted);
    evidence_signer_destroy(signer);
    return right ? EXIT_DONE : EXIT_FAILED;
}

static int restart(const struct evidence_place *place, const char *reason)
{
    uint8_t spool_uid[UUID_BYTES];
    struct evidence_restart restart;
    struct problem problem;
    uint64_t kept = 0;
    int code = place->config ? check_signer(place) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    enum status status = evidence_spool_id(place->spool_dir, spool_uid);
    if (status != STATUS_OK)
        return fail(place->spool_dir, status_text(status));
    status = head_agreement(place->spool_dir, place->tree_dir, spool_uid, &kept);
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
    if (given && !evidence_place_has_key(&place)) {
        evidence_place_fini(&place);
        return command_wrong("evidence", "the key that signs is not in evidence/head.key: name the "
                                         "settings, by -c FILE");
    }
    code = restart(&place, reason);
    evidence_place_fini(&place);
    return code;
}
