/* kafka_map.c: walks the steps of a mapping and writes the event's JSON. Any thread. Decides no
 * name: those are in the .def files. */
#include "storage/sinks/kafka/kafka_map.h"

#include "core/clock.h"
#include "core/thread.h"

/* clang-format off */
#define HEAD(k, behind) .key = (k), .head = ",\"" k "\":" behind, .head_size = sizeof(",\"" k "\":" behind) - 1
#define MAP_OPEN(k) {.kind = KAFKA_MAP_OPEN, HEAD(k, "{"), .field = KAFKA_MAP_NO_FIELD},
#define MAP_OPEN_IF(k, f) {.kind = KAFKA_MAP_OPEN, HEAD(k, "{"), .field = EVENT_##f},
#define MAP_OPEN_ITEM(k) {.kind = KAFKA_MAP_OPEN_ITEM, HEAD(k, "[{"), .field = KAFKA_MAP_NO_FIELD},
#define MAP_CLOSE {.kind = KAFKA_MAP_CLOSE},
#define MAP_CLOSE_ITEM {.kind = KAFKA_MAP_CLOSE_ITEM},
#define MAP_CONST(k, j) {.kind = KAFKA_MAP_CONST, HEAD(k, j), .json = (j)},
#define MAP_FIELD(k, f, how) MAP_STEP(k, EVENT_##f, how, KAFKA_MAP_NO_FIELD, PLAIN)
#define MAP_FIRST(k, f, how, second, how2) MAP_STEP(k, EVENT_##f, how, EVENT_##second, how2)
#define MAP_REST(k) {.kind = KAFKA_MAP_REST, HEAD(k, "")},
#define MAP_STEP(k, f, how, other, how2) {.kind = KAFKA_MAP_FIELD, HEAD(k, ""), .field = (f), .form = KAFKA_MAP_##how, .second = (other), .second_form = KAFKA_MAP_##how2},
/* clang-format on */

const struct kafka_map_step kafka_map_ecs[] = {
#include "storage/sinks/kafka/kafka_ecs.def"
    {.kind = KAFKA_MAP_END}};
const struct kafka_map_step kafka_map_ocsf[] = {
#include "storage/sinks/kafka/kafka_ocsf.def"
    {.kind = KAFKA_MAP_END}};

static struct event_json_style lean = {.fields = {UINT64_MAX, UINT64_MAX}};

__attribute__((constructor)) static void lean_fill(void)
{
#define KAFKA_LEAN_OMITS(field, instead)                                                           \
    lean.fields[EVENT_##field / 64] &= ~(UINT64_C(1) << (EVENT_##field % 64));
#include "storage/sinks/kafka/kafka_lean.def"
#undef KAFKA_LEAN_OMITS
}

const struct event_json_style *kafka_map_lean(void)
{
    return &lean;
}

#define DEPTH 8

struct walk {
    struct writer *w;
    const struct event *event;
    struct event_json_memo *memo;
    size_t opened[DEPTH]; /* places before the key of each open object */
    size_t inside[DEPTH]; /* and behind its brace */
    unsigned depth;
    uint64_t written[EVENT_SET_WORDS];
};

/* The first member of an object has no comma. */
static void put_head(struct walk *walk, const struct kafka_map_step *step)
{
    const struct writer *w = walk->w;
    size_t comma = w->status == STATUS_OK && w->data[w->size - 1] == '{';
    writer_bytes(walk->w, step->head + comma, step->head_size - comma);
}

static void open_object(struct walk *walk, const struct kafka_map_step *step)
{
    ensure(walk->depth < DEPTH);
    walk->opened[walk->depth] = walk->w->size;
    put_head(walk, step);
    walk->inside[walk->depth++] = walk->w->size;
}

static void close_object(struct walk *walk, const struct kafka_map_step *step)
{
    ensure(walk->depth > 0);
    walk->depth--;
    if (walk->w->size == walk->inside[walk->depth])
        walk->w->size = walk->opened[walk->depth];
    else
        writer_text(walk->w, step->kind == KAFKA_MAP_CLOSE_ITEM ? "}]" : "}");
}

/* The step behind the one that closes what this one opens. */
static const struct kafka_map_step *step_over(const struct kafka_map_step *step)
{
    int depth = 0;
    do {
        depth += step->kind == KAFKA_MAP_OPEN || step->kind == KAFKA_MAP_OPEN_ITEM;
        depth -= step->kind == KAFKA_MAP_CLOSE || step->kind == KAFKA_MAP_CLOSE_ITEM;
        step++;
    } while (depth > 0);
    return step;
}

static void write_each(struct writer *w, const struct slice_list *list, const char *before,
                       const char *after)
{
    writer_u8(w, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            writer_u8(w, ',');
        writer_text(w, before);
        writer_json_string(w, list->items[i]);
        writer_text(w, after);
    }
    writer_u8(w, ']');
}

/* Behind the last slash; the whole path when that is at its end. */
static struct slice last_part(struct slice path)
{
    const uint8_t *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
    size_t from = slash ? (size_t)(slash - path.data) + 1 : 0;
    return from == path.size ? path : slice_make(path.data + from, path.size - from);
}

/* Rounded down, as times before 1970 are too. */
static int64_t ms_of(int64_t ns)
{
    return ns / NS_PER_MS - (ns % NS_PER_MS < 0);
}

static void write_form(struct walk *walk, enum event_field field, enum kafka_map_form form)
{
    const struct event_field_info *info = &event_field_table[field];
    struct writer *w = walk->w;
    switch (form) {
    case KAFKA_MAP_PLAIN:
        event_json_write_value(w, walk->event, field, walk->memo);
        return;
    case KAFKA_MAP_INTEGER:
        writer_decimal(w, *event_int_at(walk->event, info));
        return;
    case KAFKA_MAP_WORD:
        writer_u8(w, '"');
        writer_decimal(w, *event_int_at(walk->event, info));
        writer_u8(w, '"');
        return;
    case KAFKA_MAP_MS:
        writer_decimal(w, ms_of(*event_int_at(walk->event, info)));
        return;
    case KAFKA_MAP_TIME:
        event_json_write_time_with(w, *event_int_at(walk->event, info), walk->memo);
        return;
    case KAFKA_MAP_ARRAY:
        writer_u8(w, '[');
        writer_json_string(w, *event_slice_at(walk->event, info));
        writer_u8(w, ']');
        return;
    case KAFKA_MAP_LAST_PART:
        writer_json_string(w, last_part(*event_slice_at(walk->event, info)));
        return;
    case KAFKA_MAP_ATTACKS:
        write_each(w, event_list_at(walk->event, info), "{\"technique\":{\"uid\":", "}}");
        return;
    case KAFKA_MAP_VULNERABILITIES:
        write_each(w, event_list_at(walk->event, info), "{\"cve\":{\"uid\":", "}}");
        return;
    }
}

static void write_member(struct walk *walk, const struct kafka_map_step *step)
{
    bool first = event_is_set(walk->event, step->field);
    enum event_field field = first ? step->field : step->second;
    if (field == KAFKA_MAP_NO_FIELD || !event_is_set(walk->event, field))
        return;
    put_head(walk, step);
    enum kafka_map_form form = first ? step->form : step->second_form;
    write_form(walk, field, form);
    if (form != KAFKA_MAP_MS && form != KAFKA_MAP_TIME) /* the rest has the exact one */
        walk->written[field / 64] |= UINT64_C(1) << (field % 64);
}

static void write_rest(struct walk *walk, const struct kafka_map_step *step)
{
    struct event_json_style rest = {0};
    bool any = false;
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++) {
        rest.fields[i] = lean.fields[i] & ~walk->written[i];
        any = any || (walk->event->set[i] & rest.fields[i]);
    }
    if (!any)
        return;
    put_head(walk, step);
    event_json_write_styled(walk->w, walk->event, &rest, walk->memo);
}

void kafka_map_write(struct writer *w, const struct event *event,
                     const struct kafka_map_step *steps, struct event_json_memo *memo)
{
    struct walk walk = {.w = w, .event = event, .memo = memo};
    writer_u8(w, '{');
    for (const struct kafka_map_step *step = steps; step->kind != KAFKA_MAP_END;) {
        bool opens = step->kind == KAFKA_MAP_OPEN || step->kind == KAFKA_MAP_OPEN_ITEM;
        if (opens && step->field != KAFKA_MAP_NO_FIELD && !event_is_set(event, step->field)) {
            step = step_over(step);
            continue;
        }
        if (opens) {
            open_object(&walk, step);
        } else if (step->kind == KAFKA_MAP_CONST) {
            put_head(&walk, step);
        } else if (step->kind == KAFKA_MAP_FIELD) {
            write_member(&walk, step);
        } else if (step->kind == KAFKA_MAP_REST) {
            write_rest(&walk, step);
        } else {
            close_object(&walk, step);
        }
        step++;
    }
    writer_u8(w, '}');
}
