/* evidence_place.c: finds the folders of spool and evidence. Main thread. Reads nothing in them. */
#include "server/commands/evidence/evidence_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/exit_status.h"
#include "server/commands/config_cli.h"

static bool has_folder(const char *dir, const char *name)
{
    char path[4400];
    struct stat st;
    snprintf(path, sizeof path, "%.4200s/%s", dir, name);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int evidence_place_find(const char *given, int argc, char **argv, struct evidence_place *place)
{
    char data_dir[4096];
    const struct config_cli_spec spec = {.without_files = true};
    struct config_cli cli;
    *place = (struct evidence_place){.config = NULL};
    if (given) {
        size_t size = strlen(given);
        while (size > 1 && given[size - 1] == '/')
            size--;
        if (size > 6 && !memcmp(given + size - 6, "/spool", 6) && !has_folder(given, "spool"))
            size -= 6;
        snprintf(data_dir, sizeof data_dir, "%.*s", (int)size, given);
    } else {
        int code = config_cli_load(argc, argv, &spec, &cli, &place->config);
        if (code != EXIT_DONE)
            return code;
        snprintf(data_dir, sizeof data_dir, "%s", place->config->data_dir);
    }
    snprintf(place->spool_dir, sizeof place->spool_dir, "%s/spool", data_dir);
    snprintf(place->dir, sizeof place->dir, "%s/evidence", data_dir);
    snprintf(place->tree_dir, sizeof place->tree_dir, "%s/evidence/tree", data_dir);
    return EXIT_DONE;
}

void evidence_place_fini(struct evidence_place *place)
{
    if (place->config)
        config_destroy(place->config);
    place->config = NULL;
}
