/* config_reference.c: docs/configuration.md and vsocd.yaml(5) from the rows. Main thread. */
#include <stdio.h>

#include "core/writer.h"
#include "server/config/config_value.h"
#include "server/commands/reference/reference.h"
#include "server/commands/reference/reference_text.h"

static const char introduction[] =
    "# Settings\n\n"
    "This page is printed by `vsocd reference config`, from the table that the program runs on.\n\n"
    "`vsocd serve -c FILE` reads YAML. Later sources override earlier ones: defaults, the file, "
    "environment variables, `--set`:\n\n"
    "| source | how to write `listen.ingest.address` |\n| --- | --- |\n"
    "| file | `listen: { ingest: { address: \"0.0.0.0:8443\" } }`, on one line or nested |\n"
    "| environment | `VSOCD_LISTEN__INGEST__ADDRESS=0.0.0.0:8443`: `__` nests |\n"
    "| command line | `--set listen.ingest.address=0.0.0.0:8443`, may be repeated |\n\n"
    "- `vsocd check-config -c FILE` reports every mistake with line and column; `--print` shows "
    "the effective settings with secrets masked. An unknown name is a mistake, in the environment "
    "too (names that begin with `VSOCD_`, contain no `__` and are not a setting are ignored).\n"
    "- Sizes take `KiB`, `MiB`, `GiB`, `TiB` or nothing (bytes); durations `ms`, `s`, `min`, `h` "
    "or `d` (also `us` and `ns`).\n"
    "- Relative paths of the file and of the defaults are relative to the file's folder; those of "
    "the environment and of `--set` to the working directory.\n"
    "- A map in the file adds to the default entries; an entry set to `null` is removed. In the "
    "environment and in `--set`, set entries one by one: "
    "`VSOCD_SINKS__KAFKA__PROPERTIES__LINGER_MS=5` (`_` for the dots), "
    "`--set sinks.kafka.properties.linger.ms=5`. Write lists with commas there.\n"
    "- YAML anchors, aliases, tags and a second document are refused. Nothing is guessed: `no` is "
    "not false.\n"
    "- Settings marked R are reloaded on `SIGHUP`; a file with a mistake changes nothing. All "
    "others need a restart.\n"
    "- Settings marked *later* are reserved: this version accepts only their default.\n"
    "- [deploy/vsocd.yaml](../deploy/vsocd.yaml) is an example to start from.\n";

static const char *const kind_names[] = {
    [SETTING_KIND_TEXT] = "text",         [SETTING_KIND_BOOL] = "true or false",
    [SETTING_KIND_UINT] = "number",       [SETTING_KIND_SIZE] = "size",
    [SETTING_KIND_DURATION] = "duration", [SETTING_KIND_ENUM] = "",
    [SETTING_KIND_LIST] = "list",         [SETTING_KIND_MAP] = "map",
};

/* "size, 1KiB to 8MiB" */
static void write_type(const struct config_row *row, struct writer *out)
{
    char word[64];
    bool is_path = row->kind == SETTING_KIND_TEXT && (row->flags & CONFIG_PATH);
    writer_text(out, is_path ? "path" : kind_names[row->kind]);
    for (unsigned i = 0; row->kind == SETTING_KIND_ENUM && *config_word(row, i, word, sizeof word);
         i++)
        writer_format(out, "%s%s", i ? ", " : "", word);
    if (row->flags & CONFIG_PATH)
        writer_text(out, row->kind == SETTING_KIND_LIST ? " of paths" : "");
    if (row->kind != SETTING_KIND_UINT && row->kind != SETTING_KIND_SIZE &&
        row->kind != SETTING_KIND_DURATION)
        return;
    writer_text(out, row->max < INT64_MAX ? ", " : ", at least ");
    config_number_write(row, row->min, out);
    if (row->max == INT64_MAX)
        return;
    writer_text(out, " to ");
    config_number_write(row, row->max, out);
}

static void write_default(const struct config_row *row, struct writer *out)
{
    if (!row->fallback)
        writer_text(out, "null");
    else if (row->kind == SETTING_KIND_LIST)
        writer_format(out, "[%s]", row->fallback);
    else if (row->kind == SETTING_KIND_MAP)
        writer_format(out, "{%s}", row->fallback);
    else if (row->kind == SETTING_KIND_ENUM)
        writer_bytes(out, row->fallback, strcspn(row->fallback, ":"));
    else
        writer_text(out, *row->fallback ? row->fallback : "''");
}

static size_t section_size(const char *key)
{
    return key[strcspn(key, ".")] == '.' ? strcspn(key, ".") : 0;
}

static bool starts_section(size_t i)
{
    const char *key = config_rows[i].key, *before = i ? config_rows[i - 1].key : "?.";
    size_t n = section_size(key);
    return n != section_size(before) || strncmp(key, before, n) != 0;
}

static void write_marks(const struct config_row *row, struct writer *out)
{
    if (row->flags & CONFIG_RELOAD)
        writer_text(out, "R");
    if (row->flags & CONFIG_LATER)
        writer_text(out, row->flags & CONFIG_RELOAD ? ", *later*" : "*later*");
}

static void write_row(const struct config_row *row, struct writer *out)
{
    writer_format(out, "| `%s` | ", row->key);
    write_type(row, out);
    writer_text(out, " | `");
    write_default(row, out);
    writer_text(out, "` | ");
    write_marks(row, out);
    writer_text(out, " | ");
    reference_cell(out, row->help);
    writer_text(out, " |\n");
}

void reference_config(struct writer *out)
{
    writer_text(out, introduction);
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        if (starts_section(i)) {
            size_t n = section_size(row->key);
            writer_format(out, "\n## %.*s\n\n", n ? (int)n : 7, n ? row->key : "general");
            writer_text(out, "| setting | type | default | | meaning |\n"
                             "| --- | --- | --- | --- | --- |\n");
        }
        write_row(row, out);
    }
}

static void write_man_row(const struct config_row *row, struct writer *out)
{
    struct writer text;
    writer_init(&text, 4096);
    writer_text(&text, row->help);
    writer_text(&text, ".\nType: ");
    write_type(row, &text);
    writer_text(&text, ".\nDefault: ");
    write_default(row, &text);
    writer_text(&text, ".\n");
    if (row->flags & CONFIG_RELOAD)
        writer_text(&text, "Reloaded on SIGHUP.\n");
    if (row->flags & CONFIG_LATER)
        writer_text(&text,
                    "Reserved for a later version; this version accepts only the default.\n");
    writer_u8(&text, 0);
    writer_format(out, ".It Ic %s\n", row->key);
    mdoc_text(out, text.status == STATUS_OK ? (const char *)text.data : row->help);
    writer_fini(&text);
}

void reference_man_config(struct writer *out)
{
    mdoc_head(out, "VSOCD.YAML", "5", "vsocd.yaml", "settings of the log-ingestion server vsocd");
    writer_text(out, ".Sh DESCRIPTION\n");
    mdoc_text(out, "The settings of vsocd are YAML. A later source wins: defaults, the file, "
                   "environment variables (VSOCD_LISTEN__INGEST__ADDRESS: two underscores nest), "
                   "--set listen.ingest.address=... on the command line. An unknown name is a "
                   "mistake. Anchors, aliases, tags and a second document are refused.");
    writer_text(out, ".Pp\n");
    mdoc_text(out, "Sizes take KiB, MiB, GiB, TiB or nothing; durations ms, s, min, h or d. "
                   "Relative paths of the file are relative to its folder. A map adds to the "
                   "default entries; an entry set to null is removed.");
    writer_text(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++)
        write_man_row(&config_rows[i], out);
    writer_text(out, ".El\n.Sh SEE ALSO\n.Xr vsocd 8\n");
}
