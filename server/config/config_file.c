/* config_file.c: reads the settings file: YAML events, matched against the rows. Any thread. The
 * only file that knows libyaml. Assigns no types: every scalar is text until its row reads it, so
 * that YAML 1.1's guesses ("no" is false, 08 is not 8) do not apply. Anchors, aliases, tags and a
 * second document are refused: nobody needs them here and they hide the effective settings. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "core/writer.h"
#include "server/config/config_build.h"
#include "server/files/file_read.h"
#include "server/files/trusted_file.h"

#define FILE_MAX ((size_t)1 << 20)
#define KEY_MAX  256
#define KEYS_MAX 256 /* of one mapping */

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    bool failed; /* nothing more can be read */
    struct slice text;
    struct config_build *build;
};

static struct config_origin origin_at(yaml_mark_t mark, const char *name)
{
    return (struct config_origin){
        .from = CONFIG_FROM_FILE, .name = name, .line = mark.line + 1, .column = mark.column + 1};
}

static struct config_origin origin_here(const struct yaml_reader *r, const char *name)
{
    return origin_at(r->event.start_mark, name);
}

static void drop_event(struct yaml_reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
}

/* Line and column of a byte: bytes that are not UTF-8 have no mark. */
static yaml_mark_t mark_of_byte(struct slice text, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        mark.column++;
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static void tell_syntax(struct yaml_reader *r)
{
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t mark = p->problem_mark;
    if (p->error == YAML_READER_ERROR)
        mark = mark_of_byte(r->text, p->problem_offset);
    struct config_origin at = origin_at(mark, NULL);
    r->build->unread = true;
    config_problem(r->build, &at, "not readable as YAML: %s%s%s",
                   p->problem ? p->problem : "no memory", p->context ? " " : "",
                   p->context ? p->context : "");
}

/* Reports anchors and tags at their place; the value is still read. */
static void check_decorations(struct yaml_reader *r)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (r->event.type == YAML_SCALAR_EVENT) {
        anchor = r->event.data.scalar.anchor;
        tag = r->event.data.scalar.tag;
    } else if (r->event.type == YAML_MAPPING_START_EVENT) {
        anchor = r->event.data.mapping_start.anchor;
        tag = r->event.data.mapping_start.tag;
    } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        anchor = r->event.data.sequence_start.anchor;
        tag = r->event.data.sequence_start.tag;
    }
    struct config_origin at = origin_here(r, NULL);
    if (anchor)
        config_problem(r->build, &at,
                       "anchors (&…) are not supported; quote a text that starts with &");
    if (tag)
        config_problem(
            r->build, &at,
            "tags (%.*s) are not supported; write only the value, and quote one that starts with ! "
            "between quotes",
            strncmp((const char *)tag, "tag:yaml.org,", 13) == 0 ? 64 : 1, (const char *)tag);
}

/* False: nothing more can be read; the mistake has been added. */
static bool next_event(struct yaml_reader *r)
{
    drop_event(r);
    if (r->failed)
        return false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        tell_syntax(r);
        r->failed = true;
        return false;
    }
    r->has_event = true;
    check_decorations(r);
    return true;
}

/* The current event starts a node: advances to its last event. Iterative, whatever the depth. */
static void skip_node(struct yaml_reader *r)
{
    size_t depth = 0;
    do {
        switch (r->event.type) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            depth++;
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            depth--;
            break;
        default:
            break;
        }
    } while (depth && next_event(r));
}

/* Text of the current scalar; false for other nodes and texts with a NUL. *null: YAML's null. */
static bool scalar_text(const struct yaml_reader *r, const char **text, bool *null)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return false;
    *text = (const char *)r->event.data.scalar.value;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *null = plain && (!**text || !strcmp(*text, "~") || !strcmp(*text, "null") ||
                      !strcmp(*text, "Null") || !strcmp(*text, "NULL"));
    return strlen(*text) == r->event.data.scalar.length;
}

static const char *node_name(const struct yaml_reader *r)
{
    switch (r->event.type) {
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_ALIAS_EVENT:
        return "an alias (*name), which is not supported: write the value";
    default:
        return "a single value";
    }
}

/* The current node does not have the shape that the row needs. */
static void tell_shape(struct yaml_reader *r, const char *key, const char *wanted)
{
    struct config_origin at = origin_here(r, key);
    const char *text;
    bool null;
    if (r->event.type == YAML_SCALAR_EVENT && !scalar_text(r, &text, &null))
        config_problem(r->build, &at, "must not hold a NUL byte");
    else
        config_problem(r->build, &at, "must be %s, not %s", wanted, node_name(r));
    skip_node(r);
}

static void read_scalar(struct yaml_reader *r, const struct config_row *row)
{
    const char *text;
    bool null;
    if (!scalar_text(r, &text, &null)) {
        tell_shape(r, row->key, "a single value");
        return;
    }
    struct config_origin at = origin_here(r, row->key);
    config_store(r->build, row, null ? NULL : text, &at);
}

/* True for null, which empties the row. */
static bool is_null(const struct yaml_reader *r)
{
    const char *text;
    bool null;
    return scalar_text(r, &text, &null) && null;
}

static void read_list(struct yaml_reader *r, const struct config_row *row)
{
    struct config_origin at = origin_here(r, row->key);
    if (r->event.type != YAML_SEQUENCE_START_EVENT && !is_null(r)) {
        tell_shape(r, row->key, "a list such as [a, b]");
        return;
    }
    config_store_list_start(r->build, row, &at);
    if (r->event.type == YAML_SCALAR_EVENT)
        return;
    while (next_event(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        const char *text;
        bool null;
        if (!scalar_text(r, &text, &null)) {
            tell_shape(r, row->key, "a list of single values");
            continue;
        }
        at = origin_here(r, row->key);
        config_store_item(r->build, row, null ? "" : text, &at);
    }
}

static bool key_is_repeated(const struct setting_map *seen, const char *name)
{
    for (size_t i = 0; i < seen->count; i++)
        if (!strcmp(seen->names[i], name))
            return true;
    return false;
}

/* The names of one mapping, to find duplicates. */
static bool remember_key(struct yaml_reader *r, struct setting_map *seen, const char **names,
                         const char *name, const char *full)
{
    struct config_origin at = origin_here(r, full);
    seen->names = names;
    if (key_is_repeated(seen, name)) {
        config_problem(r->build, &at, "is set twice here; keep one");
        return false;
    }
    if (seen->count < KEYS_MAX)
        names[seen->count++] = arena_format(&r->build->config->arena, "%s", name);
    return true;
}

/* Reads a key, joins it to prefix in full (KEY_MAX bytes) and goes on to its value. False at the
 * end of the mapping; *usable false: a mistake was added and the value is skipped. */
static bool next_key(struct yaml_reader *r, const char *prefix, struct setting_map *seen,
                     const char **names, char *full, yaml_mark_t *mark, bool *usable)
{
    const char *text;
    bool null;
    if (!next_event(r) || r->event.type == YAML_MAPPING_END_EVENT)
        return false;
    *usable = false;
    *mark = r->event.start_mark;
    if (!scalar_text(r, &text, &null)) {
        tell_shape(r, *prefix ? prefix : NULL, "a name before the colon");
    } else {
        int n = snprintf(full, KEY_MAX, "%s%s%s", prefix, *prefix ? "." : "", text);
        if (n < 0 || n >= KEY_MAX) {
            struct config_origin at = origin_here(r, NULL);
            config_problem(r->build, &at, "a name is too long");
        } else {
            *usable = remember_key(r, seen, names, text, full);
        }
    }
    if (!next_event(r))
        return false;
    if (!*usable)
        skip_node(r);
    return true;
}

static void read_map(struct yaml_reader *r, const struct config_row *row)
{
    const char *names[KEYS_MAX];
    struct setting_map seen = {0};
    char full[KEY_MAX];
    yaml_mark_t mark;
    bool usable, null;
    if (is_null(r))
        return;
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        tell_shape(r, row->key, "a mapping such as {name: value}");
        return;
    }
    while (next_key(r, row->key, &seen, names, full, &mark, &usable)) {
        const char *text;
        if (!usable)
            continue;
        if (!scalar_text(r, &text, &null)) {
            tell_shape(r, full, "a single value");
            continue;
        }
        struct config_origin at = origin_here(r, full);
        config_store_entry(r->build, row, full + strlen(row->key) + 1, null ? NULL : text, &at);
    }
}

static void read_section(struct yaml_reader *r, const char *prefix);

static void read_unknown(struct yaml_reader *r, const char *key, yaml_mark_t mark)
{
    char nearest[KEY_MAX];
    struct config_origin at = origin_at(mark, key);
    config_problem(r->build, &at, "unknown setting; the nearest known name is '%s'",
                   config_nearest(key, nearest, sizeof nearest));
    skip_node(r);
}

static void read_value(struct yaml_reader *r, const char *key, yaml_mark_t mark)
{
    const struct config_row *row = config_row_find(key);
    if (row && config_origin_of(r->build, row)->from == CONFIG_FROM_FILE) {
        struct config_origin at = origin_at(mark, key);
        config_problem(r->build, &at, "is set twice, first in line %zu; keep one",
                       config_origin_of(r->build, row)->line);
        skip_node(r);
    } else if (row && row->kind == SETTING_KIND_LIST) {
        read_list(r, row);
    } else if (row && row->kind == SETTING_KIND_MAP) {
        read_map(r, row);
    } else if (row) {
        read_scalar(r, row);
    } else if (!config_is_section(key)) {
        read_unknown(r, key, mark);
    } else if (r->event.type == YAML_MAPPING_START_EVENT) {
        read_section(r, key);
    } else if (!is_null(r)) {
        tell_shape(r, key, "a section with settings below it");
    }
}

/* The current event starts the mapping. Recursive, as deep as config.def nests: only known
 * sections come here. */
static void read_section(struct yaml_reader *r, const char *prefix)
{
    const char *names[KEYS_MAX];
    struct setting_map seen = {0};
    char full[KEY_MAX];
    yaml_mark_t mark;
    bool usable;
    while (next_key(r, prefix, &seen, names, full, &mark, &usable))
        if (usable)
            read_value(r, full, mark);
}

static void read_stream(struct yaml_reader *r)
{
    if (!next_event(r) || !next_event(r) || r->event.type == YAML_STREAM_END_EVENT)
        return;
    if (!next_event(r))
        return;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        read_section(r, "");
    else if (!is_null(r))
        tell_shape(r, NULL, "settings as 'name: value' lines");
    if (!next_event(r) || !next_event(r) || r->event.type == YAML_STREAM_END_EVENT)
        return;
    struct config_origin at = origin_here(r, NULL);
    config_problem(r->build, &at, "a second document starts here; only one is supported");
}

void config_read_yaml(struct config_build *build, struct slice text)
{
    struct yaml_reader r = {.build = build, .text = text};
    struct config_origin at = {.from = CONFIG_FROM_FILE};
    if (!yaml_parser_initialize(&r.parser)) {
        config_problem(build, &at, "no memory to read it");
        return;
    }
    yaml_parser_set_input_string(&r.parser, text.data, text.size);
    read_stream(&r);
    drop_event(&r);
    yaml_parser_delete(&r.parser);
}

/* The settings decide everything, so nobody else may write them. *shown: others may read them. */
static enum status read_trusted(const char *path, struct writer *text, bool *shown,
                                struct problem *problem)
{
    struct stat st;
    int fd;
    *shown = false;
    writer_init(text, FILE_READ_MAX);
    enum status s = trusted_file_open(path, TRUSTED_PUBLIC, &fd, problem);
    if (s != STATUS_OK)
        return s;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        *shown = trusted_file_problem(TRUSTED_SECRET, &st, geteuid()) != NULL;
    s = trusted_file_read_rest(fd, text, problem);
    close(fd);
    return s;
}

void config_read_file(struct config_build *build)
{
    struct config_origin at = {.from = CONFIG_FROM_FILE};
    struct writer text;
    struct problem problem;
    bool shown;
    enum status s = read_trusted(build->path, &text, &shown, &problem);
    build->unread = s != STATUS_OK;
    if (s != STATUS_OK)
        config_problem_untrusted(build, &at, build->path, s, problem.text);
    else if (text.size > FILE_MAX)
        config_problem(build, &at, "is larger than 1 MiB; is it the settings file?");
    else
        config_read_yaml(build, writer_slice(&text));
    if (shown && build->secret.name)
        config_problem(build, &build->secret,
                       "holds a secret, and users other than the owner of this file may read it: "
                       "chmod 600 (640 if root owns it)");
    if (text.data)
        explicit_bzero(text.data, text.size);
    writer_fini(&text);
}
