/* cloud_event.c: attributes and data of a CloudEvent (CloudEvents 1.0.2) → events. Pure, any
 * thread. Independent of the mode. */
#include "parsers/formats/cloudevents/cloud_event.h"
#include "parsers/read/record_refuse.h"
#include "core/utf8.h"
#include "core/hash.h"
#include "core/json/json_names.h"
#include "parsers/read/json/json_record.h"
#include "parsers/engine/media_type.h"
#include "core/vin.h"
#include "parsers/fill/otel_severity.h"
#include "parsers/read/text.h"
#include "parsers/read/timestamp.h"

#include <stddef.h>
#include <stdio.h>

#define VIN_BYTES 17

void cloud_event_init(struct cloud_event *e, const struct parser_context *context,
                      struct slice record)
{
    memset((char *)e + sizeof e->t, 0, sizeof *e - sizeof e->t);
    text_event_init(&e->t, context);
    e->record = record;
}

/* ---- attributes ---- */

static bool take_version(struct cloud_event *e, struct slice text)
{
    e->version = text;
    return true;
}

#define RAW_TIME_MAX 256

static bool take_time(struct cloud_event *e, struct slice text)
{
    int64_t ns;
    if (timestamp_rfc3339(text, &ns) != STATUS_OK) {
        text_event_partial(&e->t, RECORD_bad_time, "time is no RFC 3339 time");
        return false;
    }
    EVENT_SET(&e->t.event, time_event_ns, ns);
    EVENT_SET(&e->t.event, time_event_raw, slice_sub(text, 0, RAW_TIME_MAX));
    return text.size <= RAW_TIME_MAX;
}

/* The VIN in text, alone or as urn:vin:…, else empty. */
static struct slice vin_of(struct slice text)
{
    uint8_t upper[VIN_BYTES];
    bool is_urn = slice_equal_nocase(slice_sub(text, 0, 8), "urn:vin:");
    struct slice vin = slice_trim(is_urn ? slice_sub(text, 8, text.size) : text);
    if (vin.size != VIN_BYTES)
        return SLICE_EMPTY;
    for (size_t i = 0; i < VIN_BYTES; i++)
        upper[i] = vin.data[i] >= 'a' && vin.data[i] <= 'z' ? vin.data[i] - 32 : vin.data[i];
    return vin_is_valid(slice_make(upper, VIN_BYTES)) ? vin : SLICE_EMPTY;
}

/* A VIN is the vehicle and is kept nowhere else. */
static bool take_vehicle(struct cloud_event *e, enum cloud_vehicle from, struct slice text)
{
    e->vehicles[from] = vin_of(text);
    return e->vehicles[from].size > 0;
}

/* What it says is a VIN, or the event is refused. */
static bool take_vin(struct cloud_event *e, struct slice text)
{
    if (!take_vehicle(e, CLOUD_VEHICLE_VIN, text))
        e->vehicles[CLOUD_VEHICLE_VIN] = text;
    return true;
}

static bool take_source(struct cloud_event *e, struct slice text)
{
    e->source = text;
    return take_vehicle(e, CLOUD_VEHICLE_SOURCE, text);
}

static bool take_subject(struct cloud_event *e, struct slice text)
{
    return take_vehicle(e, CLOUD_VEHICLE_SUBJECT, text);
}

static bool take_partition_key(struct cloud_event *e, struct slice text)
{
    return take_vehicle(e, CLOUD_VEHICLE_PARTITION_KEY, text);
}

static bool take_sequence(struct cloud_event *e, struct slice text)
{
    int64_t value = 0;
    if (!text.size || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    EVENT_SET(&e->t.event, vehicle_seq, value);
    return text.size == 1 || text.data[0] != '0'; /* keeps the original when it has leading zeros */
}

/* Attributes with a meaning: the text to keep them in, or the function that takes them. take: true
 * when a column holds the attribute's whole value. */
static const struct row {
    const char *name;
    size_t place;
    bool (*take)(struct cloud_event *e, struct slice text);
} rows[] = {
    {"id", offsetof(struct cloud_event, id), NULL},
    {"source", 0, take_source},
    {"type", offsetof(struct cloud_event, type), NULL},
    {"specversion", 0, take_version},
    {"datacontenttype", offsetof(struct cloud_event, content_type), NULL},
    {"time", 0, take_time},
    {"vin", 0, take_vin},
    {"subject", 0, take_subject},
    {"partitionkey", 0, take_partition_key},
    {"sequence", 0, take_sequence},
    {"severitynumber", offsetof(struct cloud_event, severity_number), NULL},
    {"severitytext", offsetof(struct cloud_event, severity_text), NULL},
};

/* Row + 1 of each name. */
static struct json_names row_names;

__attribute__((constructor)) static void row_names_fill(void)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        json_names_add(&row_names, rows[i].name, i + 1);
}

static bool take_row(struct cloud_event *e, const struct row *row, struct slice text)
{
    if (row->take)
        return row->take(e, text);
    memcpy((char *)e + row->place, &text, sizeof text);
    return false;
}

void cloud_event_take(struct cloud_event *e, struct slice name, struct slice text, struct slice raw)
{
    bool may_have_column =
        !raw.size || raw.data[0] == '-' || (raw.data[0] >= '0' && raw.data[0] <= '9');
    unsigned i = may_have_column ? json_names_find(&row_names, name) : 0;
    if (i && take_row(e, &rows[i - 1], text))
        return;
    if (raw.size)
        json_object_add_raw(&e->t.attributes, name, raw);
    else
        json_object_add_text(&e->t.attributes, name, text);
}

/* ---- the envelope ---- */

static void fill_severity(struct cloud_event *e)
{
    int64_t number = 0;
    struct slice text = e->severity_number;
    bool good = text.size > 0 && text.size <= 2;
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        number = number * 10 + (text.data[i] - '0');
    }
    if (good && number <= 24)
        EVENT_GUESS(&e->t.event, severity_id, otel_severity_id(number));
    else if (text.size)
        text_event_partial(&e->t, RECORD_bad_severity, "severitynumber is not one of 0 to 24");
    (void)text_event_set(&e->t, EVENT_severity_source, e->severity_text);
    (void)text_event_set(&e->t, EVENT_severity_source, text);
}

#define ID_BYTES 244 /* with room for a number after it */

/* sha256: and the digest of what is too long for an id. */
static struct slice id_of_digest(struct slice id, char text[SHA256_BYTES * 2 + 8])
{
    uint8_t digest[SHA256_BYTES];
    sha256_bytes(id, digest);
    size_t used = (size_t)snprintf(text, 8, "sha256:");
    for (size_t i = 0; i < SHA256_BYTES; i++)
        used += (size_t)snprintf(text + used, 3, "%02x", digest[i]);
    return slice_make(text, used);
}

static bool is_same_vehicle(struct slice a, struct slice b)
{
    char text[VIN_BYTES + 1];
    if (a.size <= VIN_BYTES && slice_equal(a, b))
        return true;
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(a));
    return slice_equal_nocase(b, text);
}

/* The first that is named. */
static void fill_vehicle(struct cloud_event *e)
{
    bool is_odd = false;
    for (size_t i = 0; i < CLOUD_VEHICLES; i++) {
        if (!e->t.event.vin.size)
            e->t.event.vin = e->vehicles[i];
        is_odd |= e->vehicles[i].size && !is_same_vehicle(e->t.event.vin, e->vehicles[i]);
    }
    if (is_odd)
        text_event_partial(&e->t, RECORD_other_vehicle,
                           "names a second vehicle, which is left out");
}

/* source and id together are unique. A vehicle that is the source is already part of the dedup key;
 * when it differs from the event's vehicle, no id can be stored. */
static void fill_id(struct cloud_event *e)
{
    struct slice id = e->id, source = e->source, vehicle = e->vehicles[CLOUD_VEHICLE_SOURCE];
    uint8_t *text =
        e->t.context->alloc(e->t.context, source.size + id.size + 2 * SHA256_BYTES + 16);
    if (!text) {
        e->t.failed = true;
        return;
    }
    if (vehicle.size && !is_same_vehicle(e->t.event.vin, vehicle))
        return;
    if (!vehicle.size) {
        const struct slice parts[] = {source, SLICE_LITERAL(" "), id};
        id = text_join(text, parts, 3);
    }
    if (id.size > ID_BYTES)
        id = id_of_digest(id, (char *)text + source.size + e->id.size + 2);
    EVENT_SET(&e->t.event, source_event_id, id);
}

static bool check_required(const struct cloud_event *e, struct parser_outcome *outcome)
{
    if (!e->version.size || !e->id.size || !e->source.size || !e->type.size) {
        record_refuse(outcome, 0, RECORD_missing_field,
                      "specversion, id, source and type are needed, texts that are not empty");
        return false;
    }
    if (!slice_equal_text(e->version, "1.0")) {
        record_refuse(outcome, 0, RECORD_unsupported_version, "specversion 1.0 is read");
        return false;
    }
    return true;
}

/* ---- data ---- */

static bool is_json(struct slice media)
{
    return !media.size || slice_equal_nocase(media, "application/json") ||
           slice_equal_nocase(media, "text/json") ||
           (media.size > 5 && slice_equal_nocase(slice_sub(media, media.size - 5, 5), "+json"));
}

/* Whether another parser may read the data. A JSON string remains a string. */
static bool can_hand_on(const struct cloud_event *e, struct slice media)
{
    if (media.size && !memchr(media.data, '/', media.size))
        return false;
    switch (e->kind) {
    case CLOUD_DATA_NONE:
        return false;
    case CLOUD_DATA_JSON:
        return e->data.data[0] == '{' || e->data.data[0] == '[';
    case CLOUD_DATA_STRING:
        return !is_json(media);
    case CLOUD_DATA_BYTES:
        break;
    }
    return e->data.size > 0;
}

/* Result of another parser for the data. OK, or MALFORMED because memory ran out, is final. */
static enum parser_result hand_on(struct cloud_event *e, struct parser_outcome *outcome)
{
    const struct parser_context *context = e->t.context;
    struct event *envelope = &e->t.event;
    struct json_object attributes = e->t.attributes; /* a copy: more may come into them */
    if (json_object_end(&attributes, &envelope->attributes))
        event_mark(envelope, EVENT_attributes);
    bool has_type = e->content_type.size || e->kind == CLOUD_DATA_BYTES;
    const struct parser_inner inner = {
        .bytes = e->data,
        .format = has_type ? e->content_type : SLICE_LITERAL("application/json"),
        .size = e->record.size,
        .envelope = envelope,
        .member = "cloudevents",
    };
    enum parser_result result = context->hand_on(context, &inner, outcome);
    event_unmark(envelope, EVENT_attributes);
    return result;
}

/* JSON that is not a native event is plain data; a broken native event gets a note. */
static void note_broken(struct cloud_event *e, const struct parser_outcome *outcome)
{
    if (record_reason_of(outcome, "").code != RECORD_missing_field)
        text_event_partial_inner(&e->t, outcome, "data can't be read");
}

static void keep_json(struct cloud_event *e, const struct json_node *value)
{
    if (value->type == JSON_STRING)
        text_event_set_message(&e->t, value->text);
    else
        json_object_add_raw(&e->t.attributes, SLICE_LITERAL("data"), value->raw);
}

static void keep_bytes(struct cloud_event *e, struct slice media)
{
    struct json_document document;
    struct json_error error;
    if (is_json(media) && e->json_is_free &&
        json_parse(e->t.context->json, e->data, &document, &error) == STATUS_OK)
        keep_json(e, &document.nodes[0]);
    else if (slice_equal_nocase(slice_sub(media, 0, 5), "text/") &&
             utf8_check(e->data) == STATUS_OK)
        text_event_set_message(&e->t, e->data);
    else if (e->data.size)
        EVENT_SET(&e->t.event, context_raw, e->data);
}

/* Data that no other parser has read. */
static void keep_data(struct cloud_event *e, struct slice media)
{
    switch (e->kind) {
    case CLOUD_DATA_NONE:
        break;
    case CLOUD_DATA_JSON:
        json_object_add_raw(&e->t.attributes, SLICE_LITERAL("data"), e->data);
        break;
    case CLOUD_DATA_STRING:
        text_event_set_message(&e->t, e->data);
        break;
    case CLOUD_DATA_BYTES:
        keep_bytes(e, media);
    }
}

void cloud_event_finish(struct cloud_event *e, struct parser_outcome *outcome)
{
    struct parser_outcome inner = {.result = PARSER_NOT_MINE};
    struct slice media = SLICE_EMPTY;
    enum split_prefix prefix;
    if (!check_required(e, outcome))
        return;
    fill_vehicle(e);
    fill_id(e);
    fill_severity(e);
    (void)text_event_set(&e->t, EVENT_event_name, e->type);
    bool is_type = media_type_read(e->content_type, &media, &prefix) == STATUS_OK;
    if (is_type && can_hand_on(e, media) && !e->t.failed && !e->t.attributes.failed) {
        enum parser_result result = hand_on(e, &inner);
        if (result == PARSER_OK)
            return;
        if (result == PARSER_MALFORMED)
            note_broken(e, &inner);
    }
    keep_data(e, media);
    text_event_emit(&e->t, outcome);
}
