/* normaliser.c: memory and notes for the steps of normalisation. Runs on the thread that parses.
 * The steps: normalise.c, vehicle.c, dedup_key.c. */
#include "parsers/engine/normaliser.h"
#include "core/reasons/record_code.h"
#include "parsers/read/json/json_object.h"

static void *arena_for_context(const struct parser_context *context, size_t size)
{
    return arena_alloc(context->server, size);
}

struct parser_context normaliser_context(const struct normaliser *n)
{
    return n->context ? *n->context
                      : (struct parser_context){.struct_size = sizeof(struct parser_context),
                                                .alloc = arena_for_context,
                                                .server = n->arena};
}

bool normalise_note(struct normaliser *n, struct event *event, enum record_code code,
                    const char *detail)
{
    struct parser_context context = normaliser_context(n);
    return json_note_add(&context, event, code, detail, JSON_NOTE_NO_OFFSET);
}
