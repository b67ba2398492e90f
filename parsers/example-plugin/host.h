/* host.h: as much of a server as tests of one parser need: runs it over a body, or over one record
 * of a parser with another framing, and writes down what it hands over, a line an item. It has no
 * hand_on. */
#ifndef HOST_H
#define HOST_H

#include <parsers/parser.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_ITEMS  256
#define HOST_TEXT   256
#define HOST_ALLOCS 4096 /* pieces of memory in a call; more: the limit is reached */

static inline void host_require(bool holds)
{
    if (!holds)
        abort();
}

struct host_item {
    size_t offset, size; /* in the body */
    char text[HOST_TEXT];
};

struct host {
    struct slice body;
    size_t count;
    struct host_item items[HOST_ITEMS];
    size_t allocs;
    void *memory[HOST_ALLOCS];
};

static inline struct host_item *host_item(const struct parser_context *context, size_t offset,
                                          size_t size)
{
    struct host *host = context->server;
    host_require(offset <= host->body.size && size <= host->body.size - offset);
    struct host_item *item = &host->items[host->count < HOST_ITEMS ? host->count++ : 0];
    *item = (struct host_item){.offset = offset, .size = size};
    return item;
}

/* Adds to the item's text, which is cut where its room ends. */
static inline void host_add(struct host_item *item, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void host_add(struct host_item *item, const char *format, ...)
{
    size_t used = strlen(item->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->text + used, sizeof item->text - used, format, arguments);
    va_end(arguments);
}

static inline void host_emit(const struct parser_context *context, struct event *event)
{
    /* Only BODY parsers set a place; an item of the others is the whole record. */
    const struct host *host = context->server;
    bool placed = EVENT_HAS(event, raw_offset) && EVENT_HAS(event, raw_size);
    host_require(placed || vsoc_parser_plugin()->framing != PARSER_FRAMING_BODY);
    struct host_item *item = host_item(context, placed ? (size_t)event->raw_offset : 0,
                                       placed ? (size_t)event->raw_size : host->body.size);
    if (EVENT_HAS(event, event_name))
        host_add(item, "%.*s", SLICE_ARGS(event->event_name));
    if (EVENT_HAS(event, time_event_ns))
        host_add(item, " %" PRId64, event->time_event_ns);
    if (EVENT_HAS(event, bus_id))
        host_add(item, " bus %.*s", SLICE_ARGS(event->bus_id));
    if (EVENT_HAS(event, can_id))
        host_add(item, " id %" PRIX64, (uint64_t)event->can_id);
    if (EVENT_HAS(event, can_flags))
        host_add(item, " flags %" PRId64, event->can_flags);
    if (EVENT_HAS(event, message) && event->message.size < 80)
        host_add(item, " '%.*s'", SLICE_ARGS(event->message));
    if (EVENT_HAS(event, attributes))
        host_add(item, " %.*s", SLICE_ARGS(event->attributes));
    if (EVENT_HAS(event, context_raw)) {
        host_add(item, " ");
        for (size_t i = 0; i < event->context_raw.size && i < HOST_TEXT; i++)
            host_add(item, "%02X", event->context_raw.data[i]);
    }
}

static inline void host_reject(const struct parser_context *context, size_t offset, size_t size,
                               const char *code, const char *detail)
{
    struct host_item *item = host_item(context, offset, size);
    host_add(item, "%s: %s", code, detail);
}

static inline void *host_alloc(const struct parser_context *context, size_t size)
{
    struct host *host = context->server;
    if (host->allocs == HOST_ALLOCS || size > context->event_bytes)
        return NULL;
    void *memory = malloc(size ? size : 1);
    host_require(memory);
    host->memory[host->allocs++] = memory;
    return memory;
}

static inline const void *host_mark(const struct parser_context *context)
{
    struct host *host = context->server;
    return &host->memory[host->allocs];
}

static inline void host_release(const struct parser_context *context, const void *mark)
{
    struct host *host = context->server;
    while (mark && &host->memory[host->allocs] != mark)
        free(host->memory[--host->allocs]);
}

/* Runs the parser over a copy of body that ends where its memory ends. */
static inline void host_run(struct host *host, struct slice body)
{
    const struct parser *parser = vsoc_parser_plugin();
    struct parser_outcome outcome = {.result = PARSER_NOT_MINE};
    uint8_t *copy = malloc(body.size ? body.size : 1);
    host_require(copy);
    memcpy(copy, body.data, body.size);
    host->body = slice_make(copy, body.size);
    host->count = 0;
    host->allocs = 0;
    const struct parser_context context = {.struct_size = sizeof context,
                                           .json_depth = 32,
                                           .event_bytes = 256 * 1024,
                                           .alloc = host_alloc,
                                           .emit = host_emit,
                                           .reject = host_reject,
                                           .mark = host_mark,
                                           .release = host_release,
                                           .server = host};
    if (parser->probe)
        parser->probe(slice_sub(host->body, 0, 4096));
    parser->parse(host->body, &context, &outcome);
    host_require(outcome.result == PARSER_OK || parser->framing != PARSER_FRAMING_BODY);
    host_release(&context, host->memory);
    free(copy);
}

#endif
