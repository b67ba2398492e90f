/* evidence_place.h: the folders that verbs of `vsocd evidence` work on. Thread: main. */
#ifndef VSOC_SERVER_EVIDENCE_PLACE_H
#define VSOC_SERVER_EVIDENCE_PLACE_H

#include "storage/evidence/formats/note_key.h"

struct config;

/* Where the evidence is, from -c FILE or from DIR. */
struct evidence_place {
    char spool_dir[4200], dir[4200], tree_dir[4300]; /* spool, evidence, evidence/tree */
    struct config *config;                           /* NULL: only DIR was given */
};

/* Finds it: given is data_dir or its spool folder, or NULL, then the settings say so. argv as of
 * config_cli_load, without given. EXIT_DONE: evidence_place_fini it. */
int evidence_place_find(const char *given, int argc, char **argv, struct evidence_place *place);
void evidence_place_fini(struct evidence_place *place);

/* Whether the folder has the key that signs its heads. */
bool evidence_place_has_key(const struct evidence_place *place);
/* The name of the first tree: evidence.origin, or that of the verifier key in the folder without
 * what its generation appended. NOT_FOUND: there is none; MALFORMED, IO, NO_MEMORY. */
enum status evidence_place_origin(const struct evidence_place *place, unsigned generation,
                                  char origin[NOTE_NAME_BYTES_MAX + 1]) must_check;

#endif
