/* registry.c: finds the parser of a body. Any thread once it is built. Loads no plug-ins. */
#include "parsers/registry.h"
#include "parsers/builtin.h"

#include <stdlib.h>

struct registry {
    const struct parser *const *parsers;
    size_t count;
};

static const struct parser *const builtin[] = {
#define X(name) &parser_##name,
    BUILTIN_PARSERS(X)
#undef X
};

struct registry *registry_create(void)
{
    struct registry *registry = malloc(sizeof *registry);
    if (registry)
        *registry = (struct registry){builtin, sizeof builtin / sizeof *builtin};
    return registry;
}

void registry_destroy(struct registry *registry)
{
    free(registry);
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

const struct parser *registry_probe(const struct registry *registry, struct slice head)
{
    const struct parser *best = NULL;
    int best_score = 0;
    head = slice_sub(head, 0, PROBE_BYTES);
    for (size_t i = 0; i < registry->count; i++) {
        const struct parser *parser = registry->parsers[i];
        int score = parser->probe ? parser->probe(head) : 0;
        if (score > best_score) {
            best_score = score;
            best = parser;
        }
    }
    return best;
}

bool registry_is_probed_type(struct slice media_type)
{
    return slice_equal_nocase(media_type, "text/plain") ||
           slice_equal_nocase(media_type, "application/octet-stream");
}

size_t registry_index(const struct registry *registry, const struct parser *parser)
{
    size_t i = 0;
    while (i < registry->count && registry->parsers[i] != parser)
        i++;
    return i;
}
