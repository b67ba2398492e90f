/* cef_time.c: CEF times → ns. Pure, any thread. Knows no zone names but UTC's: others are taken as
 * UTC and marked. */
#include "parsers/cef_time.h"
#include "core/clock.h"
#include "parsers/timestamp.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Offset of a zone in ns; false when it is none we know. */
static bool read_zone(struct slice zone, int64_t *offset_ns)
{
    *offset_ns = 0;
    if (slice_equal_nocase(zone, "utc") || slice_equal_nocase(zone, "gmt") ||
        slice_equal_nocase(zone, "z"))
        return true;
    if (slice_starts_with(zone, "GMT") || slice_starts_with(zone, "UTC"))
        zone = slice_sub(zone, 3, zone.size);
    bool colon = zone.size == 6 && zone.data[3] == ':';
    if ((!colon && zone.size != 5) || (zone.data[0] != '+' && zone.data[0] != '-'))
        return false;
    const uint8_t *m = zone.data + zone.size - 2;
    if (!is_digit(zone.data[1]) || !is_digit(zone.data[2]) || !is_digit(m[0]) || !is_digit(m[1]))
        return false;
    int64_t minutes =
        ((zone.data[1] - '0') * 10 + zone.data[2] - '0') * 60 + (m[0] - '0') * 10 + m[1] - '0';
    *offset_ns = minutes * 60 * NS_PER_S * (zone.data[0] == '-' ? -1 : 1);
    return true;
}

/* "MMM dd yyyy": the year is written. */
static bool has_year(struct slice text)
{
    size_t spaces = 0;
    for (size_t i = 0; i + 4 < text.size; i++) {
        if (text.data[i] == ' ' && text.data[i + 1] != ' ')
            spaces++;
        if (spaces == 2)
            return is_digit(text.data[i + 3]) && is_digit(text.data[i + 4]);
    }
    return false;
}

enum status cef_time_read(struct slice text, struct slice dtz, int64_t received_ns, int64_t *ns,
                          bool *inferred)
{
    size_t consumed;
    int64_t offset_ns, result;
    *inferred = false;
    text = slice_trim(text);
    if (text.size && (is_digit(text.data[0]) || text.data[0] == '-'))
        return text.size > 4 && text.data[4] == '-' ? timestamp_rfc3339(text, ns)
                                                    : timestamp_epoch_text(text, ns);
    enum status status = timestamp_rfc3164(text, received_ns, &result, &consumed);
    if (status != STATUS_OK)
        return status;
    struct slice zone = slice_trim(slice_sub(text, consumed, text.size));
    bool known = read_zone(zone.size ? zone : slice_trim(dtz), &offset_ns);
    *inferred = !known || !has_year(text);
    if (__builtin_sub_overflow(result, offset_ns, &result))
        return STATUS_OUT_OF_RANGE;
    *ns = result;
    return STATUS_OK;
}
