/* config_print.c: the effective settings as YAML; the reference page. Any thread. Never shows a
 * secret. */
#include "server/config/config_print.h"

#include <stdio.h>

#include "core/writer.h"
#include "server/config/config_mask.h"
#include "server/config/config_value.h"

#define MASK "****"

static void write_text(const char *text, struct writer *out)
{
    if (text)
        writer_json_string(out, slice_from_text(text));
    else
        writer_text(out, "null");
}

static void write_secret(const char *text, struct writer *out)
{
    struct writer masked;
    writer_init(&masked, 65536);
    config_write_masked_dsn(text, &masked);
    writer_json_string(out,
                       masked.status == STATUS_OK ? writer_slice(&masked) : SLICE_LITERAL(MASK));
    writer_fini(&masked);
}

static void write_list(const struct setting_list *list, struct writer *out)
{
    writer_u8(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        writer_text(out, i ? ", " : "");
        write_text(list->items[i], out);
    }
    writer_u8(out, ']');
}

static bool map_has(const struct setting_map *map, struct slice name)
{
    for (size_t i = 0; i < map->count; i++)
        if (slice_equal_text(name, map->names[i]))
            return true;
    return false;
}

/* Removed default entries are printed as null: without that the map would have them again. */
static void write_removed(const struct config_row *row, const struct setting_map *map,
                          struct writer *out)
{
    const char *separator = map->count ? ", " : "";
    for (const char *p = row->fallback; *p; p += *p == ',') {
        struct slice name = slice_make(p, strcspn(p, "="));
        p += strcspn(p, ",");
        if (map_has(map, name))
            continue;
        writer_text(out, separator);
        writer_json_string(out, name);
        writer_text(out, ": null");
        separator = ", ";
    }
}

static void write_map(const struct config_row *row, const struct setting_map *map,
                      struct writer *out)
{
    bool masked = row->flags & CONFIG_SECRET_VALUES;
    writer_u8(out, '{');
    for (size_t i = 0; i < map->count; i++) {
        writer_text(out, i ? ", " : "");
        write_text(map->names[i], out);
        writer_text(out, ": ");
        write_text(masked && config_name_is_secret(map->names[i]) ? MASK : map->values[i], out);
    }
    write_removed(row, map, out);
    writer_u8(out, '}');
}

void config_value_write(const struct config_row *row, const struct config *config,
                        struct writer *out)
{
    const void *member = config_member_const(config, row);
    const char *text;
    char word[64];
    switch (row->kind) {
    case SETTING_KIND_TEXT:
        text = *(const char *const *)member;
        if (text && (row->flags & CONFIG_SECRET))
            write_secret(text, out);
        else
            write_text(text, out);
        return;
    case SETTING_KIND_BOOL:
        writer_text(out, *(const bool *)member ? "true" : "false");
        return;
    case SETTING_KIND_UINT:
        writer_format(out, "%llu", (unsigned long long)*(const uint64_t *)member);
        return;
    case SETTING_KIND_SIZE:
        config_size_write(*(const uint64_t *)member, out);
        return;
    case SETTING_KIND_DURATION:
        config_duration_write((uint64_t) * (const int64_t *)member, out);
        return;
    case SETTING_KIND_ENUM:
        write_text(config_word(row, *(const unsigned *)member, word, sizeof word), out);
        return;
    case SETTING_KIND_LIST:
        write_list(member, out);
        return;
    case SETTING_KIND_MAP:
        write_map(row, member, out);
        return;
    }
}

/* Bytes that both keys share up to and with a last dot: the sections both are in. */
static size_t shared_sections(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            shared = i + 1;
    return shared;
}

static unsigned depth_at(const char *key, size_t size)
{
    unsigned depth = 0;
    for (size_t i = 0; i < size; i++)
        depth += key[i] == '.';
    return depth;
}

static void indent(unsigned depth, struct writer *out)
{
    for (unsigned i = 0; i < depth; i++)
        writer_text(out, "  ");
}

/* Heads of the sections that key is in and before, the row above, was not. */
static void write_sections(const char *before, const char *key, struct writer *out)
{
    size_t at = shared_sections(before, key);
    for (const char *dot = strchr(key + at, '.'); dot; dot = strchr(key + at, '.')) {
        indent(depth_at(key, at), out);
        writer_bytes(out, key + at, (size_t)(dot - key) - at);
        writer_text(out, ":\n");
        at = (size_t)(dot - key) + 1;
    }
}

void config_print(const struct config *config, struct writer *out)
{
    const char *before = "";
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        const char *dot = strrchr(row->key, '.');
        write_sections(before, row->key, out);
        indent(depth_at(row->key, strlen(row->key)), out);
        writer_text(out, dot ? dot + 1 : row->key);
        writer_text(out, ": ");
        config_value_write(row, config, out);
        writer_u8(out, '\n');
        before = row->key;
    }
}
