/* piped.c: the grammar common to CEF and LEEF. Pure, any thread. Does not interpret keys. */
#include "parsers/formats/cef_leef/piped.h"
#include "parsers/read/byte_scan.h"

/* "CEF:CEF:0|": a relay has prefixed a record that had the mark already. */
static struct slice without_second_mark(struct slice s, const char *mark)
{
    size_t size = strlen(mark);
    while (slice_starts_with(s, mark) && slice_starts_with(slice_sub(s, size, s.size), mark))
        s = slice_sub(s, size, s.size);
    return s;
}

/* Quotes around the whole record, as some exporters write them. */
static struct slice without_quotes(struct slice s)
{
    s = slice_trim(s);
    if (s.size >= 2 && (s.data[0] == '"' || s.data[0] == '\'') && s.data[s.size - 1] == s.data[0])
        return slice_make(s.data + 1, s.size - 2);
    return s;
}

static enum parser_result hand_to_syslog(const struct parser_context *context, struct slice record,
                                         size_t record_bytes, struct parser_outcome *outcome)
{
    const struct parser_inner inner = {
        .bytes = record, .format = SLICE_LITERAL("syslog"), .size = record_bytes};
    return context->hand_on(context, &inner, outcome);
}

bool piped_open(const struct parser_context *context, const char *mark, struct slice *record,
                struct parser_outcome *outcome)
{
    struct slice s = without_quotes(*record);
    if (slice_starts_with(s, mark)) {
        *record = without_second_mark(s, mark);
        return true;
    }
    outcome->result = PARSER_NOT_MINE;
    if (s.size && memmem(s.data, s.size, mark, strlen(mark)))
        outcome->result = hand_to_syslog(context, s, record->size, outcome);
    return false;
}

bool piped_probe(struct slice head, const char *mark)
{
    if (head.size && head.data[0] > ' ' && head.data[0] != '"' && head.data[0] != '\'')
        return slice_starts_with(head, mark); /* nothing to remove before it */
    const uint8_t *lf = slice_find_byte(head, '\n');
    head = slice_sub(head, 0, lf ? (size_t)(lf - head.data) : head.size);
    return slice_starts_with(without_quotes(head), mark);
}

bool piped_field(struct slice s, size_t *at, struct slice *field)
{
    size_t end = byte_scan_either(s, *at, '|', '\\');
    while (end < s.size && s.data[end] == '\\')
        end = byte_scan_either(s, end + 2, '|', '\\');
    bool is_ended = end < s.size;
    end = is_ended ? end : s.size;
    *field = slice_sub(s, *at, end - *at);
    *at = is_ended ? end + 1 : end;
    return is_ended;
}
