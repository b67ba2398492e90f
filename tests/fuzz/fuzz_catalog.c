/* fuzz_catalog.c: any bytes as a catalogue file. What must hold: a file that is refused says where
 * it is wrong; the layouts of one that is taken can be applied to any context data. */
#include <stdlib.h>

#include "core/arena.h"
#include "parsers/catalog/catalog_fill.h"

#define SEV_IDS 12 /* the corpus has rows for low ones */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t tails[] = {1, 8, 26, 40};

static void *alloc(const struct parser_context *context, size_t size)
{
    return arena_alloc(context->server, size);
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* The last bytes of the file are the context data. */
static void apply(const struct catalog *catalog, struct slice context_raw)
{
    for (int64_t sev_id = 0; sev_id < SEV_IDS; sev_id++) {
        struct arena arena;
        struct event event;
        arena_init(&arena, (size_t)16 << 20);
        struct parser_context context = {
            .struct_size = sizeof context, .alloc = alloc, .server = &arena};
        event_clear(&event);
        EVENT_SET(&event, sev_id, sev_id);
        EVENT_SET(&event, context_raw, context_raw);
        require(catalog_fill(catalog, NULL, SLICE_LITERAL("a"), "eve", &context, &event));
        arena_fini(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog_mistakes mistakes;
    struct catalog *catalog = catalog_create_builtin();
    require(catalog != NULL);
    enum status status = catalog_add_csv(catalog, slice_make(data, size), NULL, &mistakes);
    require((status == STATUS_MALFORMED) == (mistakes.count > 0));
    for (size_t i = 0; i < mistakes.count && i < CATALOG_MISTAKES; i++)
        require(mistakes.items[i].line && mistakes.items[i].column && mistakes.items[i].text[0]);
    if (status == STATUS_OK)
        for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
            if (tails[i] <= size)
                apply(catalog, slice_make(data + size - tails[i], tails[i]));
    catalog_destroy(catalog);
    return 0;
}
