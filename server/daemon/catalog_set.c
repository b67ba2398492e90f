/* catalog_set.c: reads the files of ingest.catalogs. Main thread. parsers/catalog/ interprets the
 * rows. */
#include "server/daemon/catalog_set.h"
#include "core/thread.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "server/files/trusted_file.h"

#define LOG_COMPONENT "catalog"
#include "core/log/log.h"

/* Paths and hashes of CONFIG_ITEMS_MAX files. */
#define ARENA_BYTES ((size_t)4 << 20)

static void tell(struct config_problems *problems, const char *path,
                 const struct catalog_mistake *mistake)
{
    size_t kept = sizeof problems->items / sizeof *problems->items;
    if (problems->count < kept) {
        struct config_problem *p = &problems->items[problems->count];
        *p = (struct config_problem){.line = mistake->line, .column = mistake->column};
        snprintf(p->source, sizeof p->source, "%s", path);
        snprintf(p->text, sizeof p->text, "%s", mistake->text);
    }
    problems->count++;
}

static void tell_all(struct config_problems *problems, const char *path,
                     const struct catalog_mistakes *mistakes)
{
    size_t kept = mistakes->count < CATALOG_MISTAKES ? mistakes->count : CATALOG_MISTAKES;
    for (size_t i = 0; i < kept; i++)
        tell(problems, path, &mistakes->items[i]);
    problems->count += mistakes->count - kept;
}

static enum status add_file(struct catalog_set *set, const char *path,
                            const struct registry *registry, struct config_problems *problems)
{
    struct catalog_file *file = &set->files[set->file_count++];
    struct catalog_mistakes mistakes = {.count = 0};
    struct writer text;
    struct problem problem;
    enum status s = trusted_file_read(path, TRUSTED_PUBLIC, &text, &problem);
    file->path = arena_format(&set->arena, "%s", path);
    if (s == STATUS_OK) {
        sha256_bytes(writer_slice(&text), file->sha256);
        s = catalog_add_csv(set->catalog, writer_slice(&text), registry, &mistakes);
    } else {
        struct catalog_mistake mistake = {.line = 0};
        snprintf(mistake.text, sizeof mistake.text, "%s", problem.text);
        tell(problems, path, &mistake);
    }
    tell_all(problems, path, &mistakes);
    writer_fini(&text);
    return status_is_passing(s) ? s : STATUS_OK;
}

enum status catalog_set_load(const struct setting_list *paths, const struct registry *registry,
                             struct catalog_set **out, struct config_problems *problems)
{
    thread_assert_not(THREAD_WORKER);
    struct catalog_set *set = calloc(1, sizeof *set);
    problems->count = 0;
    if (!set)
        return STATUS_NO_MEMORY;
    arena_init(&set->arena, ARENA_BYTES);
    set->loaded_ns = clock_wall_ns();
    set->catalog = catalog_create_builtin();
    set->files = arena_alloc(&set->arena, paths->count * sizeof *set->files);
    enum status s = set->catalog && set->files ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < paths->count; i++)
        s = add_file(set, paths->items[i], registry, problems);
    if (s == STATUS_OK && problems->count)
        s = STATUS_CONFIG;
    if (s == STATUS_OK)
        *out = set;
    else
        catalog_set_destroy(set);
    return s;
}

void catalog_set_destroy(struct catalog_set *set)
{
    if (!set)
        return;
    catalog_destroy(set->catalog);
    arena_fini(&set->arena);
    free(set);
}

void catalog_set_log(const struct catalog_set *set)
{
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < set->file_count; i++) {
        for (size_t k = 0; k < SHA256_BYTES; k++)
            snprintf(hex + 2 * k, 3, "%02x", set->files[i].sha256[k]);
        log_info("event catalogue in force", LOG_TEXT("file", set->files[i].path),
                 LOG_TEXT("sha256", hex), LOG_U64("rows", catalog_count(set->catalog)));
    }
}
