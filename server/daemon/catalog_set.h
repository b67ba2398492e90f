/* catalog_set.h: the event catalogue in force: the built-in files, the operator's files that
 * override them, and the hashes of these. Immutable; a reload creates a new one. Thread of load:
 * not a worker (it reads files). */
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

/* Reads the files in order. CONFIG with every mistake in *problems, with file, line and column;
 * NO_MEMORY. *out is then unchanged. */
enum status catalog_set_load(const struct setting_list *paths, const struct registry *registry,
                             struct catalog_set **out, struct config_problems *problems) must_check;
/* NULL is allowed. */
void catalog_set_destroy(struct catalog_set *set);
/* Logs the files in force with their SHA-256, so that one can prove later which catalogue rated an
 * event. */
void catalog_set_log(const struct catalog_set *set);

#endif
