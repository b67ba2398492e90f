/* leef.c: Log Event Extended Format records → events. Pure, any thread. Keys without a column are
 * kept in attributes under their own name. */
#include "parsers/registry/builtin.h"
#include "parsers/read/text.h"
#include "parsers/read/record_refuse.h"
#include "parsers/catalog/category_words.h"
#include "parsers/formats/cef_leef/leef_read.h"
#include "parsers/formats/cef_leef/pairs.h"
#include "parsers/formats/cef_leef/piped.h"
#include "parsers/read/text_time.h"

static bool set_time(struct pairs *p, enum event_field field, struct slice value)
{
    int64_t ns, received_ns = p->t.context->received_ns;
    bool inferred;
    struct slice pattern = pairs_find(p, "devTimeFormat");
    if (!slice_trim(value).size) /* no value */
        return true;
    if (event_is_set(&p->t.event, field))
        return false;
    enum status status = pattern.size
                             ? text_time_read_by(pattern, value, received_ns, &ns, &inferred)
                             : text_time_read(value, SLICE_EMPTY, received_ns, &ns, &inferred);
    if (status != STATUS_OK) {
        text_event_partial(&p->t, RECORD_bad_time,
                           "devTime does not follow devTimeFormat, or is in no known format");
        return false;
    }
    pairs_put_time(p, value, ns, inferred);
    return true;
}

static bool set_severity(struct pairs *p, enum event_field field, struct slice value)
{
    if (event_is_set(&p->t.event, field))
        return false;
    pairs_put_severity(p, value);
    return true;
}

/* "true": somebody came or went. */
static bool set_login(struct pairs *p, enum event_field field, struct slice value)
{
    if (slice_equal_nocase(value, "true"))
        (void)text_event_set(&p->t, field, SLICE_LITERAL("authentication"));
    return false;
}

/* Predefined attributes of LEEF, and other common ones. */
static const struct pairs_row rows[] = {
    {"vin", EVENT_FIELD_COUNT, pairs_set_vin},
    {"devTime", EVENT_time_event_ns, set_time},
    {"sev", EVENT_severity_id, set_severity},
    {"cat", EVENT_event_category, pairs_set_category},
    {"isLoginEvent", EVENT_event_category, set_login},
    {"isLogoutEvent", EVENT_event_category, set_login},
    {"src", EVENT_src_ip, pairs_set_address},
    {"dst", EVENT_dst_ip, pairs_set_address},
    {"srcPort", EVENT_src_port, pairs_set_int},
    {"dstPort", EVENT_dst_port, pairs_set_int},
    {"proto", EVENT_transport, pairs_set_transport},
    {"msg", EVENT_message, pairs_set_message},
    {"action", EVENT_disposition, pairs_set_disposition},
    {"act", EVENT_disposition, pairs_set_disposition},
    {"dvchost", EVENT_ecu_id, pairs_set_text},
    {"dvc", EVENT_ecu_id, pairs_set_text},
    {"ecu", EVENT_ecu_id, pairs_set_text},
    {"ecu_id", EVENT_ecu_id, pairs_set_text},
    {"bus", EVENT_bus_id, pairs_set_text},
    {"bus_id", EVENT_bus_id, pairs_set_text},
    {"usrName", EVENT_user_name, pairs_set_text},
    {"accountName", EVENT_user_name, pairs_set_text},
    {"processName", EVENT_process_name, pairs_set_text},
    {"process", EVENT_process_name, pairs_set_text},
    {"processId", EVENT_process_pid, pairs_set_int},
    {"pid", EVENT_process_pid, pairs_set_int},
    {"commandLine", EVENT_process_command_line, pairs_set_text},
    {"filePath", EVENT_file_path, pairs_set_text},
};

static struct pairs_table table;

__attribute__((constructor)) static void table_fill(void)
{
    pairs_table_init(&table, rows, sizeof rows / sizeof *rows);
}

/* Names that some products send in addition to a number as EventID. */
static struct slice name_in_words(const struct pairs *p)
{
    struct slice name = slice_trim(pairs_find(p, "eventName"));
    name = name.size ? name : slice_trim(pairs_find(p, "evtName"));
    name = name.size ? name : slice_trim(pairs_find(p, "name"));
    return name.size <= (size_t)event_field_table[EVENT_event_name].max ? name : SLICE_EMPTY;
}

/* False: there is text, but no attribute. */
static bool read_attributes(struct pairs *p, const struct leef_record *record)
{
    struct slice key, value;
    size_t at = 0, without_key = 0;
    while (leef_attribute_next(record, &at, &key, &value)) {
        without_key += !key.size;
        if (!pairs_add(p, key.size ? key : SLICE_LITERAL("text"), value))
            break;
    }
    if (without_key)
        text_event_partial(&p->t, RECORD_bad_pair, "an attribute has no key");
    return !without_key || without_key < p->count;
}

/* "Vendor Product event 42", which a row of the catalogue replaces. */
static void guess_message(struct text_event *t, const struct slice field[LEEF_HEADER_FIELDS])
{
    size_t room =
        field[LEEF_VENDOR].size + field[LEEF_PRODUCT].size + field[LEEF_EVENT_ID].size + 16;
    uint8_t *text = t->context->alloc(t->context, room);
    if (!text) {
        t->failed = true;
        return;
    }
    const struct slice parts[] = {field[LEEF_VENDOR], SLICE_LITERAL(" "), field[LEEF_PRODUCT],
                                  SLICE_LITERAL(" event "), field[LEEF_EVENT_ID]};
    text_event_set_message(t, slice_trim(text_join(text, parts, 5)));
    event_mark_guess(&t->event, EVENT_message);
}

static void fill_header(struct pairs *p, const struct leef_record *record)
{
    static const struct slice keys[LEEF_HEADER_FIELDS] = {
        SLICE_LITERAL("deviceVendor"), SLICE_LITERAL("deviceProduct"),
        SLICE_LITERAL("deviceVersion"), SLICE_LITERAL("eventId")};
    struct slice field[LEEF_HEADER_FIELDS], id = SLICE_EMPTY;
    for (unsigned i = 0; i < LEEF_HEADER_FIELDS; i++) {
        field[i] = text_event_plain(&p->t, record->header[i], "|\\", false);
        if (i == LEEF_EVENT_ID && text_event_set(&p->t, EVENT_rule_id, field[i]))
            id = field[i];
        else
            text_event_keep(&p->t, keys[i], field[i]);
    }
    struct slice words = name_in_words(p), category = category_of_words(words.size ? words : id);
    EVENT_GUESS(&p->t.event, event_name, words.size ? words : id.size ? id : SLICE_LITERAL("leef"));
    if (category.size && !EVENT_HAS(&p->t.event, event_category))
        EVENT_GUESS(&p->t.event, event_category, category);
    text_event_set_message(&p->t, words); /* unless msg says more */
    if (!EVENT_HAS(&p->t.event, message))
        guess_message(&p->t, field);
    text_event_set_catalog_id(&p->t, field[LEEF_VENDOR], field[LEEF_PRODUCT], field[LEEF_EVENT_ID]);
    if (record->is_guessed)
        text_event_partial(&p->t, RECORD_other_delimiter,
                           "attributes are not parted by the record's delimiter (a tab, or what it "
                           "declares); what seems to part them was taken");
    if (record->bad_delimiter)
        text_event_partial(&p->t, RECORD_bad_delimiter,
                           "delimiter must be one character or its code in hex; a tab was taken");
}

static __attribute__((noinline)) void read_record(struct slice record,
                                                  const struct parser_context *context,
                                                  struct parser_outcome *outcome)
{
    struct pairs p;
    struct leef_record leef;
    struct leef_error error;
    pairs_init(&p, &table, context);
    text_event_repair(&p.t, &record);
    if (!leef_read(record, &leef, &error)) {
        record_refuse(outcome, error.offset, error.code, error.detail);
        return;
    }
    if (!read_attributes(&p, &leef)) {
        record_refuse(outcome, (size_t)(leef.attributes.data - record.data), RECORD_malformed,
                      "LEEF attributes must be key=value pairs");
        return;
    }
    pairs_fill(&p);
    fill_header(&p, &leef);
    for (size_t i = 0; i < p.count; i++)
        if (!p.pairs[i].is_used)
            text_event_keep(&p.t, p.pairs[i].key, p.pairs[i].value);
    text_event_emit(&p.t, outcome);
}

/* What is handed on does not need the room of read_record. */
static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    if (piped_open(context, "LEEF:", &record, outcome))
        read_record(record, context, outcome);
}

static int probe(struct slice head)
{
    return piped_probe(head, "LEEF:") ? 80 : 0;
}

const struct parser parser_leef = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "leef",
    .version = "1.0.0",
    .description = "QRadar Log Event Extended Format 1.0 and 2.0, bare or behind a syslog header",
    .framing = PARSER_FRAMING_LINES,
    .probe = probe,
    .guessed_by = "`LEEF:` at the start",
    .parse = parse,
};
