/* normalise.c: completes and checks one event of any format. Runs on the thread that parses. Pure
 * but for the arena; does not set what the batch record carries. */
#include "parsers/engine/normalise.h"
#include "parsers/read/record_memory.h"
#include "parsers/catalog/catalog_fill.h"
#include "parsers/catalog/category.h"
#include "parsers/fill/event_check.h"
#include "parsers/read/json/json_object.h"
#include "parsers/fill/text_growth.h"
#include "parsers/engine/dedup_key.h"
#include "parsers/engine/vehicle.h"
#include "parsers/registry/builtin.h"

#include <stdio.h>

#define NS_PER_MS INT64_C(1000000)

/* Sensor kind of a format's events when neither record nor parser sets it. */
static const struct {
    const struct parser *parser;
    struct slice sensor_kind;
} sensor_kinds[] = {
    {&parser_qsev, SLICE_LITERAL("idsm")},       {&parser_syslog, SLICE_LITERAL("host_ids")},
    {&parser_auditd, SLICE_LITERAL("host_ids")}, {&parser_cef, SLICE_LITERAL("net_ids")},
    {&parser_leef, SLICE_LITERAL("net_ids")},    {&parser_eve, SLICE_LITERAL("net_ids")},
    {&parser_candump, SLICE_LITERAL("can_ids")}, {&parser_dlt, SLICE_LITERAL("dlt")},
    {&parser_logcat, SLICE_LITERAL("host_ids")},
};
#define SENSOR_KINDS (sizeof sensor_kinds / sizeof *sensor_kinds)

/* A plug-in may read a format of that name instead of the built-in parser. */
static struct slice default_sensor_kind(const struct normaliser *n, const struct event *event)
{
    for (size_t i = 0; i < SENSOR_KINDS; i++)
        if (sensor_kinds[i].parser == n->parser)
            return sensor_kinds[i].sensor_kind;
    for (size_t i = 0; i < SENSOR_KINDS && n->parser->event_abi; i++)
        if (!strcmp(n->parser->name, sensor_kinds[i].parser->name))
            return sensor_kinds[i].sensor_kind;
    return EVENT_HAS(event, sev_id) ? SLICE_LITERAL("idsm") : SLICE_LITERAL("other");
}

static void *arena_for_scrub(void *context, size_t size)
{
    const struct parser_context *c = context;
    return c->alloc(c, size);
}

/* For a record whose memory is context's. */
static void start_scrub(struct normaliser *n, struct parser_context *context)
{
    struct scrub *s = &n->scrub;
    if (!s->pseudonym) {
        s->pseudonym = n->pseudonym;
        s->pseudonym_arg = n->pseudonym_arg;
        s->tenant = n->tenant_id;
        s->alloc = arena_for_scrub;
        scrub_know(s, slice_trim(n->certificate_vin), NULL);
        scrub_know(s, slice_trim(n->header_vin), NULL);
        n->request_vehicles = s->known_count;
    }
    s->alloc_arg = context;
    scrub_forget(s, n->request_vehicles);
}

bool normalise_text(struct normaliser *n, struct slice *text)
{
    struct parser_context context = normaliser_context(n);
    start_scrub(n, &context);
    return scrub_text(&n->scrub, SCRUB_TEXT, text);
}

/* ---- steps ---- */

static struct slice range_of(int64_t sev_id)
{
    if (sev_id == 0xFFFF)
        return SLICE_LITERAL("invalid");
    return sev_id < 0x8000 ? SLICE_LITERAL("autosar") : SLICE_LITERAL("oem");
}

/* Name of an event when neither its sender nor the catalogue has one. */
static struct slice default_name(struct normaliser *n, const struct event *event)
{
    if (!EVENT_HAS(event, sev_id))
        return SLICE_LITERAL("message");
    int size = snprintf(n->name_text, sizeof n->name_text, "unknown:0x%04X",
                        (unsigned)event->sev_id & 0xFFFF);
    return slice_make(n->name_text, (size_t)size);
}

static void fill_defaults(struct normaliser *n, struct event *event)
{
    if (EVENT_HAS(event, sev_id))
        EVENT_SET(event, sev_range, range_of(event->sev_id));
    if (!EVENT_HAS(event, event_name))
        EVENT_SET(event, event_name, default_name(n, event));
    if (!EVENT_HAS(event, event_category))
        EVENT_SET(event, event_category, SLICE_LITERAL("other"));
    if (!EVENT_HAS(event, sensor_kind))
        EVENT_SET(event, sensor_kind, default_sensor_kind(n, event));
    if (!EVENT_HAS(event, severity_id))
        EVENT_SET(event, severity_id, 0);
    if (!EVENT_HAS(event, count))
        EVENT_SET(event, count, 1);
    if (!EVENT_HAS(event, parse_status))
        EVENT_SET(event, parse_status, SLICE_LITERAL("ok"));
}

/* A message for events that have none and no catalogue row: the name and the description of its
 * category. */
static void fill_message(struct normaliser *n, struct event *event)
{
    if (EVENT_HAS(event, message))
        return;
    struct slice name = event->event_name, meaning = category_meaning(event->event_category);
    if (slice_equal_text(event->event_category, "other") || slice_find_byte(name, ' ') ||
        name.size + 2 + meaning.size > sizeof n->message_text || !meaning.size) {
        EVENT_SET(event, message, name);
        return;
    }
    memcpy(n->message_text, name.data, name.size);
    memcpy(n->message_text + name.size, ": ", 2);
    memcpy(n->message_text + name.size + 2, meaning.data, meaning.size);
    EVENT_SET(event, message, slice_make(n->message_text, name.size + 2 + meaning.size));
}

static void fill_times(const struct normaliser *n, struct event *event)
{
    bool has_time = EVENT_HAS(event, time_event_ns);
    int64_t skew;
    if (!EVENT_HAS(event, time_source))
        EVENT_SET(event, time_source, has_time ? SLICE_LITERAL("rtc") : SLICE_LITERAL("none"));
    if (!EVENT_HAS(event, time_quality))
        EVENT_SET(event, time_quality, SLICE_LITERAL("unknown"));
    if (has_time && !__builtin_sub_overflow(n->received_ns, event->time_event_ns, &skew))
        EVENT_SET(event, clock_skew_ms, skew / NS_PER_MS);
    if (n->sent_ns && !EVENT_HAS(event, time_sent))
        EVENT_SET(event, time_sent, n->sent_ns);
    if (n->replay && !EVENT_HAS(event, replay))
        EVENT_SET(event, replay, 1);
}

/* ---- refusals ---- */

static enum record_code code_of(enum status status)
{
    switch (status) {
    case STATUS_OUT_OF_RANGE:
        return RECORD_out_of_range;
    case STATUS_WRONG_TYPE:
        return RECORD_wrong_type;
    case STATUS_INVALID_UTF8:
        return RECORD_invalid_utf8;
    case STATUS_TOO_MANY:
        return RECORD_too_many_values;
    default:
        return RECORD_nul_byte;
    }
}

static void explain(char *out, size_t size, enum status status, const struct event_field_info *f)
{
    switch (status) {
    case STATUS_OUT_OF_RANGE:
        snprintf(out, size, "%s: allowed are %lld to %lld%s", f->name, (long long)f->min,
                 (long long)f->max,
                 f->kind == EVENT_KIND_INT || f->kind == EVENT_KIND_BIG ||
                         f->kind == EVENT_KIND_REAL
                     ? ""
                     : " bytes");
        break;
    case STATUS_TOO_MANY:
        snprintf(out, size, "%s: at most %d texts", f->name, EVENT_CHECK_LIST_MAX);
        break;
    case STATUS_WRONG_TYPE:
        snprintf(out, size, "%s: %s is needed", f->name,
                 f->kind == EVENT_KIND_INET ? "an IPv4 or IPv6 address" : "a JSON object or array");
        break;
    case STATUS_INVALID_UTF8:
        snprintf(out, size, "%s: text is not valid UTF-8", f->name);
        break;
    default:
        snprintf(out, size, "%s: text has a byte 0", f->name);
    }
}

static enum status refuse_field(struct normaliser *n, enum status status,
                                const struct event_field_info *field,
                                struct normalise_refusal *refusal)
{
    explain(n->refusal_text, sizeof n->refusal_text, status, field);
    if (field == &event_field_table[EVENT_severity_id] &&
        status == STATUS_OUT_OF_RANGE) /* has holes */
        snprintf(n->refusal_text, sizeof n->refusal_text, "%s: allowed are 0 to 6 and 99",
                 field->name);
    refusal->code = code_of(status);
    refusal->detail = n->refusal_text;
    return STATUS_REFUSED;
}

static enum status no_memory(struct normalise_refusal *refusal)
{
    *refusal = (struct normalise_refusal){RECORD_no_memory, RECORD_MEMORY_TEXT};
    return STATUS_REFUSED;
}

static bool note_cut(struct normaliser *n, struct event *event)
{
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    return normalise_note(n, event, RECORD_value_cut,
                          "a text of control characters is cut: as JSON it would be several times "
                          "its record");
}

enum status normalise_event(struct normaliser *n, struct event *event,
                            struct normalise_refusal *refusal)
{
    const struct event_field_info *field;
    enum status status = n->is_within ? event_check_within(event, &field)
                                      : event_check(event, n->text_is_clean, &field);
    if (status != STATUS_OK)
        return refuse_field(n, status, field, refusal);
    struct parser_context context = normaliser_context(n);
    start_scrub(n, &context);
    network_normalise(&n->network, event);
    status = vehicle_identify(n, event, refusal);
    if (status != STATUS_OK)
        return status;
    /* what the catalogue does not know is counted and shown */
    if (!scrub_text(&n->scrub, SCRUB_TEXT, &event->catalog_id) ||
        !catalog_fill(n->catalog, n->unknown, n->tenant_id, n->parser->name, &context, event))
        return no_memory(refusal);
    fill_defaults(n, event);
    fill_message(n, event);
    fill_times(n, event);
    if (text_growth_cut(event, n->record.size) && !note_cut(n, event))
        return no_memory(refusal);
    dedup_key_compute(n, event, n->dedup_key);
    EVENT_SET(event, dedup_key, slice_make(n->dedup_key, DEDUP_KEY_BYTES));
    return scrub_event(&n->scrub, event) ? STATUS_OK : no_memory(refusal);
}
