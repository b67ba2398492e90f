/* auditd.c: logs of Linux audit (auditd, audisp, the kernel's log) → one event for all records of a
 * node, time and serial number. Pure, any thread. Finds which lines belong together; audit_event.c
 * makes events of them. */
#include "parsers/audit_event.h"
#include "parsers/builtin.h"

/* Events whose records may stand among each other. An event is ready when this many later ones have
 * begun, or at the end of the body: records come out of order, and their end may be lost. */
#define OPEN_MAX 64

struct open_event {
    struct audit_header first;
    size_t start, end; /* of its records in the body */
};

struct auditd {
    const struct parser_context *context;
    struct slice body;
    struct open_event open[OPEN_MAX]; /* ring, oldest at `oldest` */
    size_t oldest, count;
};

static bool next_line(struct slice body, size_t *at, struct slice *line)
{
    if (*at >= body.size)
        return false;
    struct slice rest = slice_sub(body, *at, body.size);
    const uint8_t *lf = memchr(rest.data, '\n', rest.size);
    *line = slice_sub(rest, 0, lf ? (size_t)(lf - rest.data) : rest.size);
    *at += line->size + (lf != NULL);
    if (line->size && line->data[line->size - 1] == '\r')
        line->size--;
    return true;
}

/* ---- events ---- */

/* Reads the records again: what stands between them belongs to others. */
static void emit(struct auditd *a, const struct open_event *open)
{
    const void *mark = a->context->mark(a->context);
    struct parser_outcome outcome = {.result = PARSER_MALFORMED, .code = "no_memory"};
    struct slice line, records = slice_sub(a->body, 0, open->end);
    struct audit_header header;
    struct audit_event e;
    size_t at = open->start;
    if (mark) {
        outcome.result = PARSER_OK;
        audit_event_init(&e, a->context, &open->first);
        while (next_line(records, &at, &line))
            if (audit_header_read(line, &header) && audit_header_is_same(&header, &open->first))
                audit_event_add(&e, &header);
        audit_event_emit(&e, open->start, open->end - open->start, &outcome);
        a->context->release(a->context, mark);
    }
    if (outcome.result != PARSER_OK)
        a->context->reject(a->context, open->start, open->end - open->start, outcome.code,
                           "limits.memory is reached");
}

static void emit_oldest(struct auditd *a)
{
    emit(a, &a->open[a->oldest]);
    a->oldest = (a->oldest + 1) % OPEN_MAX;
    a->count--;
}

/* The open event that a record ending at `end` belongs to; NULL when it begins one. Newest first:
 * most records follow each other. No event grows beyond what one may take. */
static struct open_event *find(struct auditd *a, const struct audit_header *header, size_t end)
{
    for (size_t i = a->count; i-- > 0;) {
        struct open_event *open = &a->open[(a->oldest + i) % OPEN_MAX];
        if (audit_header_is_same(&open->first, header))
            return end - open->start <= a->context->event_bytes ? open : NULL;
    }
    return NULL;
}

static void take_record(struct auditd *a, const struct audit_header *header, size_t start,
                        size_t end)
{
    struct open_event *open = find(a, header, end);
    if (open) {
        open->end = end;
        return;
    }
    if (a->count == OPEN_MAX)
        emit_oldest(a);
    a->open[(a->oldest + a->count++) % OPEN_MAX] = (struct open_event){*header, start, end};
}

static bool is_blank(struct slice line)
{
    return !slice_trim(line).size;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct auditd a = {.context = context, .body = record};
    struct audit_header header;
    struct slice line;
    size_t at = 0;
    (void)outcome;
    for (size_t start = at; next_line(record, &at, &line); start = at) {
        if (audit_header_read(line, &header))
            take_record(&a, &header, start, start + line.size);
        else if (!is_blank(line))
            context->reject(context, start, line.size, "not_of_format",
                            "line must start with type=TYPE msg=audit(SECONDS.MMM:SERIAL)");
    }
    while (a.count)
        emit_oldest(&a);
}

static int probe(struct slice head)
{
    struct audit_header header;
    struct slice line;
    size_t at = 0;
    while (next_line(head, &at, &line) && is_blank(line))
        ;
    return head.size && audit_header_read(line, &header) ? 85 : 0;
}

const struct parser parser_auditd = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "auditd",
    .version = "1.0.0",
    .description = "logs of Linux audit with SELinux and AppArmor messages, records joined",
    .framing = PARSER_FRAMING_BODY,
    .probe = probe,
    .parse = parse,
};
