/* pairs.h: the key=value pairs of a text record → columns by a table, the rest → attributes. One
 * owner, one record. */
#ifndef VSOC_PARSERS_PAIRS_H
#define VSOC_PARSERS_PAIRS_H

#include "core/json/json_names.h"
#include "parsers/fill/text_event.h"

#define PAIRS_MAX 512
#define PAIRS_FEW 40 /* pairs of most records */

struct pair {
    struct slice key, value;
    bool is_used;  /* has a column, or is no value of its own */
    uint16_t next; /* pair of the same row; PAIRS_MAX: none */
};

struct pairs;

/* Returns true when the column holds the value as it was written. False: it is kept in attributes.
 */
typedef bool pairs_set(struct pairs *p, enum event_field field, struct slice value);

/* Key → column. The first row of a column wins. */
struct pairs_row {
    const char *key;
    enum event_field field;
    pairs_set *set;
};

#define PAIRS_ROWS_MAX 64

/* The rows of a format, which no two keys share, and their numbers by key. */
struct pairs_table {
    const struct pairs_row *rows;
    struct json_names names; /* number of a row + 1 */
};

/* rows: constant. Before main. */
void pairs_table_init(struct pairs_table *table, const struct pairs_row *rows, size_t row_count);

struct pairs {
    struct text_event t;
    const struct pairs_table *table;
    uint64_t there;                                       /* a bit for each row with a pair */
    uint16_t first[PAIRS_ROWS_MAX], last[PAIRS_ROWS_MAX]; /* its pairs; unset without the bit */
    struct pair *pairs;                                   /* few, or allocated */
    size_t count;
    struct pair few[PAIRS_FEW];
};

void pairs_init(struct pairs *p, const struct pairs_table *table,
                const struct parser_context *context);
/* False, and noted, when there are PAIRS_MAX already, or memory runs out. */
bool pairs_add(struct pairs *p, struct slice key, struct slice value);
/* Value of the first pair of that key, a literal; empty when there is no such pair. */
static inline __attribute__((always_inline)) struct slice pairs_find(const struct pairs *p,
                                                                     const char *key)
{
    for (size_t i = 0; i < p->count; i++)
        if (slice_equal_text(p->pairs[i].key, key))
            return p->pairs[i].value;
    return SLICE_EMPTY;
}

/* Fills the columns in the order of the table's rows. */
void pairs_fill(struct pairs *p);

pairs_set pairs_set_text, pairs_set_address, pairs_set_message;
/* A protocol's name or number; field is ignored. */
pairs_set pairs_set_transport;
/* Decimal digits within the field's range. */
pairs_set pairs_set_int;
/* One of the categories of our list. */
pairs_set pairs_set_category;
/* A term of appliances for what they did with the packet or call. */
pairs_set pairs_set_disposition;
/* The vehicle; field is ignored. */
pairs_set pairs_set_vin;

/* time_event_ns and what belongs to it. */
void pairs_put_time(struct pairs *p, struct slice raw, int64_t ns, bool inferred);
/* Severity 0 to 10 or by name. Empty: nothing. */
void pairs_put_severity(struct pairs *p, struct slice text);

#endif
