/* cef.c: Common Event Format records → events. Pure, any thread. Keys without a column are kept in
 * attributes under the name their label gives. */
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "parsers/catalog/category_words.h"
#include "parsers/formats/cef_leef/cef_read.h"
#include "parsers/formats/cef_leef/pairs.h"
#include "parsers/formats/cef_leef/piped.h"
#include "parsers/read/text_time.h"

/* The dictionary has 24 keys with a label. Further labelled keys are read as ordinary keys, because
 * each costs a search. */
#define LABELS_MAX 64

struct cef {
    struct pairs p; /* values without escapes */
    struct cef_record record;
    uint16_t labels[LABELS_MAX]; /* indexes of the pairs whose key may be another one's label */
    size_t label_count;
};

/* ---- labels ---- */

static const char label_suffix[] = "Label";
#define LABEL_BYTES (sizeof label_suffix - 1)

static bool ends_with_label(struct slice key)
{
    return key.size > LABEL_BYTES &&
           !memcmp(key.data + key.size - LABEL_BYTES, label_suffix, LABEL_BYTES);
}

static void read_pairs(struct cef *c)
{
    struct cef_pair pair;
    size_t at = 0;
    while (cef_pair_next(c->record.extension, &at, &pair)) {
        if (!pairs_add(&c->p, pair.key, text_event_plain(&c->p.t, pair.value, "=\\", true)))
            return;
        if (ends_with_label(pair.key) && c->label_count < LABELS_MAX)
            c->labels[c->label_count++] = (uint16_t)(c->p.count - 1);
    }
}

/* Value of the pair named key + "Label", empty when there is no such pair. */
static struct slice label_of(const struct cef *c, struct slice key)
{
    for (size_t i = 0; i < c->label_count; i++) {
        const struct pair *pair = &c->p.pairs[c->labels[i]];
        if (pair->key.size == key.size + LABEL_BYTES && !memcmp(pair->key.data, key.data, key.size))
            return slice_trim(pair->value);
    }
    return SLICE_EMPTY;
}

/* A pair that is only the label of another one is not a value. */
static void mark_labels(struct cef *c)
{
    for (size_t l = 0; l < c->label_count; l++) {
        struct pair *label = &c->p.pairs[c->labels[l]];
        struct slice key = label->key;
        key.size -= LABEL_BYTES;
        for (size_t i = 0; i < c->p.count && !label->is_used; i++)
            label->is_used = slice_equal(c->p.pairs[i].key, key);
    }
}

/* ---- columns ---- */

static bool set_time(struct pairs *p, enum event_field field, struct slice value)
{
    int64_t ns;
    bool inferred;
    if (!slice_trim(value).size) /* no value, like an empty spt */
        return true;
    if (event_is_set(&p->t.event, field))
        return false;
    if (text_time_read(value, pairs_find(p, "dtz"), p->t.context->received_ns, &ns, &inferred) !=
        STATUS_OK) {
        text_event_partial(&p->t, RECORD_bad_time, "a time of the extension is in no known format");
        return false;
    }
    pairs_put_time(p, value, ns, inferred);
    return true;
}

/* A custom address is the source's or the destination's unless its label says otherwise. */
static bool set_labelled(struct pairs *p, enum event_field field, struct slice value,
                         struct slice label, const char *side)
{
    label = slice_trim(label);
    struct slice head = slice_sub(label, 0, strlen(side));
    return (!label.size || slice_equal_nocase(head, side)) && pairs_set_address(p, field, value);
}

static bool set_source6(struct pairs *p, enum event_field field, struct slice value)
{
    return set_labelled(p, field, value, pairs_find(p, "c6a2Label"), "source");
}

static bool set_destination6(struct pairs *p, enum event_field field, struct slice value)
{
    return set_labelled(p, field, value, pairs_find(p, "c6a3Label"), "destination");
}

/* User, process and process id of the source precede those of the destination. Columns must
 * describe the same side: a mixture would mislead. */
static bool is_of_other_side(struct slice source_name, struct slice source_id, struct slice value)
{
    return source_name.size && !slice_equal(source_id, value);
}

static bool set_user_id(struct pairs *p, enum event_field field, struct slice value)
{
    return !is_of_other_side(pairs_find(p, "suser"), pairs_find(p, "suid"), value) &&
           text_event_set(&p->t, field, value);
}

/* A path is the program's. */
static bool set_process(struct pairs *p, enum event_field field, struct slice value)
{
    const uint8_t *slash = value.size ? memrchr(value.data, '/', value.size) : NULL;
    const uint8_t *back = value.size ? memrchr(value.data, '\\', value.size) : NULL;
    const uint8_t *last = back > slash ? back : slash;
    if (!last)
        return text_event_set(&p->t, field, value);
    size_t name = (size_t)(last - value.data) + 1;
    return text_event_set(&p->t, field, slice_sub(value, name, value.size)) &&
           text_event_set(&p->t, EVENT_process_executable, value);
}

static bool set_pid(struct pairs *p, enum event_field field, struct slice value)
{
    return !is_of_other_side(pairs_find(p, "sproc"), pairs_find(p, "spid"), value) &&
           pairs_set_int(p, field, value);
}

/* Keys of the dictionary, and the full names that some senders write. rt is the time at which the
 * device received the event; start and end are fallbacks. */
static const struct pairs_row rows[] = {
    {"vin", EVENT_FIELD_COUNT, pairs_set_vin},
    {"rt", EVENT_time_event_ns, set_time},
    {"deviceReceiptTime", EVENT_time_event_ns, set_time},
    {"start", EVENT_time_event_ns, set_time},
    {"startTime", EVENT_time_event_ns, set_time},
    {"end", EVENT_time_event_ns, set_time},
    {"endTime", EVENT_time_event_ns, set_time},
    {"msg", EVENT_message, pairs_set_message},
    {"message", EVENT_message, pairs_set_message},
    {"cnt", EVENT_count, pairs_set_int},
    {"baseEventCount", EVENT_count, pairs_set_int},
    {"src", EVENT_src_ip, pairs_set_address},
    {"sourceAddress", EVENT_src_ip, pairs_set_address},
    {"c6a2", EVENT_src_ip, set_source6},
    {"dst", EVENT_dst_ip, pairs_set_address},
    {"destinationAddress", EVENT_dst_ip, pairs_set_address},
    {"c6a3", EVENT_dst_ip, set_destination6},
    {"spt", EVENT_src_port, pairs_set_int},
    {"sourcePort", EVENT_src_port, pairs_set_int},
    {"dpt", EVENT_dst_port, pairs_set_int},
    {"destinationPort", EVENT_dst_port, pairs_set_int},
    {"proto", EVENT_transport, pairs_set_transport},
    {"transportProtocol", EVENT_transport, pairs_set_transport},
    {"act", EVENT_disposition, pairs_set_disposition},
    {"deviceAction", EVENT_disposition, pairs_set_disposition},
    {"cat", EVENT_event_category, pairs_set_category},
    {"deviceEventCategory", EVENT_event_category, pairs_set_category},
    {"dvchost", EVENT_ecu_id, pairs_set_text},
    {"deviceHostName", EVENT_ecu_id, pairs_set_text},
    {"dvc", EVENT_ecu_id, pairs_set_text},
    {"deviceAddress", EVENT_ecu_id, pairs_set_text},
    {"deviceExternalId", EVENT_ecu_id, pairs_set_text},
    {"suser", EVENT_user_name, pairs_set_text},
    {"sourceUserName", EVENT_user_name, pairs_set_text},
    {"duser", EVENT_user_name, pairs_set_text},
    {"destinationUserName", EVENT_user_name, pairs_set_text},
    {"suid", EVENT_user_id, set_user_id},
    {"sourceUserId", EVENT_user_id, set_user_id},
    {"duid", EVENT_user_id, set_user_id},
    {"destinationUserId", EVENT_user_id, set_user_id},
    {"sproc", EVENT_process_name, set_process},
    {"sourceProcessName", EVENT_process_name, set_process},
    {"deviceProcessName", EVENT_process_name, set_process},
    {"dproc", EVENT_process_name, set_process},
    {"destinationProcessName", EVENT_process_name, set_process},
    {"spid", EVENT_process_pid, set_pid},
    {"sourceProcessId", EVENT_process_pid, set_pid},
    {"dvcpid", EVENT_process_pid, set_pid},
    {"deviceProcessId", EVENT_process_pid, set_pid},
    {"dpid", EVENT_process_pid, set_pid},
    {"destinationProcessId", EVENT_process_pid, set_pid},
    {"filePath", EVENT_file_path, pairs_set_text},
};

static struct pairs_table table;

__attribute__((constructor)) static void table_fill(void)
{
    pairs_table_init(&table, rows, sizeof rows / sizeof *rows);
}

/* Custom fields: what their label says they are. */
static const struct {
    const char *label;
    enum event_field field;
    pairs_set *set;
} labelled[] = {
    {"ecu", EVENT_ecu_id, pairs_set_text},
    {"ecu id", EVENT_ecu_id, pairs_set_text},
    {"ecu_id", EVENT_ecu_id, pairs_set_text},
    {"ecuid", EVENT_ecu_id, pairs_set_text},
    {"ecu name", EVENT_ecu_id, pairs_set_text},
    {"bus", EVENT_bus_id, pairs_set_text},
    {"bus id", EVENT_bus_id, pairs_set_text},
    {"bus_id", EVENT_bus_id, pairs_set_text},
    {"busid", EVENT_bus_id, pairs_set_text},
    {"can bus", EVENT_bus_id, pairs_set_text},
    {"command line", EVENT_process_command_line, pairs_set_text},
    {"commandline", EVENT_process_command_line, pairs_set_text},
    {"command_line", EVENT_process_command_line, pairs_set_text},
};

/* True when the value is in the column of its label. */
static bool take_labelled(struct pairs *p, struct slice label, struct slice value)
{
    for (size_t i = 0; i < sizeof labelled / sizeof *labelled; i++)
        if (slice_equal_nocase(label, labelled[i].label))
            return labelled[i].set(p, labelled[i].field, value);
    return false;
}

static void keep_rest(struct cef *c)
{
    for (size_t i = 0; i < c->p.count; i++) {
        const struct pair *pair = &c->p.pairs[i];
        if (pair->is_used)
            continue;
        struct slice label = label_of(c, pair->key);
        if (slice_equal_nocase(label, "vin"))
            c->p.t.event.vin = pair->value;
        else if (!take_labelled(&c->p, label.size ? label : pair->key, pair->value))
            text_event_keep(&c->p.t, label.size ? label : pair->key, pair->value);
    }
}

/* ---- header ---- */

static inline void keep_header(struct cef *c, const char *key, struct slice value)
{
    text_event_keep(&c->p.t, slice_from_text(key), value);
}

static void fill_header(struct cef *c)
{
    struct slice field[CEF_HEADER_FIELDS];
    struct text_event *t = &c->p.t;
    for (unsigned i = 0; i < CEF_HEADER_FIELDS; i++)
        field[i] = text_event_plain(t, c->record.header[i], "|\\", false);
    if (c->record.version > 1)
        text_event_partial(t, RECORD_unknown_version, "CEF version is not 0 or 1; read as 1");
    pairs_put_severity(&c->p, field[CEF_SEVERITY]);
    struct slice category = category_of_words(field[CEF_NAME]);
    if (category.size && !EVENT_HAS(&t->event, event_category))
        EVENT_GUESS(&t->event, event_category, category);
    text_event_set_message(t, field[CEF_NAME]); /* unless msg says more */
    if (!text_event_set(t, EVENT_event_name, field[CEF_NAME])) {
        keep_header(c, "name", field[CEF_NAME]);
        if (!text_event_set(t, EVENT_event_name, field[CEF_CLASS_ID]))
            EVENT_SET(&t->event, event_name, SLICE_LITERAL("cef"));
        event_mark_guess(&t->event, EVENT_event_name);
    }
    if (!text_event_set(t, EVENT_rule_id, field[CEF_CLASS_ID]))
        keep_header(c, "deviceEventClassId", field[CEF_CLASS_ID]);
    keep_header(c, "deviceVendor", field[CEF_VENDOR]);
    keep_header(c, "deviceProduct", field[CEF_PRODUCT]);
    keep_header(c, "deviceVersion", field[CEF_DEVICE_VERSION]);
    text_event_set_catalog_id(&c->p.t, field[CEF_VENDOR], field[CEF_PRODUCT], field[CEF_CLASS_ID]);
}

/* Text before the first key, or no key at all. */
static bool extension_is_text(const struct cef *c)
{
    return c->record.extension.size &&
           (!c->p.count || c->p.pairs[0].key.data != c->record.extension.data);
}

static __attribute__((noinline)) void read_record(struct slice record,
                                                  const struct parser_context *context,
                                                  struct parser_outcome *outcome)
{
    struct cef c;
    struct cef_error error;
    pairs_init(&c.p, &table, context);
    c.label_count = 0;
    text_event_repair(&c.p.t, &record);
    if (!cef_read(record, &c.record, &error)) {
        record_refuse(outcome, error.offset, error.code, error.detail);
        return;
    }
    read_pairs(&c);
    if (extension_is_text(&c)) {
        record_refuse(outcome, (size_t)(c.record.extension.data - record.data), RECORD_malformed,
                      "CEF extension must be key=value pairs");
        return;
    }
    pairs_fill(&c.p);
    mark_labels(&c);
    fill_header(&c);
    keep_rest(&c);
    text_event_emit(&c.p.t, outcome);
}

/* What is handed on does not need the room of read_record. */
static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    if (piped_open(context, "CEF:", &record, outcome))
        read_record(record, context, outcome);
}

static int probe(struct slice head)
{
    return piped_probe(head, "CEF:") ? 80 : 0;
}

const struct parser parser_cef = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "cef",
    .version = "1.0.0",
    .description = "ArcSight Common Event Format, bare or behind a syslog header",
    .framing = PARSER_FRAMING_LINES,
    .probe = probe,
    .guessed_by = "`CEF:` at the start",
    .parse = parse,
};
