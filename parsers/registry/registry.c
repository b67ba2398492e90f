/* registry.c: finds the parser of a body. Any thread once it is built. Does not load plug-ins: its
 * caller adds their parsers. */
#include "parsers/registry/registry.h"
#include "parsers/registry/builtin.h"
#include "parsers/registry/parser_check.h"
#include "parsers/registry/text_body.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* A parser with the most that its probe answers. */
struct entry {
    const struct parser *parser;
    int most;
};

static const struct entry builtin[] = {
#define X(name, most) {&parser_##name, most},
    BUILTIN_PARSERS(X)
#undef X
};

#define BUILTIN_COUNT (sizeof builtin / sizeof *builtin)
#define MOST_OF_ADDED INT_MAX

/* Parsers that override, then built-in ones, then added ones. */
enum group { GROUP_OVERRIDING, GROUP_BUILTIN, GROUP_ADDED, GROUP_COUNT };

struct registry {
    struct entry *entries; /* group after group */
    size_t count;
    size_t ends[GROUP_COUNT];
};

struct registry *registry_create(void)
{
    struct registry *registry = malloc(sizeof *registry);
    struct entry *entries = malloc(sizeof builtin);
    if (!registry || !entries) {
        free(registry);
        free(entries);
        return NULL;
    }
    memcpy(entries, builtin, sizeof builtin);
    *registry = (struct registry){entries, BUILTIN_COUNT, {0, BUILTIN_COUNT, BUILTIN_COUNT}};
    return registry;
}

void registry_destroy(struct registry *registry)
{
    if (!registry)
        return;
    free(registry->entries);
    free(registry);
}

bool registry_is_builtin(const struct parser *parser)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (builtin[i].parser == parser)
            return true;
    return false;
}

/* Finds the parser that already has a name or media type of parser: *what is that name or type. */
static const struct parser *find_rival(const struct registry *registry, const struct parser *parser,
                                       bool override, const char **what)
{
    const struct parser *rival = registry_by_name(registry, slice_from_text(parser->name));
    *what = parser->name;
    if (rival && !(override && registry_is_builtin(rival)))
        return rival;
    for (const char *const *type = parser->content_types; type && *type; type++) {
        rival = registry_by_content_type(registry, slice_from_text(*type));
        *what = *type;
        if (rival && !(override && registry_is_builtin(rival)))
            return rival;
    }
    return NULL;
}

static void tell_rival(const struct parser *parser, const struct parser *rival, const char *what,
                       bool override, char reason[REGISTRY_REASON])
{
    const char *advice = registry_is_builtin(rival) && !override
                             ? "; 'override:' before the file gives it to the plug-in"
                             : "";
    if (what == parser->name)
        snprintf(reason, REGISTRY_REASON, "there is a format '%s' already%s", what, advice);
    else
        snprintf(reason, REGISTRY_REASON, "media type '%s' is of the format '%s' already%s", what,
                 rival->name, advice);
}

static void take_out(struct registry *registry, size_t i)
{
    memmove(registry->entries + i, registry->entries + i + 1,
            (registry->count - i - 1) * sizeof *registry->entries);
    registry->count--;
    for (size_t group = 0; group < GROUP_COUNT; group++)
        if (i < registry->ends[group])
            registry->ends[group]--;
}

static void put_last_of(struct registry *registry, size_t group, const struct parser *parser)
{
    size_t i = registry->ends[group];
    memmove(registry->entries + i + 1, registry->entries + i,
            (registry->count - i) * sizeof *registry->entries);
    registry->entries[i] = (struct entry){parser, MOST_OF_ADDED};
    registry->count++;
    for (; group < GROUP_COUNT; group++)
        registry->ends[group]++;
}

enum status registry_add(struct registry *registry, const struct parser *parser, bool override,
                         char reason[REGISTRY_REASON])
{
    const char *what;
    if (!parser_check(parser, reason))
        return STATUS_REFUSED;
    const struct parser *rival = find_rival(registry, parser, override, &what);
    if (rival) {
        tell_rival(parser, rival, what, override, reason);
        return STATUS_REFUSED;
    }
    struct entry *larger = realloc(registry->entries, (registry->count + 1) * sizeof *larger);
    if (!larger)
        return STATUS_NO_MEMORY;
    registry->entries = larger;
    const struct parser *same = registry_by_name(registry, slice_from_text(parser->name));
    if (same)
        take_out(registry, registry_index(registry, same));
    put_last_of(registry, override ? GROUP_OVERRIDING : GROUP_ADDED, parser);
    return STATUS_OK;
}

size_t registry_count(const struct registry *registry)
{
    return registry->count;
}

const struct parser *registry_at(const struct registry *registry, size_t i)
{
    return i < registry->count ? registry->entries[i].parser : NULL;
}

const struct parser *registry_by_name(const struct registry *registry, struct slice name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (slice_equal_text(name, registry->entries[i].parser->name))
            return registry->entries[i].parser;
    return NULL;
}

static bool takes_type(const struct parser *parser, struct slice media_type)
{
    for (const char *const *type = parser->content_types; type && *type; type++)
        if (slice_equal_nocase(media_type, *type))
            return true;
    return false;
}

const struct parser *registry_by_content_type(const struct registry *registry,
                                              struct slice media_type)
{
    for (size_t i = 0; i < registry->count; i++)
        if (takes_type(registry->entries[i].parser, media_type))
            return registry->entries[i].parser;
    return NULL;
}

#define PROBE_BYTES 4096
#define NO_ENTRY    SIZE_MAX

/* The surest so far. */
struct best {
    size_t entry;
    int score;
};

/* An earlier parser wins a tie. */
static void ask(const struct registry *registry, size_t i, struct slice head, struct best *best)
{
    const struct parser *parser = registry->entries[i].parser;
    int score = parser->probe ? parser->probe(head) : 0;
    if (score > best->score || (score && score == best->score && i < best->entry))
        *best = (struct best){i, score};
}

static bool can_win(const struct registry *registry, size_t i, const struct best *best)
{
    int most = registry->entries[i].most;
    return most > best->score || (most && most == best->score && i < best->entry);
}

/* Asks first the one that most likely answers, and then those that may still be surer. */
static size_t probe_some(const struct registry *registry, size_t from, size_t to, struct slice head,
                         size_t likely)
{
    struct best best = {NO_ENTRY, 0};
    if (likely >= from && likely < to)
        ask(registry, likely, head, &best);
    for (size_t i = from; i < to; i++)
        if (i != likely && can_win(registry, i, &best))
            ask(registry, i, head, &best);
    return best.entry;
}

static const struct parser *probe(const struct registry *registry, struct slice head,
                                  struct registry_hints *hints)
{
    uint8_t *hint = hints && head.size ? &hints->likely[head.data[0]] : NULL;
    size_t from = 0, likely = hint && *hint ? *hint - 1u : NO_ENTRY, found = NO_ENTRY;
    for (size_t group = 0; found == NO_ENTRY && group < GROUP_COUNT; group++) {
        found = probe_some(registry, from, registry->ends[group], head, likely);
        from = registry->ends[group];
    }
    if (hint && found < UINT8_MAX)
        *hint = (uint8_t)(found + 1);
    return found == NO_ENTRY ? NULL : registry->entries[found].parser;
}

/* A text may start with a byte order mark and blank lines, which are not records. */
const struct parser *registry_probe_again(const struct registry *registry, struct slice head,
                                          struct registry_hints *hints)
{
    head = slice_sub(head, 0, PROBE_BYTES);
    const struct parser *found = text_body_is_utf16(head) ? NULL : probe(registry, head, hints);
    size_t skipped = found ? 0 : text_body_head_bytes(head);
    return skipped ? probe(registry, slice_sub(head, skipped, head.size), hints) : found;
}

const struct parser *registry_probe(const struct registry *registry, struct slice head)
{
    return registry_probe_again(registry, head, NULL);
}

size_t registry_index(const struct registry *registry, const struct parser *parser)
{
    size_t i = 0;
    while (i < registry->count && registry->entries[i].parser != parser)
        i++;
    return i;
}
