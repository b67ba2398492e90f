/* pairs.c: pairs of text records and the columns they fill. Pure, any thread. Knows no format. */
#include "parsers/formats/cef_leef/pairs.h"
#include "core/reasons/record_code.h"
#include "core/thread.h"
#include "parsers/catalog/category.h"

void pairs_table_init(struct pairs_table *table, const struct pairs_row *rows, size_t row_count)
{
    ensure(row_count <= PAIRS_ROWS_MAX);
    table->rows = rows;
    for (unsigned i = 0; i < row_count; i++)
        json_names_add(&table->names, rows[i].key, i + 1);
}

void pairs_init(struct pairs *p, const struct pairs_table *table,
                const struct parser_context *context)
{
    text_event_init(&p->t, context);
    p->table = table;
    p->there = 0;
    p->count = 0;
    p->pairs = p->few;
}

/* Moves the pairs to where all may be. */
static bool make_room(struct pairs *p)
{
    struct pair *all = p->t.context->alloc(p->t.context, PAIRS_MAX * sizeof *all);
    if (!all) {
        p->t.failed = true;
        return false;
    }
    memcpy(all, p->few, sizeof p->few);
    p->pairs = all;
    return true;
}

/* Puts the pair last among those of its row. */
static void link_to_row(struct pairs *p, unsigned row, uint16_t pair)
{
    uint64_t bit = UINT64_C(1) << row;
    if (p->there & bit)
        p->pairs[p->last[row]].next = pair;
    else
        p->first[row] = pair;
    p->last[row] = pair;
    p->there |= bit;
}

bool pairs_add(struct pairs *p, struct slice key, struct slice value)
{
    if (p->count == PAIRS_MAX) {
        text_event_note_full(&p->t);
        return false;
    }
    if (p->count == PAIRS_FEW && p->pairs == p->few && !make_room(p))
        return false;
    unsigned number = json_names_find(&p->table->names, key);
    p->pairs[p->count] = (struct pair){key, value, false, PAIRS_MAX};
    if (number)
        link_to_row(p, number - 1, (uint16_t)p->count);
    p->count++;
    return true;
}

void pairs_fill(struct pairs *p)
{
    for (uint64_t left = p->there; left; left &= left - 1) {
        unsigned r = (unsigned)__builtin_ctzll(left);
        const struct pairs_row *row = &p->table->rows[r];
        for (size_t i = p->first[r]; i != PAIRS_MAX; i = p->pairs[i].next)
            p->pairs[i].is_used = row->set(p, row->field, p->pairs[i].value);
    }
}

bool pairs_set_text(struct pairs *p, enum event_field field, struct slice value)
{
    return text_event_set(&p->t, field, value);
}

bool pairs_set_address(struct pairs *p, enum event_field field, struct slice value)
{
    return text_event_find_address(&p->t, field, value) && !memchr(value.data, '%', value.size);
}

bool pairs_set_transport(struct pairs *p, enum event_field field, struct slice value)
{
    bool is_whole;
    (void)field;
    return text_event_set_transport(&p->t, value, &is_whole) && is_whole;
}

bool pairs_set_message(struct pairs *p, enum event_field field, struct slice value)
{
    if (event_is_set(&p->t.event, field))
        return false;
    text_event_set_message(&p->t, value);
    return true;
}

bool pairs_set_int(struct pairs *p, enum event_field field, struct slice value)
{
    return text_event_set_decimal(&p->t, field, value);
}

bool pairs_set_category(struct pairs *p, enum event_field field, struct slice value)
{
    return category_is_known(value) && text_event_set(&p->t, field, value);
}

bool pairs_set_disposition(struct pairs *p, enum event_field field, struct slice value)
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
            return text_event_set(&p->t, field, slice_from_text(table[i].disposition)) &&
                   slice_equal_text(value, table[i].disposition);
    return false;
}

bool pairs_set_vin(struct pairs *p, enum event_field field, struct slice value)
{
    (void)field;
    p->t.event.vin = value;
    return true;
}

void pairs_put_time(struct pairs *p, struct slice raw, int64_t ns, bool inferred)
{
    EVENT_SET(&p->t.event, time_event_ns, ns);
    EVENT_SET(&p->t.event, time_event_raw, slice_sub(raw, 0, 256));
    if (inferred)
        EVENT_SET(&p->t.event, time_quality, SLICE_LITERAL("inferred"));
}

/* OCSF severity, -1 when the value is not a severity. */
static int severity_of(struct slice s)
{
    static const struct {
        const char *word;
        int severity_id;
    } words[] = {{"unknown", 0}, {"low", 2}, {"medium", 3}, {"high", 4}, {"very-high", 5}};
    static const int8_t numbers[11] = {1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal_nocase(s, words[i].word))
            return words[i].severity_id;
    if (s.size == 1 && s.data[0] >= '0' && s.data[0] <= '9')
        return numbers[s.data[0] - '0'];
    return slice_equal_text(s, "10") ? numbers[10] : -1;
}

void pairs_put_severity(struct pairs *p, struct slice text)
{
    struct slice trimmed = slice_trim(text);
    int severity = severity_of(trimmed);
    if (!trimmed.size)
        return;
    if (severity < 0)
        text_event_partial(&p->t, RECORD_bad_severity,
                           "severity must be 0 to 10, Unknown, Low, Medium, High or Very-High");
    EVENT_GUESS(&p->t.event, severity_id, severity < 0 ? 0 : severity);
    if (!text_event_set(&p->t, EVENT_severity_source, trimmed))
        text_event_keep(&p->t, SLICE_LITERAL("severity"), trimmed);
}
