/* bundle_files.c: the files of a bundle by name, and whether they are the ones that SHA256SUMS
 * lists. The owner's thread. Does not look into the files. */
#include "storage/evidence/bundle/bundle_files.h"

#include <stdlib.h>

#define FILES_MAX (UINT32_C(1) << 24)

struct slice bundle_folder_of(struct slice name)
{
    size_t size = name.size;
    while (size && name.data[size - 1] != '/')
        size--;
    return slice_sub(name, 0, size);
}

static bool ends_with(struct slice name, const char *text)
{
    size_t size = strlen(text);
    return name.size >= size && slice_equal_text(slice_sub(name, name.size - size, size), text);
}

bool bundle_is_content(struct slice name)
{
    return !slice_equal_text(name, BUNDLE_SUMS) && !slice_starts_with(name, "heads/") &&
           !slice_starts_with(name, "time/") && !slice_starts_with(name, "custody/") &&
           !ends_with(name, ".tlog-proof");
}

void bundle_sum_line(struct writer *w, struct slice name, const uint8_t digest[SHA256_BYTES])
{
    writer_hex(w, slice_make(digest, SHA256_BYTES));
    writer_text(w, "  ");
    writer_add_slice(w, name);
    writer_u8(w, '\n');
}

static enum status add_file(struct bundle_files *files, const struct bundle_file *file)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 64;
        if (room > FILES_MAX)
            return STATUS_TOO_MANY;
        struct bundle_file *more = realloc(files->files, room * sizeof *more);
        if (!more)
            return STATUS_NO_MEMORY;
        files->files = more;
        files->room = room;
    }
    files->files[files->count++] = *file;
    return STATUS_OK;
}

static enum status read_archive(struct slice archive, struct bundle_files *files,
                                struct problem *problem)
{
    size_t at = 0;
    struct bundle_file file;
    enum status status;
    while ((status = bundle_archive_next(archive, &at, &file)) == STATUS_OK) {
        status = add_file(files, &file);
        if (status != STATUS_OK)
            break;
    }
    if (status == STATUS_CORRUPT)
        problem_say(problem, "the archive is damaged at byte %zu", at);
    else if (status != STATUS_END)
        problem_say(problem, "%s", status_text(status));
    return status == STATUS_END ? STATUS_OK : status;
}

static int compare_names(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_files(const void *a, const void *b)
{
    return compare_names((*(const struct bundle_file *const *)a)->name,
                         (*(const struct bundle_file *const *)b)->name);
}

static enum status sort_names(struct bundle_files *files, struct problem *problem)
{
    files->by_name = calloc(files->count ? files->count : 1, sizeof *files->by_name);
    if (!files->by_name) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < files->count; i++)
        files->by_name[i] = &files->files[i];
    qsort(files->by_name, files->count, sizeof *files->by_name, compare_files);
    for (size_t i = 1; i < files->count; i++) {
        struct slice name = files->by_name[i]->name;
        if (compare_names(files->by_name[i - 1]->name, name) == 0) {
            problem_say(problem, "%.*s is there twice", SLICE_ARGS(name));
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

/* Compares SHA256SUMS with lines made of the files, and makes the contents digest. */
static enum status compare_sums(struct bundle_files *files, struct writer *line,
                                struct sha256 *contents, struct problem *problem)
{
    const struct bundle_file *sums = bundle_files_find(files, SLICE_EMPTY, BUNDLE_SUMS);
    size_t at = 0;
    if (!sums) {
        problem_say(problem, BUNDLE_SUMS " is missing");
        return STATUS_CORRUPT;
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct bundle_file *file = &files->files[i];
        uint8_t digest[SHA256_BYTES];
        if (file == sums)
            continue;
        writer_reset(line);
        sha256_bytes(file->bytes, digest);
        bundle_sum_line(line, file->name, digest);
        if (line->status != STATUS_OK)
            return line->status;
        if (!slice_equal(slice_sub(sums->bytes, at, line->size), writer_slice(line))) {
            problem_say(problem, "%.*s is not the file that " BUNDLE_SUMS " lists",
                        SLICE_ARGS(file->name));
            return STATUS_CORRUPT;
        }
        at += line->size;
        if (bundle_is_content(file->name))
            sha256_update(contents, writer_slice(line));
    }
    if (at != sums->bytes.size) {
        problem_say(problem, BUNDLE_SUMS " lists files that are missing");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status check_sums(struct bundle_files *files, struct problem *problem)
{
    struct writer line;
    struct sha256 *contents = sha256_create();
    enum status status = STATUS_NO_MEMORY;
    writer_init(&line, 4096);
    if (contents) {
        sha256_start(contents);
        status = compare_sums(files, &line, contents, problem);
        sha256_finish(contents, files->contents);
    }
    sha256_destroy(contents);
    writer_fini(&line);
    return status;
}

enum status bundle_files_read(struct slice archive, struct bundle_files *files,
                              struct problem *problem)
{
    *files = (struct bundle_files){0};
    enum status status = read_archive(archive, files, problem);
    if (status == STATUS_OK)
        status = sort_names(files, problem);
    if (status == STATUS_OK)
        status = check_sums(files, problem);
    if (status != STATUS_OK)
        bundle_files_fini(files);
    return status;
}

void bundle_files_fini(struct bundle_files *files)
{
    free(files->files);
    free(files->by_name);
    *files = (struct bundle_files){0};
}

const struct bundle_file *bundle_files_find(const struct bundle_files *files, struct slice folder,
                                            const char *name)
{
    char wanted[BUNDLE_NAME_BYTES_MAX];
    size_t size = strlen(name), low = 0, high = files->count;
    if (folder.size + size > sizeof wanted)
        return NULL;
    if (folder.size)
        memcpy(wanted, folder.data, folder.size);
    memcpy(wanted + folder.size, name, size);
    struct slice whole = slice_make(wanted, folder.size + size);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bundle_file *file = files->by_name[middle];
        int order = compare_names(file->name, whole);
        if (order == 0)
            return file;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
