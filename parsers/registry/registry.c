/* registry.c: finds the parser of a body. Any thread once it is built. Does not load plug-ins: its
 * caller adds their parsers. */
#include "parsers/registry/registry.h"
#include "parsers/registry/builtin.h"
#include "parsers/registry/parser_check.h"
#include "parsers/registry/text_body.h"

#include <stdio.h>
#include <stdlib.h>

static const struct parser *const builtin[] = {
#define X(name) &parser_##name,
    BUILTIN_PARSERS(X)
#undef X
};

#define BUILTIN_COUNT (sizeof builtin / sizeof *builtin)

/* Parsers that override, then built-in ones, then added ones. */
enum group { GROUP_OVERRIDING, GROUP_BUILTIN, GROUP_ADDED, GROUP_COUNT };

struct registry {
    const struct parser **parsers; /* group after group */
    size_t count;
    size_t ends[GROUP_COUNT];
};

struct registry *registry_create(void)
{
    struct registry *registry = malloc(sizeof *registry);
    const struct parser **parsers = malloc(sizeof builtin);
    if (!registry || !parsers) {
        free(registry);
        free(parsers);
        return NULL;
    }
    memcpy(parsers, builtin, sizeof builtin);
    *registry = (struct registry){parsers, BUILTIN_COUNT, {0, BUILTIN_COUNT, BUILTIN_COUNT}};
    return registry;
}

void registry_destroy(struct registry *registry)
{
    if (!registry)
        return;
    free(registry->parsers);
    free(registry);
}

bool registry_is_builtin(const struct parser *parser)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (builtin[i] == parser)
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
    memmove(registry->parsers + i, registry->parsers + i + 1,
            (registry->count - i - 1) * sizeof *registry->parsers);
    registry->count--;
    for (size_t group = 0; group < GROUP_COUNT; group++)
        if (i < registry->ends[group])
            registry->ends[group]--;
}

static void put_last_of(struct registry *registry, size_t group, const struct parser *parser)
{
    size_t i = registry->ends[group];
    memmove(registry->parsers + i + 1, registry->parsers + i,
            (registry->count - i) * sizeof *registry->parsers);
    registry->parsers[i] = parser;
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
    const struct parser **larger =
        realloc(registry->parsers, (registry->count + 1) * sizeof *larger);
    if (!larger)
        return STATUS_NO_MEMORY;
    registry->parsers = larger;
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
    return i < registry->count ? registry->parsers[i] : NULL;
}

const struct parser *registry_by_name(const struct registry *registry, struct slice name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (slice_equal_text(name, registry->parsers[i]->name))
            return registry->parsers[i];
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
        if (takes_type(registry->parsers[i], media_type))
            return registry->parsers[i];
    return NULL;
}

#define PROBE_BYTES 4096

static const struct parser *probe_some(const struct registry *registry, size_t from, size_t to,
                                       struct slice head)
{
    const struct parser *best = NULL;
    int best_score = 0;
    for (size_t i = from; i < to; i++) {
        const struct parser *parser = registry->parsers[i];
        int score = parser->probe ? parser->probe(head) : 0;
        if (score > best_score) {
            best_score = score;
            best = parser;
        }
    }
    return best;
}

static const struct parser *probe(const struct registry *registry, struct slice head)
{
    const struct parser *found = NULL;
    size_t from = 0;
    for (size_t group = 0; !found && group < GROUP_COUNT; group++) {
        found = probe_some(registry, from, registry->ends[group], head);
        from = registry->ends[group];
    }
    return found;
}

/* A text may start with a byte order mark and blank lines, which are not records. */
const struct parser *registry_probe(const struct registry *registry, struct slice head)
{
    head = slice_sub(head, 0, PROBE_BYTES);
    const struct parser *found = text_body_is_utf16(head) ? NULL : probe(registry, head);
    size_t skipped = found ? 0 : text_body_head_bytes(head);
    return skipped ? probe(registry, slice_sub(head, skipped, head.size)) : found;
}

size_t registry_index(const struct registry *registry, const struct parser *parser)
{
    size_t i = 0;
    while (i < registry->count && registry->parsers[i] != parser)
        i++;
    return i;
}
