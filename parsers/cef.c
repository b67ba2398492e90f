/* cef.c: Common Event Format records, bare or in syslog → events. Pure, any thread. Keys without a
 * column are kept in attributes under the name their label gives. */
#include "parsers/builtin.h"
#include "parsers/category.h"
#include "parsers/cef_read.h"
#include "parsers/cef_time.h"
#include "parsers/piped.h"

#define PAIRS_MAX 512
/* The dictionary has 24 keys with a label. More are read as ordinary keys: each is searched for. */
#define LABELS_MAX 64

struct cef {
    struct text_event t;
    struct cef_record record;
    struct cef_pair pairs[PAIRS_MAX]; /* values without escapes */
    size_t pair_count;
    uint16_t labels[LABELS_MAX]; /* places of the pairs whose key may be another one's label */
    size_t label_count;
};

/* ---- values ---- */

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
        if (c->pair_count == PAIRS_MAX) {
            text_event_note_full(&c->t);
            return;
        }
        pair.value = piped_plain(&c->t, pair.value, "=\\", true);
        if (ends_with_label(pair.key) && c->label_count < LABELS_MAX)
            c->labels[c->label_count++] = (uint16_t)c->pair_count;
        c->pairs[c->pair_count++] = pair;
    }
}

static struct slice find(const struct cef *c, const char *key)
{
    for (size_t i = 0; i < c->pair_count; i++)
        if (slice_equal_text(c->pairs[i].key, key))
            return c->pairs[i].value;
    return SLICE_EMPTY;
}

/* Value of the pair named key + "Label", empty when there is none. */
static struct slice label_of(const struct cef *c, struct slice key)
{
    for (size_t i = 0; i < c->label_count; i++) {
        const struct cef_pair *pair = &c->pairs[c->labels[i]];
        if (pair->key.size == key.size + LABEL_BYTES && !memcmp(pair->key.data, key.data, key.size))
            return slice_trim(pair->value);
    }
    return SLICE_EMPTY;
}

/* Marks the pairs that are only the label of another one. */
static void mark_labels(const struct cef *c, bool used[PAIRS_MAX])
{
    for (size_t l = 0; l < c->label_count; l++) {
        struct slice key = c->pairs[c->labels[l]].key;
        key.size -= LABEL_BYTES;
        for (size_t i = 0; i < c->pair_count && !used[c->labels[l]]; i++)
            used[c->labels[l]] = slice_equal(c->pairs[i].key, key);
    }
}

/* ---- columns ---- */

static bool set_text(struct cef *c, enum event_field field, struct slice value)
{
    return text_event_set(&c->t, field, value);
}

static bool set_lower(struct cef *c, enum event_field field, struct slice value)
{
    return text_event_set_lower(&c->t, field, value);
}

/* Decimal digits within the field's range. */
static bool set_int(struct cef *c, enum event_field field, struct slice value)
{
    int64_t v = 0;
    if (!value.size || value.size > 18)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        v = v * 10 + (value.data[i] - '0');
    }
    return text_event_set_int(&c->t, field, v);
}

static bool set_address(struct cef *c, enum event_field field, struct slice value)
{
    return text_event_set_address(&c->t, field, value);
}

static bool set_category(struct cef *c, enum event_field field, struct slice value)
{
    return category_is_known(value) && text_event_set(&c->t, field, value);
}

/* Words of appliances for what they did with the packet or call. */
static bool set_disposition(struct cef *c, enum event_field field, struct slice value)
{
    static const struct {
        const char *word, *disposition;
    } table[] = {
        {"blocked", "blocked"},   {"block", "blocked"},   {"deny", "blocked"},
        {"denied", "blocked"},    {"reject", "blocked"},  {"rejected", "blocked"},
        {"drop", "dropped"},      {"dropped", "dropped"}, {"discard", "dropped"},
        {"allow", "allowed"},     {"allowed", "allowed"}, {"permit", "allowed"},
        {"permitted", "allowed"}, {"accept", "allowed"},  {"accepted", "allowed"},
        {"pass", "allowed"},      {"alert", "detected"},  {"detected", "detected"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_equal_nocase(value, table[i].word))
            return text_event_set(&c->t, field, slice_from_text(table[i].disposition));
    return false;
}

static bool set_vin(struct cef *c, enum event_field field, struct slice value)
{
    (void)field;
    c->t.event.vin = value;
    return true;
}

static bool set_time(struct cef *c, enum event_field field, struct slice value)
{
    int64_t ns;
    bool inferred;
    if (event_is_set(&c->t.event, field))
        return false;
    if (cef_time_read(value, find(c, "dtz"), c->t.context->received_ns, &ns, &inferred) !=
        STATUS_OK) {
        text_event_partial(&c->t, "bad_time", "a time of the extension is in no known format");
        return false;
    }
    EVENT_SET(&c->t.event, time_event_ns, ns);
    EVENT_SET(&c->t.event, time_event_raw, slice_sub(value, 0, 256));
    if (inferred)
        EVENT_SET(&c->t.event, time_quality, SLICE_LITERAL("inferred"));
    return true;
}

static bool set_message(struct cef *c, enum event_field field, struct slice value)
{
    if (event_is_set(&c->t.event, field))
        return false;
    text_event_set_message(&c->t, value);
    return true;
}

/* Extension key → column. A value that does not fit its column is kept in attributes. For one
 * column the row that stands first wins: rt is when the device got it, start and end are fallbacks.
 */
static const struct row {
    const char *key;
    enum event_field field;
    bool (*set)(struct cef *c, enum event_field field, struct slice value);
} rows[] = {
    {"vin", EVENT_FIELD_COUNT, set_vin},
    {"rt", EVENT_time_event_ns, set_time},
    {"start", EVENT_time_event_ns, set_time},
    {"end", EVENT_time_event_ns, set_time},
    {"msg", EVENT_message, set_message},
    {"cnt", EVENT_count, set_int},
    {"src", EVENT_src_ip, set_address},
    {"c6a2", EVENT_src_ip, set_address},
    {"dst", EVENT_dst_ip, set_address},
    {"c6a3", EVENT_dst_ip, set_address},
    {"spt", EVENT_src_port, set_int},
    {"dpt", EVENT_dst_port, set_int},
    {"proto", EVENT_transport, set_lower},
    {"act", EVENT_disposition, set_disposition},
    {"cat", EVENT_event_category, set_category},
    {"dvchost", EVENT_ecu_id, set_text},
    {"dvc", EVENT_ecu_id, set_text},
    {"deviceExternalId", EVENT_ecu_id, set_text},
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

/* Fills the columns in the order of rows; used[i] says that pair i has one. */
static void fill_columns(struct cef *c, bool used[PAIRS_MAX])
{
    for (size_t r = 0; r < ROW_COUNT; r++)
        for (size_t i = 0; i < c->pair_count; i++)
            if (!used[i] && slice_equal_text(c->pairs[i].key, rows[r].key))
                used[i] = rows[r].set(c, rows[r].field, c->pairs[i].value);
}

static void keep_rest(struct cef *c, const bool used[PAIRS_MAX])
{
    for (size_t i = 0; i < c->pair_count; i++) {
        if (used[i])
            continue;
        struct slice label = label_of(c, c->pairs[i].key);
        if (slice_equal_nocase(label, "vin"))
            c->t.event.vin = c->pairs[i].value;
        else
            text_event_keep(&c->t, label.size ? label : c->pairs[i].key, c->pairs[i].value);
    }
}

/* ---- header ---- */

/* OCSF severity of a CEF severity, -1 when it is none. */
static int severity_of(struct slice s)
{
    static const struct {
        const char *word;
        int severity_id;
    } words[] = {{"unknown", 0}, {"low", 2}, {"medium", 3}, {"high", 4}, {"very-high", 5}};
    static const int8_t numbers[11] = {1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5};
    s = slice_trim(s);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal_nocase(s, words[i].word))
            return words[i].severity_id;
    if (s.size == 1 && s.data[0] >= '0' && s.data[0] <= '9')
        return numbers[s.data[0] - '0'];
    return slice_equal_text(s, "10") ? numbers[10] : -1;
}

static void fill_severity(struct cef *c, struct slice text)
{
    int severity = severity_of(text);
    if (severity < 0 && text.size)
        text_event_partial(&c->t, "bad_severity",
                           "severity must be 0 to 10, Unknown, Low, Medium, High or Very-High");
    EVENT_SET(&c->t.event, severity_id, severity < 0 ? 0 : severity);
    (void)text_event_set(&c->t, EVENT_severity_source, slice_trim(text));
}

static void keep_header(struct cef *c, const char *key, struct slice value)
{
    text_event_keep(&c->t, slice_from_text(key), value);
}

static void fill_header(struct cef *c)
{
    struct slice field[CEF_HEADER_FIELDS];
    for (unsigned i = 0; i < CEF_HEADER_FIELDS; i++)
        field[i] = piped_plain(&c->t, c->record.header[i], "|\\", false);
    fill_severity(c, field[CEF_SEVERITY]);
    if (!text_event_set(&c->t, EVENT_event_name, field[CEF_NAME])) {
        keep_header(c, "name", field[CEF_NAME]);
        if (!text_event_set(&c->t, EVENT_event_name, field[CEF_CLASS_ID]))
            EVENT_SET(&c->t.event, event_name, SLICE_LITERAL("cef"));
    }
    if (!text_event_set(&c->t, EVENT_rule_id, field[CEF_CLASS_ID]))
        keep_header(c, "deviceEventClassId", field[CEF_CLASS_ID]);
    keep_header(c, "deviceVendor", field[CEF_VENDOR]);
    keep_header(c, "deviceProduct", field[CEF_PRODUCT]);
    keep_header(c, "deviceVersion", field[CEF_DEVICE_VERSION]);
}

/* Text before the first key, or no key at all. */
static bool extension_is_text(const struct cef *c)
{
    return c->record.extension.size &&
           (!c->pair_count || c->pairs[0].key.data != c->record.extension.data);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct cef c;
    struct cef_error error;
    bool used[PAIRS_MAX] = {false};
    if (!piped_open(context, "CEF:", &record, outcome))
        return;
    text_event_init(&c.t, context);
    c.pair_count = c.label_count = 0;
    text_event_repair(&c.t, &record);
    if (!cef_read(record, &c.record, &error)) {
        parser_malformed(outcome, error.offset, error.code, error.detail);
        return;
    }
    read_pairs(&c);
    if (extension_is_text(&c)) {
        parser_malformed(outcome, (size_t)(c.record.extension.data - record.data), "malformed",
                         "CEF extension must be key=value pairs");
        return;
    }
    fill_columns(&c, used);
    mark_labels(&c, used);
    fill_header(&c);
    keep_rest(&c, used);
    text_event_emit(&c.t, outcome);
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
    .parse = parse,
};
