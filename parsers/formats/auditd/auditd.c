/* auditd.c: logs of Linux audit (auditd, audisp, the kernel's log) → one event for all records of a
 * node, time and serial number. Pure, any thread. Finds which lines belong together; audit_event.c
 * makes events of them. */
#include "parsers/formats/auditd/audit_event.h"
#include "parsers/read/record_refuse.h"
#include "parsers/registry/builtin.h"
#include "parsers/engine/pipeline.h"

/* Limits of events whose records may interleave, and of lines that may wait for the rest of their
 * event. An event is complete when later ones exceed either limit, or at the end of the body:
 * records may be reordered, and the last ones lost. */
#define OPEN_MAX  64
#define LINES_MAX 1024
#define NO_LINE   LINES_MAX

/* Cost of a line that only waits for others, in addition to its bytes. */
#define WORK_OF_LINE 128

struct waiting_line {
    struct slice type, text; /* of its header; the rest of it is that of its event's first line */
    uint16_t next;           /* of the same event, or of the free ones; NO_LINE: none */
};

struct open_event {
    struct audit_header first;
    size_t start, end; /* of its lines in the body */
    uint16_t head, tail;
};

struct auditd {
    const struct parser_context *context;
    struct open_event open[OPEN_MAX]; /* ring, oldest at `oldest` */
    size_t oldest, count;
    struct waiting_line lines[LINES_MAX];
    uint16_t free;  /* first free line of those below fresh; NO_LINE: none */
    uint16_t fresh; /* lines from this one on have never been used */
};

static void auditd_init(struct auditd *a, const struct parser_context *context)
{
    a->context = context;
    a->oldest = a->count = 0;
    a->free = NO_LINE;
    a->fresh = 0;
}

/* False: no further line, or the work was stopped. */
static bool next_line(struct slice body, struct work *work, size_t *at, struct slice *line)
{
    if (*at >= body.size || !work_add(work, WORK_OF_LINE))
        return false;
    size_t end = work_find(work, body, *at, '\n');
    *line = slice_sub(body, *at, end - *at);
    *at = end + (end < body.size);
    if (line->size && line->data[line->size - 1] == '\r')
        line->size--;
    return true;
}

/* ---- events ---- */

/* Builds the event of its lines, which are free then. */
static void build(struct auditd *a, const struct open_event *open, struct parser_outcome *outcome)
{
    struct audit_header header = open->first;
    struct audit_event e;
    audit_event_init(&e, a->context, &open->first);
    for (uint16_t i = open->head; i != NO_LINE; i = a->lines[i].next) {
        header.type = a->lines[i].type;
        header.text = a->lines[i].text;
        audit_event_add(&e, &header);
    }
    a->lines[open->tail].next = a->free;
    a->free = open->head;
    audit_event_emit(&e, open->start, open->end - open->start, outcome);
}

static void emit_oldest(struct auditd *a)
{
    const struct open_event *open = &a->open[a->oldest];
    struct parser_outcome outcome = {.result = PARSER_OK};
    const void *mark = a->context->mark(a->context);
    build(a, open, &outcome);
    a->context->release(a->context, mark);
    if (outcome.result != PARSER_OK)
        record_reject_outcome(a->context, open->start, open->end - open->start, &outcome);
    a->oldest = (a->oldest + 1) % OPEN_MAX;
    a->count--;
}

/* The open event that a record ending at `end` belongs to; NULL when the record begins one.
 * Searches the newest first: most records follow each other. No event grows beyond its limit. */
static struct open_event *find(struct auditd *a, const struct audit_header *header, size_t end)
{
    for (size_t i = a->count; i-- > 0;) {
        struct open_event *open = &a->open[(a->oldest + i) % OPEN_MAX];
        if (audit_header_is_same(&open->first, header))
            return end - open->start <= a->context->event_bytes ? open : NULL;
    }
    return NULL;
}

static struct open_event *begin(struct auditd *a, const struct audit_header *header, size_t start)
{
    if (a->count == OPEN_MAX)
        emit_oldest(a);
    struct open_event *open = &a->open[(a->oldest + a->count++) % OPEN_MAX];
    *open = (struct open_event){.first = *header, .start = start, .head = NO_LINE};
    return open;
}

static bool has_free_line(const struct auditd *a)
{
    return a->free != NO_LINE || a->fresh < LINES_MAX;
}

static uint16_t take_line(struct auditd *a)
{
    uint16_t i = a->free;
    if (i == NO_LINE)
        return a->fresh++;
    a->free = a->lines[i].next;
    return i;
}

static void take_record(struct auditd *a, const struct audit_header *header, struct slice line,
                        size_t start)
{
    if (!has_free_line(a))
        emit_oldest(a);
    struct open_event *open = find(a, header, start + line.size);
    if (!open)
        open = begin(a, header, start);
    uint16_t i = take_line(a);
    a->lines[i] = (struct waiting_line){header->type, header->text, NO_LINE};
    if (open->head == NO_LINE)
        open->head = i;
    else
        a->lines[open->tail].next = i;
    open->tail = i;
    open->end = start + line.size;
}

static bool is_blank(struct slice line)
{
    return !slice_trim(line).size;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct auditd a;
    struct audit_header header;
    struct slice line;
    size_t at = slice_starts_with(record, "\xEF\xBB\xBF") ? 3 : 0; /* byte order mark */
    (void)outcome;
    auditd_init(&a, context);
    for (size_t start = at; next_line(record, pipeline_work(context), &at, &line); start = at) {
        if (pipeline_is_over(context))
            return;
        if (audit_header_read(line, &header))
            take_record(&a, &header, line, start);
        else if (!is_blank(line))
            record_reject(context, start, line.size, RECORD_not_of_format,
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
    while (next_line(head, NULL, &at, &line) && is_blank(line))
        ;
    return head.size && audit_header_read(line, &header) && header.has_serial ? 85 : 0;
}

const struct parser parser_auditd = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "auditd",
    .version = "1.0.0",
    .description = "logs of Linux audit with SELinux and AppArmor messages, records joined",
    .framing = PARSER_FRAMING_BODY,
    .probe = probe,
    .guessed_by = "`type=TYPE msg=audit(…:…)` in the first line",
    .parse = parse,
};
