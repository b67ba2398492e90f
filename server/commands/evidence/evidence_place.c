/* evidence_place.c: finds the folders of spool and evidence. Main thread. Reads nothing in them. */
#include "server/commands/evidence/evidence_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "server/commands/config_cli.h"
#include "server/files/file_read.h"

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

bool evidence_place_has_key(const struct evidence_place *place)
{
    char path[4300];
    snprintf(path, sizeof path, "%.4200s/head.key", place->dir);
    return access(path, F_OK) == 0;
}

static enum status published_name(const struct evidence_place *place,
                                  char name[NOTE_NAME_BYTES_MAX + 1])
{
    char path[4300];
    struct note_verifier verifier;
    struct writer text;
    writer_init(&text, 8192);
    snprintf(path, sizeof path, "%.4200s/head.vkey", place->dir);
    enum status status = file_read_all(path, &text);
    if (status == STATUS_OK)
        status = note_verifier_parse(slice_trim(writer_slice(&text)), &verifier);
    writer_fini(&text);
    if (status == STATUS_OK)
        snprintf(name, NOTE_NAME_BYTES_MAX + 1, "%s", verifier.name);
    return status;
}

enum status evidence_place_origin(const struct evidence_place *place, unsigned generation,
                                  char origin[NOTE_NAME_BYTES_MAX + 1])
{
    char suffix[16];
    if (place->config && place->config->evidence_origin) {
        snprintf(origin, NOTE_NAME_BYTES_MAX + 1, "%s", place->config->evidence_origin);
        return STATUS_OK;
    }
    enum status status = published_name(place, origin);
    if (status != STATUS_OK || generation < 2)
        return status;
    size_t size = strlen(origin);
    size_t n = (size_t)snprintf(suffix, sizeof suffix, "/%u", generation);
    if (size > n && !strcmp(origin + size - n, suffix))
        origin[size - n] = '\0';
    return STATUS_OK;
}
