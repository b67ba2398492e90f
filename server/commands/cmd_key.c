/* cmd_key.c: `vsocd key`: makes and shows the keys that sign heads of the tree and cosignatures.
 * Main thread. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/problem.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/files/signing_key.h"
#include "storage/evidence/signer/key_file.h"

#define TEXT_BYTES_MAX 8192

static int fail(const char *problem)
{
    fprintf(stderr, "vsocd key: %s\n", problem);
    return EXIT_FAILED;
}

/* The verifier key, which anybody may know. */
static int print_verifier(const struct note_verifier *verifier)
{
    struct writer w;
    writer_init(&w, TEXT_BYTES_MAX);
    note_verifier_write(&w, verifier);
    writer_text(&w, "\n");
    bool good =
        w.status == STATUS_OK && fwrite(w.data, 1, w.size, stdout) == w.size && fflush(stdout) == 0;
    writer_fini(&w);
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* Before the file is there: in the audit log of the server with these settings. Exit status. */
static int record(const char *settings, const char *kind, const char *name, const char *out)
{
    char credential[NOTE_NAME_BYTES_MAX + 8];
    char *argv[] = {(char *)(uintptr_t) "key", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t)settings, NULL};
    const struct config_cli_spec spec = {.without_files = true};
    struct config_cli cli;
    struct config *config = NULL;
    struct problem problem;
    bool recorded;
    snprintf(credential, sizeof credential, "key:%s", name);
    const struct audit_field fields[] = {AUDIT_TEXT(credential, credential), AUDIT_TEXT(what, kind),
                                         AUDIT_TEXT(file, out)};
    int code = config_cli_load(3, argv, &spec, &cli, &config);
    if (code != EXIT_DONE)
        return code;
    enum status status =
        command_audit_if_kept(config, AUDIT_key_created, fields, 3, &recorded, &problem);
    config_destroy(config);
    if (status != STATUS_OK)
        return fail(problem.text);
    if (!recorded)
        fputs("There is no spool yet, so this is not in the audit log.\n", stderr);
    return EXIT_DONE;
}

static int key_new(int argc, char **argv)
{
    const char *name = NULL, *out = NULL, *settings = NULL, *kind = argc > 1 ? argv[1] : "";
    struct note_verifier made;
    struct problem problem;
    for (int i = 2; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--name")  ? &name
                             : !strcmp(argv[i], "--out") ? &out
                             : !strcmp(argv[i], "-c")    ? &settings
                                                         : NULL;
        if (!value || ++i == argc)
            return command_wrong("key", "new takes --name NAME, --out FILE and -c FILE");
        *value = argv[i];
    }
    bool is_witness = !strcmp(kind, "witness");
    if (!is_witness && strcmp(kind, "evidence") != 0)
        return command_wrong("key", "say what the key is for: new evidence, or new witness");
    if (!name || !out)
        return command_wrong("key", "new takes --name NAME and --out FILE");
    int code = settings ? record(settings, kind, name, out) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    enum status status = key_file_make(
        out, slice_from_text(name), is_witness ? NOTE_COSIGNATURE : NOTE_ED25519, &made, &problem);
    if (status != STATUS_OK)
        return fail(problem.text);
    fputs("This is the verifier key: give it to those who check. The file holds the secret; keep a "
          "copy offline.\n",
          stderr);
    return print_verifier(&made);
}

static int key_show(int argc, char **argv)
{
    struct note_secret secret;
    struct problem problem;
    if (argc != 2)
        return command_wrong("key", "show takes one FILE");
    if (signing_key_read(argv[1], &secret, &problem) != STATUS_OK)
        return fail(problem.text);
    int code = print_verifier(&secret.verifier);
    note_secret_wipe(&secret);
    return code;
}

static bool has_key_name(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && !strcmp(dot, ".key");
}

static int select_keys(const struct dirent *entry)
{
    return has_key_name(entry);
}

/* False: the file can't be read, or is another kind of file. */
static bool list_one(const char *path)
{
    struct note_secret secret;
    struct problem problem;
    if (signing_key_read(path, &secret, &problem) != STATUS_OK) {
        (void)fail(problem.text);
        return false;
    }
    printf("%-8s %08x %-40s %s\n",
           secret.verifier.algorithm == NOTE_COSIGNATURE ? "witness" : "evidence",
           secret.verifier.id, secret.verifier.name, path);
    note_secret_wipe(&secret);
    return true;
}

static int key_list(int argc, char **argv)
{
    struct dirent **entries = NULL;
    bool good = true;
    if (argc != 2)
        return command_wrong("key", "list takes one FOLDER");
    int count = scandir(argv[1], &entries, select_keys, alphasort);
    if (count < 0) {
        fprintf(stderr, "vsocd key: %s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILED;
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        good = list_one(path) && good;
        free(entries[i]);
    }
    free((void *)entries);
    return good && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int cmd_key(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"new", key_new}, {"show", key_show}, {"list", key_list}};
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return command_wrong("key", "say what to do: new, show or list");
}
