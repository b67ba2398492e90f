/* bundle_names.c: the closed list of the names of a bundle. Any thread; works on memory alone. Does
 * not look into files, but for the number of parts in a table. */
#include "storage/evidence/bundle/bundle_names.h"

#include "core/reader.h"
#include "storage/evidence/formats/note_text.h"

#define AUTHORITY_MAX 15

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal_text(name, names[i]))
            return true;
    return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof *(names))

static bool take(struct slice *rest, const char *text)
{
    if (!slice_starts_with(*rest, text))
        return false;
    *rest = slice_sub(*rest, strlen(text), SIZE_MAX);
    return true;
}

/* Decimal digits in their one spelling. */
static bool take_number(struct slice *rest, uint64_t max, uint64_t *number)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9')
        size++;
    struct slice digits = slice_sub(*rest, 0, size);
    *rest = slice_sub(*rest, size, SIZE_MAX);
    return note_text_number(digits, max, number);
}

/* part-NUMBER or part-NUMBER.seed */
static bool is_part(struct slice name, uint64_t *number)
{
    return take(&name, "part-") && take_number(&name, UINT32_MAX, number) &&
           (!name.size || slice_equal_text(name, ".seed"));
}

static bool is_of_record(struct slice name)
{
    static const char *const names[] = {
        "leaf.bin", "body",   "meta",        "events",        "seed",
        "parts",    "erased", "record.json", "events.ndjson", "proof.tlog-proof"};
    uint64_t number;
    return IS_ONE_OF(name, names) || is_part(name, &number);
}

static bool is_of_export(struct slice name)
{
    static const char *const names[] = {"leaf.bin", "body", "meta",
                                        "events",   "seed", "proof.tlog-proof"};
    return IS_ONE_OF(name, names);
}

static bool is_of_head(struct slice name)
{
    uint64_t size;
    return take_number(&name, MERKLE_SIZE_MAX, &size) && size &&
           (slice_equal_text(name, ".checkpoint") || slice_equal_text(name, ".consistency"));
}

static bool is_token(struct slice name)
{
    uint64_t size, authority;
    return take_number(&name, MERKLE_SIZE_MAX, &size) && size && take(&name, "-") &&
           take_number(&name, AUTHORITY_MAX, &authority) && slice_equal_text(name, ".tsr");
}

bool bundle_name_is_known(struct slice name)
{
    static const char *const pages[] = {"README.txt", "policy.txt", "versions.json",
                                        "manifest.json", BUNDLE_SUMS};
    uint64_t position;
    if (take(&name, "heads/"))
        return is_of_head(name);
    if (take(&name, "time/"))
        return is_token(name);
    if (take(&name, BUNDLE_CUSTODY))
        return is_of_export(name);
    if (take(&name, BUNDLE_RECORDS))
        return take_number(&name, UINT64_MAX, &position) && take(&name, "/") && is_of_record(name);
    return IS_ONE_OF(name, pages);
}

static bool is_below(const struct bundle_file *table, uint64_t number)
{
    struct reader r = reader_make(table->bytes);
    uint64_t count = reader_uint_le(&r, 4);
    return r.status == STATUS_OK && number < count;
}

bool bundle_name_fits(const struct bundle_files *files, struct slice name)
{
    static const char *const of_erased[] = {"leaf.bin", "erased", "proof.tlog-proof"};
    uint64_t number;
    if (!slice_starts_with(name, BUNDLE_RECORDS))
        return true;
    struct slice folder = bundle_folder_of(name);
    const struct bundle_file *table = bundle_files_find(files, folder, "parts");
    name = slice_sub(name, folder.size, SIZE_MAX);
    if (bundle_files_find(files, folder, "erased"))
        return IS_ONE_OF(name, of_erased);
    return !is_part(name, &number) || (table && is_below(table, number));
}
