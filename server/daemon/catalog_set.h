/* catalog_set.h: the event catalogue in force: the built-in files and the operator's over them, and
 * what those were. Immutable; a reload makes a new one. Thread of load: not a worker (files are
 * read). */
#ifndef VSOC_SERVER_CATALOG_SET_H
#define VSOC_SERVER_CATALOG_SET_H

#include "core/hash.h"
#include "parsers/catalog/catalog.h"
#include "server/config/config.h"

struct catalog_file {
    const char *path;
    uint8_t sha256[SHA256_BYTES]; /* of the file as it was read */
};

struct catalog_set {
    struct catalog *catalog;
    int64_t loaded_ns; /* ns since 1970 UTC */
    struct catalog_file *files;
    size_t file_count;
    struct arena arena; /* holds files and their paths */
};

/* Reads the files in their order. CONFIG with every mistake in *problems, named by file, line and
 * column; NO_MEMORY. *out is untouched then. */
enum status catalog_set_load(const struct config_list *paths, const struct registry *registry,
                             struct catalog_set **out, struct config_problems *problems) must_check;
/* NULL is allowed. */
void catalog_set_destroy(struct catalog_set *set);
/* Tells the log which files are in force, with their SHA-256: what was known when an event was
 * graded can be proved later. */
void catalog_set_log(const struct catalog_set *set);

#endif
