/* time_guess.c: reads values that may be times, with or without a zone. Pure, any thread. */
#include "parsers/fill/time_guess.h"
#include "parsers/read/timestamp.h"
#include "parsers/fill/vsoc_json_value.h"

#define TIME_BYTES   64
#define RAW_TIME_MAX 256
/* Smaller numbers are counters, or clocks that count from a start-up. */
#define YEAR_2000_NS (INT64_C(946684800) * 1000000000)

enum status time_guess_text(struct slice text, int64_t *ns, bool *inferred)
{
    uint8_t with_zone[TIME_BYTES + 1];
    enum status status = timestamp_rfc3339(text, ns);
    if (status != STATUS_MALFORMED || !text.size || text.size > TIME_BYTES)
        return status;
    memcpy(with_zone, text.data, text.size);
    with_zone[text.size] = 'Z';
    *inferred = true;
    return timestamp_rfc3339(slice_make(with_zone, text.size + 1), ns);
}

bool time_guess_take(const struct json_node *value, struct event *event)
{
    int64_t ns;
    bool inferred = false;
    bool is_text = value->type == JSON_STRING;
    enum status status = vsoc_json_time_read(value, &ns);
    if (is_text && status != STATUS_OK)
        status = time_guess_text(value->text, &ns, &inferred);
    bool is_date = is_text && value->text.size > 4 && value->text.data[4] == '-';
    if (status != STATUS_OK || (!is_date && ns < YEAR_2000_NS))
        return false;
    EVENT_SET(event, time_event_ns, ns);
    EVENT_SET(event, time_event_raw,
              slice_sub(is_text ? value->text : value->raw, 0, RAW_TIME_MAX));
    if (inferred)
        EVENT_SET(event, time_quality, SLICE_LITERAL("inferred"));
    return true;
}
