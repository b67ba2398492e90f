/* context_layout.h: how an event's context data map to columns. The catalogue says which event has
 * which layout; docs/catalog.md has the language. Immutable once read; thread: any. */
#ifndef VSOC_PARSERS_CONTEXT_LAYOUT_H
#define VSOC_PARSERS_CONTEXT_LAYOUT_H

#include "core/arena.h"
#include "core/event.h"
#include "core/status.h"
#include "parsers/parser.h"

struct context_layout;

struct context_layout_problem {
    size_t offset; /* byte of the text near which it is wrong */
    const char *detail;
};

/* Reads a layout such as "uds_sid:u8 uds_sub:u8!255 -:hex2". version: of the context data that it
 * is for, -1: any. The layout and its names live in the arena. MALFORMED with *problem; NO_MEMORY.
 */
enum status context_layout_read(struct arena *arena, struct slice text, int64_t version,
                                const struct context_layout **out,
                                struct context_layout_problem *problem) must_check;

/* Sets the columns that event->context_raw contains and that are not set yet; values without a
 * column go to attributes.context. Sets nothing when the version, the size or a required value
 * differs. Memory comes from context. False: out of memory. */
bool context_layout_apply(const struct context_layout *layout, const struct parser_context *context,
                          struct event *event) must_check;

#endif
