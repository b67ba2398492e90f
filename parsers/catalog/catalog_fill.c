/* catalog_fill.c: look-up of an event in the catalogue. Pure but for the count of unknown ids. Runs
 * on the thread that parses. */
#include "parsers/catalog/catalog_fill.h"
#include "parsers/catalog/context_layout.h"
#include "core/utf8.h"

#include <stdio.h>

struct query {
    const struct catalog *catalog;
    struct slice tenant, format;
    const struct event *event;
};

static const struct catalog_entry *find(const struct query *q, struct slice format, struct slice id)
{
    return id.size ? catalog_find(q->catalog, q->tenant, format, id, q->event) : NULL;
}

static struct slice name_of(const struct event *event)
{
    return EVENT_HAS(event, event_name) ? event->event_name : SLICE_EMPTY;
}

/* A product's CEF and LEEF events have the same ids. */
static struct slice sibling_of(struct slice format)
{
    if (slice_equal_text(format, "cef"))
        return SLICE_LITERAL("leef");
    return slice_equal_text(format, "leef") ? SLICE_LITERAL("cef") : SLICE_EMPTY;
}

/* From the most special to the most general. */
static const struct catalog_entry *look_up(const struct query *q)
{
    const struct event *e = q->event;
    const struct catalog_entry *row = NULL;
    if (EVENT_HAS(e, sev_id))
        row = catalog_find_sev(q->catalog, q->tenant, e);
    if (!row && catalog_has_format(q->catalog, q->format)) {
        row = find(q, q->format, e->catalog_id);
        row = row ? row : find(q, q->format, name_of(e));
        row = row ? row : find(q, q->format, e->catalog_group);
    }
    struct slice sibling = sibling_of(q->format);
    if (!row && sibling.size && catalog_has_format(q->catalog, sibling))
        row = find(q, sibling, e->catalog_id);
    return row ? row : find(q, SLICE_LITERAL(CATALOG_ANY_FORMAT), name_of(e));
}

/* Names are no ids: they are not counted. */
static void count_unknown(const struct query *q, struct catalog_unknown *unknown)
{
    const struct event *e = q->event;
    char text[8];
    if (EVENT_HAS(e, sev_id)) {
        int size = snprintf(text, sizeof text, "0x%04X", (unsigned)e->sev_id & 0xFFFF);
        catalog_unknown_count(unknown, q->tenant, SLICE_EMPTY, slice_make(text, (size_t)size));
    } else if (e->catalog_id.size && utf8_check(e->catalog_id) == STATUS_OK) {
        catalog_unknown_count(unknown, q->tenant, q->format, e->catalog_id);
    }
}

static bool is_open(const struct event *event, enum event_field field)
{
    return !event_is_set(event, field) || event_is_guess(event, field);
}

static void take(const struct catalog_entry *row, struct event *event)
{
    if (row->name.size && is_open(event, EVENT_event_name))
        EVENT_SET(event, event_name, row->name);
    if (row->category.size && is_open(event, EVENT_event_category))
        EVENT_SET(event, event_category, row->category);
    if (row->severity_id >= 0 && is_open(event, EVENT_severity_id))
        EVENT_SET(event, severity_id, row->severity_id);
    if (row->message.size && is_open(event, EVENT_message))
        EVENT_SET(event, message, row->message);
    if (row->r155_threat.count && !EVENT_HAS(event, r155_threat))
        EVENT_SET(event, r155_threat, row->r155_threat);
    if (row->atm_technique.count && !EVENT_HAS(event, atm_technique))
        EVENT_SET(event, atm_technique, row->atm_technique);
}

bool catalog_fill(const struct catalog *catalog, struct catalog_unknown *unknown,
                  struct slice tenant, const char *format, const struct parser_context *context,
                  struct event *event)
{
    const struct query q = {catalog, tenant, slice_from_text(format), event};
    const struct catalog_entry *row = look_up(&q);
    if (!row) {
        if (unknown)
            count_unknown(&q, unknown);
        return true;
    }
    take(row, event);
    return !row->layout || !EVENT_HAS(event, context_raw) ||
           context_layout_apply(row->layout, context, event);
}
