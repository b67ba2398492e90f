/* host.h: as much of a server as tests of one parser need: runs it over a body and writes down what
 * it hands over, a line an item. */
#ifndef HOST_H
#define HOST_H

#include <parsers/parser.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_ITEMS 256

static inline void host_require(bool holds)
{
    if (!holds)
        abort();
}

struct host_item {
    size_t offset, size; /* in the body */
    char text[256];
};

struct host {
    struct slice body;
    size_t count;
    struct host_item items[HOST_ITEMS];
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

static inline int host_hex(char *out, size_t room, struct slice bytes)
{
    int n = 0;
    for (size_t i = 0; i < bytes.size && (size_t)n + 3 < room; i++)
        n += snprintf(out + n, room - (size_t)n, "%02X", bytes.data[i]);
    return n;
}

static inline void host_emit(const struct parser_context *context, struct event *event)
{
    struct host_item *item = host_item(context, (size_t)event->raw_offset, (size_t)event->raw_size);
    size_t room = sizeof item->text;
    int n = snprintf(item->text, room, "%.*s", SLICE_ARGS(event->event_name));
    if (EVENT_HAS(event, time_event_ns))
        n += snprintf(item->text + n, room - (size_t)n, " %" PRId64, event->time_event_ns);
    if (EVENT_HAS(event, bus_id))
        n += snprintf(item->text + n, room - (size_t)n, " bus %.*s", SLICE_ARGS(event->bus_id));
    if (EVENT_HAS(event, can_id))
        n += snprintf(item->text + n, room - (size_t)n, " id %" PRIX64, (uint64_t)event->can_id);
    if (EVENT_HAS(event, can_flags))
        n += snprintf(item->text + n, room - (size_t)n, " flags %" PRId64, event->can_flags);
    if (EVENT_HAS(event, message) && event->message.size < 80)
        n += snprintf(item->text + n, room - (size_t)n, " '%.*s'", SLICE_ARGS(event->message));
    n += snprintf(item->text + n, room - (size_t)n, " %.*s", SLICE_ARGS(event->attributes));
    if (EVENT_HAS(event, context_raw)) {
        item->text[n++] = ' ';
        host_hex(item->text + n, room - (size_t)n, event->context_raw);
    }
}

static inline void host_reject(const struct parser_context *context, size_t offset, size_t size,
                               const char *code, const char *detail)
{
    struct host_item *item = host_item(context, offset, size);
    snprintf(item->text, sizeof item->text, "%s: %s", code, detail);
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
    const struct parser_context context = {
        .struct_size = sizeof context, .emit = host_emit, .reject = host_reject, .server = host};
    parser->probe(slice_sub(host->body, 0, 4096));
    parser->parse(host->body, &context, &outcome);
    host_require(outcome.result == PARSER_OK);
    free(copy);
}

#endif
