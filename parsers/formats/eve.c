/* eve.c: Suricata's EVE JSON, one object per record, → events. Pure, any thread. Values without a
 * column, or that do not fit it, are kept in attributes as written. */
#include "core/json/json_names.h"
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "parsers/fill/event_check.h"
#include "parsers/read/json/json_head.h"
#include "parsers/fill/text_event.h"
#include "parsers/fill/time_guess.h"

/* Ids of one kind from the rule's metadata. */
struct ids {
    struct slice items[EVENT_CHECK_LIST_MAX];
    size_t count;
};

struct eve {
    struct text_event t;
    struct json_document document;
    struct ids cve, atm;
};

/* A member that has a column. take: true when the column holds the whole value. */
struct row {
    const char *key;
    enum event_field field;
    bool (*take)(struct eve *e, enum event_field field, const struct json_node *value);
};

/* The members of one kind of object: their numbers are those of the rows + 1. */
struct table {
    const struct row *rows;
    struct json_names names;
};

static void table_init(struct table *table, const struct row *rows, size_t row_count)
{
    table->rows = rows;
    for (unsigned i = 0; i < row_count; i++)
        json_names_add(&table->names, rows[i].key, i + 1);
}

static void take_members(struct eve *e, const struct json_node *object, const struct table *table)
{
    for (size_t k = 1; k < object->span; k += object[k].span) {
        unsigned number = json_names_find(&table->names, object[k].key);
        const struct row *row = number ? &table->rows[number - 1] : NULL;
        if (!row || !row->take(e, row->field, &object[k]))
            json_object_add_raw(&e->t.attributes, object[k].key, object[k].raw);
    }
}

static const struct json_node *find(const struct eve *e, const struct json_node *object,
                                    const char *key)
{
    return json_find(&e->document, (size_t)(object - e->document.nodes), key);
}

static struct slice text_of(const struct json_node *node)
{
    return node && node->type == JSON_STRING ? node->text : SLICE_EMPTY;
}

/* ---- values ---- */

static bool take_text(struct eve *e, enum event_field field, const struct json_node *value)
{
    return text_event_set(&e->t, field, text_of(value));
}

static bool take_lower(struct eve *e, enum event_field field, const struct json_node *value)
{
    return text_event_set_lower(&e->t, field, text_of(value));
}

static bool take_address(struct eve *e, enum event_field field, const struct json_node *value)
{
    return text_event_set_address(&e->t, field, text_of(value));
}

static bool take_int(struct eve *e, enum event_field field, const struct json_node *value)
{
    return value->type == JSON_INT && text_event_set_int(&e->t, field, value->integer);
}

/* The outermost tag becomes the column; several tags stay together in attributes. */
static bool take_vlan(struct eve *e, enum event_field field, const struct json_node *value)
{
    if (value->type != JSON_ARRAY || value->span < 2)
        return take_int(e, field, value);
    return take_int(e, field, value + 1) && value->span == 2;
}

static bool take_vin(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)field;
    e->t.event.vin = text_of(value);
    return value->type == JSON_STRING;
}

static bool take_time(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)field;
    int64_t ns;
    bool inferred = false;
    struct slice text = text_of(value);
    if (time_guess_text(text, &ns, &inferred) != STATUS_OK) {
        text_event_partial(&e->t, RECORD_bad_time, "timestamp is in no known form");
        return false;
    }
    EVENT_SET(&e->t.event, time_event_ns, ns);
    EVENT_SET(&e->t.event, time_event_raw, slice_sub(text, 0, 256));
    if (inferred)
        EVENT_SET(&e->t.event, time_quality, SLICE_LITERAL("inferred"));
    return true;
}

/* ---- alert ---- */

#define REF_BYTES 64 /* three numbers of 19 digits, two colons */

/* gid:sid:rev, when all three are numbers. */
static void set_signature_ref(struct eve *e, const struct json_node *alert)
{
    static const char *const keys[] = {"gid", "signature_id", "rev"};
    int64_t v[3];
    for (size_t i = 0; i < 3; i++) {
        const struct json_node *part = find(e, alert, keys[i]);
        if (!part || part->type != JSON_INT || part->integer < 0)
            return;
        v[i] = part->integer;
    }
    struct writer w = {.capacity = REF_BYTES, .limit = REF_BYTES};
    w.data = e->t.context->alloc(e->t.context, REF_BYTES);
    if (!w.data) {
        e->t.failed = true;
        return;
    }
    writer_decimal(&w, v[0]);
    writer_u8(&w, ':');
    writer_decimal(&w, v[1]);
    e->t.event.catalog_id = writer_slice(&w);
    writer_u8(&w, ':');
    writer_decimal(&w, v[2]);
    EVENT_SET(&e->t.event, signature_ref, writer_slice(&w));
}

static bool take_ref_part(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)value;
    return event_is_set(&e->t.event, field);
}

/* 1 is the highest. */
static bool take_severity(struct eve *e, enum event_field field, const struct json_node *value)
{
    bool known = value->type == JSON_INT && value->integer >= 1 && value->integer <= 255;
    if (!known) {
        text_event_partial(&e->t, RECORD_bad_severity, "severity must be 1 to 255");
        return false;
    }
    EVENT_GUESS(&e->t.event, severity_id, value->integer < 3 ? 5 - value->integer : 2);
    return text_event_set(&e->t, field, value->raw);
}

static bool take_action(struct eve *e, enum event_field field, const struct json_node *value)
{
    struct slice text = text_of(value);
    return (slice_equal_text(text, "allowed") || slice_equal_text(text, "blocked")) &&
           text_event_set(&e->t, field, text);
}

static bool are_digits(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return true;
}

static void ids_add(struct ids *ids, struct slice id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (slice_equal(ids->items[i], id))
            return;
    if (ids->count < EVENT_CHECK_LIST_MAX)
        ids->items[ids->count++] = id;
}

/* Rules write CVE-2021-44228, CVE_2021_44228 and cve,2021-44228 too. */
static void add_cve(struct eve *e, struct slice text)
{
    enum { YEAR = 4, NUMBER = 9 };
    if (text.size < NUMBER + 4 || text.size > 32 ||
        !slice_equal_nocase(slice_sub(text, 0, 3), "cve") || !strchr("-_,", text.data[3]) ||
        !strchr("-_", text.data[NUMBER - 1]) || !are_digits(slice_sub(text, YEAR, 4)) ||
        !are_digits(slice_sub(text, NUMBER, text.size)))
        return;
    uint8_t *id = e->t.context->alloc(e->t.context, text.size);
    if (!id) {
        e->t.failed = true;
        return;
    }
    memcpy(id, text.data, text.size);
    memcpy(id, "CVE-", 4);
    id[NUMBER - 1] = '-';
    ids_add(&e->cve, slice_make(id, text.size));
}

static void add_atm(struct eve *e, struct slice text)
{
    if (text.size == 9 && slice_starts_with(text, "ATM-T") && are_digits(slice_sub(text, 5, 4)))
        ids_add(&e->atm, text);
}

/* Ids are recognised by their form: rule sets name the lists differently. */
static bool take_metadata(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)field;
    for (size_t k = 0; k < value->span; k++) {
        add_cve(e, text_of(&value[k]));
        add_atm(e, text_of(&value[k]));
    }
    if (e->cve.count)
        EVENT_SET(&e->t.event, cve, ((struct slice_list){e->cve.items, e->cve.count}));
    if (e->atm.count)
        EVENT_SET(&e->t.event, atm_technique, ((struct slice_list){e->atm.items, e->atm.count}));
    return false;
}

/* Catalogue group of the rule's class: "category:…". */
static bool take_class(struct eve *e, enum event_field field, const struct json_node *value)
{
    static const char prefix[] = "category:";
    struct slice text = text_of(value);
    (void)field;
    if (!text.size)
        return false;
    uint8_t *id = e->t.context->alloc(e->t.context, sizeof prefix + text.size);
    if (!id) {
        e->t.failed = true;
        return false;
    }
    memcpy(id, prefix, sizeof prefix);
    memcpy(id + sizeof prefix - 1, text.data, text.size);
    e->t.event.catalog_group = slice_make(id, sizeof prefix - 1 + text.size);
    return false;
}

static const struct row alert_rows[] = {
    {"signature", EVENT_event_name, take_text},
    {"gid", EVENT_signature_ref, take_ref_part},
    {"signature_id", EVENT_signature_ref, take_ref_part},
    {"rev", EVENT_signature_ref, take_ref_part},
    {"severity", EVENT_severity_source, take_severity},
    {"action", EVENT_disposition, take_action},
    {"category", EVENT_FIELD_COUNT, take_class},
    {"metadata", EVENT_cve, take_metadata},
};
static struct table alert_table;

static bool take_alert(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)field;
    if (value->type != JSON_OBJECT)
        return false;
    set_signature_ref(e, value);
    json_object_open(&e->t.attributes, value->key);
    take_members(e, value, &alert_table);
    json_object_close(&e->t.attributes);
    return true;
}

/* Its name names the event; all of it stays in attributes. */
static bool take_anomaly(struct eve *e, enum event_field field, const struct json_node *value)
{
    (void)text_event_set(&e->t, field, text_of(find(e, value, "event")));
    return false;
}

/* ---- the event ---- */

static const struct row rows[] = {
    {"timestamp", EVENT_time_event_ns, take_time},
    {"src_ip", EVENT_src_ip, take_address},
    {"dest_ip", EVENT_dst_ip, take_address},
    {"src_port", EVENT_src_port, take_int},
    {"dest_port", EVENT_dst_port, take_int},
    {"proto", EVENT_transport, take_lower},
    {"vlan", EVENT_vlan_id, take_vlan},
    {"host", EVENT_ecu_id, take_text},
    {"in_iface", EVENT_bus_id, take_text},
    {"vin", EVENT_FIELD_COUNT, take_vin},
    {"alert", EVENT_FIELD_COUNT, take_alert},
    {"anomaly", EVENT_event_name, take_anomaly},
};
static struct table event_table;

__attribute__((constructor)) static void tables_fill(void)
{
    table_init(&alert_table, alert_rows, sizeof alert_rows / sizeof *alert_rows);
    table_init(&event_table, rows, sizeof rows / sizeof *rows);
}

static void set_category(struct eve *e, struct slice type)
{
    static const struct {
        const char *type, *category;
    } table[] = {
        {"alert", "network_anomaly"}, {"anomaly", "network_anomaly"}, {"drop", "network_filter"},
        {"stats", "ids_health"},      {"engine", "ids_health"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_equal_text(type, table[i].type))
            EVENT_GUESS(&e->t.event, event_category, slice_from_text(table[i].category));
}

static void fill(struct eve *e, struct slice type)
{
    set_category(e, type);
    if (slice_equal_text(type, "drop"))
        EVENT_SET(&e->t.event, disposition, SLICE_LITERAL("dropped"));
    take_members(e, e->document.nodes, &event_table);
    (void)text_event_set(&e->t, EVENT_event_name, type);
    if (!e->t.event.catalog_group.size)
        e->t.event.catalog_group = type;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct eve e;
    text_event_init(&e.t, context);
    e.cve.count = e.atm.count = 0;
    /* Suricata logs what it saw on the wire, and version 6 some keys twice. */
    static const struct json_repair_rules rules = {.own = NULL};
    if (!text_event_read_json(&e.t, NULL, &rules, record, &e.document, outcome))
        return;
    struct slice type = text_of(json_find(&e.document, 0, "event_type"));
    if (!type.size) {
        record_refuse(outcome, 0, RECORD_missing_field, "event_type is needed, a text");
        return;
    }
    fill(&e, type);
    text_event_emit(&e.t, outcome);
}

/* ---- probe ---- */

/* An event of another sender may have a type and a time too; but it has a native name as well. */
static int probe(struct slice head)
{
    static const char *const names[] = {"event_type", "timestamp", "event_name", "sev_id",
                                        "message"};
    return json_head_keys(head, names, 5, ~3u) == 3 ? 70 : 0;
}

static const char *const content_types[] = {"application/vnd.suricata.eve+json", NULL};

const struct parser parser_eve = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "eve",
    .version = "1.0.0",
    .description = "Suricata EVE JSON: alerts, anomalies, drops and every other event type",
    .content_types = content_types,
    .framing = PARSER_FRAMING_JSON,
    .probe = probe,
    .guessed_by = "the first object has `event_type` and `timestamp`, but not `event_name`, "
                  "`sev_id` or `message`",
    .parse = parse,
};
