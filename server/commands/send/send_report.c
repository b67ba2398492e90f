/* send_report.c: reads the reports that the server answers with. Main thread. */
#include "server/commands/send/send_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/json/json.h"
#include "core/writer.h"

/* A report has at most 100 errors of four members. */
#define NODES_MAX 4096
#define DEPTH_MAX 16

enum status send_totals_init(struct send_totals *totals)
{
    *totals = (struct send_totals){.json = json_parser_create(DEPTH_MAX, NODES_MAX)};
    return totals->json ? STATUS_OK : STATUS_NO_MEMORY;
}

void send_totals_fini(struct send_totals *totals)
{
    json_parser_destroy(totals->json);
    totals->json = NULL;
}

void send_totals_error(struct send_totals *totals, const char *format, ...)
{
    if (totals->errors_count++ >= SEND_ERRORS_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(totals->errors[totals->errors_count - 1], sizeof totals->errors[0], format, args);
    va_end(args);
}

/* Parses a copy of the document with the padding that the reader requires; the texts live in the
 * parser until its next call. */
static bool parse(struct send_totals *totals, struct slice body, struct writer *copy,
                  struct json_document *document)
{
    static const uint8_t padding[JSON_PADDING];
    struct json_error error;
    writer_init(copy, body.size + 2 * JSON_PADDING);
    writer_add_slice(copy, body);
    writer_bytes(copy, padding, sizeof padding);
    return copy->status == STATUS_OK && body.size > 0 &&
           json_parse(totals->json, slice_make(copy->data, body.size), document, &error) ==
               STATUS_OK &&
           document->nodes[0].type == JSON_OBJECT;
}

static bool read_count(const struct json_document *d, size_t parent, const char *key, uint64_t *out)
{
    const struct json_node *n = json_find(d, parent, key);
    if (!n || n->type != JSON_INT || n->integer < 0)
        return false;
    *out = (uint64_t)n->integer;
    return true;
}

static struct slice read_text(const struct json_document *d, size_t parent, const char *key)
{
    const struct json_node *n = json_find(d, parent, key);
    return n && n->type == JSON_STRING ? n->text : SLICE_EMPTY;
}

static void add_errors(struct send_totals *totals, const struct json_document *d, const char *file,
                       size_t offset)
{
    const struct json_node *list = json_find(d, 0, "errors");
    if (!list || list->type != JSON_ARRAY)
        return;
    size_t start = (size_t)(list - d->nodes);
    for (size_t k = start + 1; k < start + list->span; k += d->nodes[k].span) {
        uint64_t index = 0, at = 0;
        struct slice code = read_text(d, k, "code"), detail = read_text(d, k, "detail");
        if (read_count(d, k, "index", &index) && read_count(d, k, "offset", &at))
            send_totals_error(
                totals, "%.150s: byte %" PRIu64 ", event %" PRIu64 " of its batch: %.*s: %.*s",
                file, at + offset, index, SLICE_ARGS(code), SLICE_ARGS(detail));
    }
}

enum status send_totals_add(struct send_totals *totals, struct slice body, const char *file,
                            size_t offset, const char *wanted_ack)
{
    struct json_document d;
    struct writer copy;
    uint64_t accepted, duplicates, quarantined;
    bool good = parse(totals, body, &copy, &d) && read_count(&d, 0, "accepted", &accepted) &&
                read_count(&d, 0, "duplicates", &duplicates) &&
                read_count(&d, 0, "quarantined", &quarantined);
    if (good) {
        const struct json_node *repeat = json_find(&d, 0, "duplicate");
        totals->batches++;
        totals->accepted += accepted;
        totals->duplicates += duplicates;
        totals->quarantined += quarantined;
        totals->repeated += repeat && repeat->type == JSON_BOOL && repeat->boolean;
        totals->below += wanted_ack && !slice_equal_text(read_text(&d, 0, "ack"), wanted_ack);
        add_errors(totals, &d, file, offset);
    }
    writer_fini(&copy);
    return good ? STATUS_OK : STATUS_MALFORMED;
}

void send_totals_reason(struct send_totals *totals, struct slice body, char *out, size_t room)
{
    struct json_document d;
    struct writer copy;
    *out = '\0';
    if (parse(totals, body, &copy, &d)) {
        struct slice code = read_text(&d, 0, "code"), detail = read_text(&d, 0, "detail");
        snprintf(out, room, "%.*s%s%.*s", SLICE_ARGS(code), code.size && detail.size ? ": " : "",
                 SLICE_ARGS(detail));
    }
    writer_fini(&copy);
}

void send_totals_refused(struct send_totals *totals, int status, struct slice body,
                         const char *file, size_t offset)
{
    char reason[256];
    send_totals_reason(totals, body, reason, sizeof reason);
    totals->failed++;
    send_totals_error(totals, "%.150s: batch at byte %zu: refused with %d%s%s", file, offset,
                      status, *reason ? " " : "", reason);
}

void send_totals_print(const struct send_totals *t)
{
    size_t shown = t->errors_count < SEND_ERRORS_MAX ? t->errors_count : SEND_ERRORS_MAX;
    for (size_t i = 0; i < shown; i++)
        fprintf(stderr, "%s\n", t->errors[i]);
    if (t->errors_count > shown)
        fprintf(stderr, "… and %zu more\n", t->errors_count - shown);
    printf("%" PRIu64 " batches acknowledged: %" PRIu64 " events accepted, %" PRIu64
           " duplicates, %" PRIu64 " quarantined\n",
           t->batches, t->accepted, t->duplicates, t->quarantined);
    if (t->repeated)
        printf("%" PRIu64 " of the batches had been stored before\n", t->repeated);
    if (t->failed)
        printf("%" PRIu64 " batches refused\n", t->failed);
    if (t->unknown)
        printf("%" PRIu64 " batches interrupted before the answer arrived\n", t->unknown);
    if (t->below)
        printf("%" PRIu64 " batches are in the spool, but the requested level was not reached in "
               "time\n",
               t->below);
}
