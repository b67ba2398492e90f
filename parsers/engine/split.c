/* split.c: splits an inflated body into records by the framing of its format. Pure, any thread.
 * Copies nothing; does not check the contents of a record. */
#include "parsers/engine/split.h"
#include "core/reader.h"
#include "parsers/engine/split_count.h"
#include "parsers/read/split_scan.h"

/* Cost of a step to the next line or value, in addition to the bytes scanned. */
#define WORK_OF_STEP 8

/* Blanks before an object, or after it on its line, that are looked at without asking for time. */
#define BLANKS_MOST 64

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool starts_value(uint8_t c)
{
    return c == '{' || c == '[';
}

void split_init(struct split *split, struct slice body, enum parser_framing framing,
                enum split_prefix prefix)
{
    *split = (struct split){.body = body, .framing = framing, .prefix = prefix};
    bool is_text = framing == PARSER_FRAMING_JSON || framing == PARSER_FRAMING_LINES ||
                   framing == PARSER_FRAMING_SYSLOG;
    if (is_text && slice_starts_with(body, "\xEF\xBB\xBF"))
        split->offset = 3; /* byte order mark */
}

/* Returns [from, to) without trailing white space and continues at next. */
static enum status give(struct split *split, struct split_record *record, size_t from, size_t to,
                        size_t next, const char *broken)
{
    while (to > from && is_space(split->body.data[to - 1]))
        to--;
    *record = (struct split_record){slice_sub(split->body, from, to - from), from, broken};
    split->offset = next;
    return STATUS_OK;
}

static size_t line_end(const struct split *split, size_t at)
{
    return work_find(split->work, split->body, at, '\n');
}

static size_t skip_space(struct slice body, size_t at)
{
    while (at < body.size && is_space(body.data[at]))
        at++;
    return at;
}

/* Only blanks precede at on its line. */
static bool first_of_line(struct slice body, size_t at)
{
    while (at > 0 && (body.data[at - 1] == ' ' || body.data[at - 1] == '\t'))
        at--;
    return at == 0 || body.data[at - 1] == '\n';
}

/* Start of the first value that begins a line at or after `at`; the body's end if there is none. */
static size_t next_value_line(const struct split *split, size_t at)
{
    const struct slice body = split->body;
    if (!first_of_line(body, at))
        at = line_end(split, at);
    while (at < body.size && work_add(split->work, WORK_OF_STEP)) {
        at = work_skip_space(split->work, body, at);
        if (at < body.size && starts_value(body.data[at]))
            return at;
        at = line_end(split, at);
    }
    return body.size;
}

static enum status give_broken(struct split *split, struct split_record *record, size_t from,
                               size_t at, const char *broken)
{
    size_t next = next_value_line(split, at);
    split->after_element = true;
    return give(split, record, from, next, next, broken);
}

/* Returns a line as a record, once it is certain that some value never ends. */
static enum status next_by_line(struct split *split, struct split_record *record, size_t at)
{
    size_t end = line_end(split, at);
    const char *broken = starts_value(split->body.data[at]) ? NULL : "text between JSON values";
    size_t to = end;
    while (to > at && (is_space(split->body.data[to - 1]) || split->body.data[to - 1] == ','))
        to--;
    return give(split, record, at, to > at ? to : end, end, broken);
}

/* Distance within which a line end is searched, before brackets are used to find the value's end.
 */
#define LINE_LOOK_BYTES 4096

/* Another value may start inside [at, end): } and { with only blanks between. */
static bool has_neighbours(struct slice body, size_t at, size_t end)
{
    const uint8_t *p = body.data + at, *last = body.data + end - 1;
    while ((p = memchr(p, '}', (size_t)(last - p))) != NULL) {
        p++;
        while (p < last && is_space(*p))
            p++;
        if (*p == '{')
            return true;
    }
    return false;
}

/* The common case of NDJSON: end of the value that takes the whole line at `at`, 0 when uncertain.
 * JSON cannot continue a value where a line ends with } and the next one starts with {. */
static size_t whole_line(struct slice body, size_t at)
{
    size_t look = body.size - at < LINE_LOOK_BYTES ? body.size - at : LINE_LOOK_BYTES;
    const uint8_t *lf = memchr(body.data + at, '\n', look);
    if (!lf && look == LINE_LOOK_BYTES)
        return 0;
    size_t end = lf ? (size_t)(lf - body.data) : body.size;
    size_t next = skip_space(slice_sub(body, 0, end + LINE_LOOK_BYTES), end);
    if (next == end + LINE_LOOK_BYTES) /* blanks are scanned once, not for each value */
        return 0;
    while (is_space(body.data[end - 1]))
        end--;
    if (body.data[end - 1] != '}' || (next < body.size && body.data[next] != '{'))
        return 0;
    return has_neighbours(body, at, end) ? 0 : end;
}

static enum status next_container(struct split *split, struct split_record *record, size_t at)
{
    size_t end = split->in_array ? 0 : whole_line(split->body, at);
    if (end)
        return give(split, record, at, end, end, NULL);
    switch (split_scan_value(split->body, at, split->work, &end)) {
    case SPLIT_SCAN_COMPLETE:
        split->after_element = true;
        return give(split, record, at, end, end, NULL);
    case SPLIT_SCAN_BROKEN:
        return give_broken(split, record, at, end, "JSON value breaks off");
    case SPLIT_SCAN_UNTERMINATED:
        break;
    }
    split->by_line = true; /* so that no byte is searched repeatedly for an end */
    return give_broken(split, record, at, at + 1, "JSON value never ends");
}

/* A number, text or literal as element of the array: a record that its parser will refuse. */
static enum status next_scalar(struct split *split, struct split_record *record, size_t at)
{
    const struct slice body = split->body;
    size_t end = at;
    if (body.data[at] == '"') {
        for (end++; end < body.size && body.data[end] != '"' && body.data[end] != '\n'; end++)
            if (body.data[end] == '\\')
                end++;
        end = end < body.size ? end + 1 : body.size;
    }
    while (end < body.size && body.data[end] != ',' && body.data[end] != ']' &&
           body.data[end] != '\n')
        end++;
    split->after_element = true;
    return give(split, record, at, end, end, NULL);
}

/* Inside the top-level array at a byte that is not white space. NOT_MINE: the byte is consumed,
 * continue. */
static enum status next_element(struct split *split, struct split_record *record, size_t at)
{
    uint8_t c = split->body.data[at];
    split->offset = at + 1;
    if (c == ']') {
        split->in_array = false;
        return STATUS_NOT_MINE;
    }
    if (c == ',' && split->after_element) {
        split->after_element = false;
        return STATUS_NOT_MINE;
    }
    if (c == ',')
        return give(split, record, at, at + 1, at + 1, "comma without a value");
    return starts_value(c) ? next_container(split, record, at) : next_scalar(split, record, at);
}

/* Bytes allowed between values: the byte order mark of a file that was appended to others, and the
 * separator of RFC 7464. */
static size_t mark_bytes(struct slice body, size_t at)
{
    if (body.data[at] == 0x1E)
        return 1;
    return slice_starts_with(slice_sub(body, at, 3), "\xEF\xBB\xBF") ? 3 : 0;
}

static enum status next_json(struct split *split, struct split_record *record)
{
    for (;;) {
        size_t at = work_skip_space(split->work, split->body, split->offset);
        split->offset = at;
        if (!work_add(split->work, WORK_OF_STEP))
            return STATUS_END;
        if (at >= split->body.size) {
            split->done = true;
            return split->in_array && !split->by_line
                       ? give(split, record, at, at, at, "JSON array is not closed")
                       : STATUS_END;
        }
        if (split->by_line)
            return next_by_line(split, record, at);
        if (split->in_array) {
            enum status status = next_element(split, record, at);
            if (status != STATUS_NOT_MINE)
                return status;
        } else if (split->body.data[at] == '[') {
            split->in_array = true;
            split->after_element = false;
            split->offset = at + 1;
        } else if (split->body.data[at] == '{') {
            return next_container(split, record, at);
        } else if (mark_bytes(split->body, at)) {
            split->offset = at + mark_bytes(split->body, at);
        } else {
            return give_broken(split, record, at, at + 1, "text between JSON values");
        }
    }
}

static enum status next_line(struct split *split, struct split_record *record)
{
    size_t at = split->offset;
    while (at < split->body.size && work_add(split->work, WORK_OF_STEP)) {
        size_t end = line_end(split, at);
        size_t next = end < split->body.size ? end + 1 : end;
        size_t to = end > at && split->body.data[end - 1] == '\r' ? end - 1 : end;
        if (work_skip_space(split->work, slice_sub(split->body, 0, to), at) < to) {
            *record = (struct split_record){slice_sub(split->body, at, to - at), at, NULL};
            split->offset = next;
            return STATUS_OK;
        }
        at = next;
    }
    split->done = true;
    return STATUS_END;
}

/* Bytes directly after an octet-counted frame that do not start another. */
static enum status next_gap(struct split *split, struct split_record *record, size_t at)
{
    if (split->line_end < at)
        split->line_end = line_end(split, at);
    size_t end = split_count_resume(split->body, at, split->line_end, split->work);
    *record = (struct split_record){slice_sub(split->body, at, end - at), at,
                                    "text behind an octet-counted frame"};
    split->offset = end;
    return STATUS_OK;
}

static enum status next_frame(struct split *split, struct split_record *record)
{
    size_t at = work_skip_space(split->work, split->body, split->offset), end = at;
    enum split_count found = at < split->body.size
                                 ? split_count_frame(split->body, at, split->work, &end)
                                 : SPLIT_COUNT_NONE;
    bool is_behind = split->counted && at < split->body.size && split->body.data[at - 1] != '\n';
    if (found == SPLIT_COUNT_NONE && is_behind && !split_count_is_priority(split->body, at))
        return next_gap(split, record, at);
    split->counted = found != SPLIT_COUNT_NONE;
    if (!split->counted)
        return next_line(split, record);
    *record = (struct split_record){
        slice_sub(split->body, at, end - at), at,
        found == SPLIT_COUNT_BROKEN ? "octet count does not lead to the end of its frame" : NULL};
    split->offset = end;
    return STATUS_OK;
}

static enum status next_prefixed(struct split *split, struct split_record *record)
{
    struct slice rest = slice_sub(split->body, split->offset, split->body.size);
    struct reader r = reader_make(rest);
    struct slice bytes =
        reader_bytes(&r, (size_t)reader_uint_be(&r, split->prefix == SPLIT_PREFIX_U16 ? 2 : 4));
    if (r.status != STATUS_OK) {
        split->done = true;
        *record = (struct split_record){rest, split->offset, "length prefix runs past the end"};
        return STATUS_OK;
    }
    *record = (struct split_record){bytes, split->offset + r.offset - bytes.size, NULL};
    split->offset += r.offset;
    return STATUS_OK;
}

static enum status next_stream(struct split *split, struct split_record *record)
{
    if (split->offset >= split->body.size) {
        split->done = true;
        return STATUS_END;
    }
    if (split->prefix != SPLIT_PREFIX_NONE)
        return next_prefixed(split, record);
    *record = (struct split_record){slice_sub(split->body, split->offset, split->body.size),
                                    split->offset, NULL};
    return STATUS_OK;
}

size_t split_object_at(const struct split *split)
{
    const struct slice body = split->body;
    size_t at = split->offset, most = at + BLANKS_MOST < body.size ? at + BLANKS_MOST : body.size;
    if (split->framing != PARSER_FRAMING_JSON || split->done || split->in_array || split->by_line)
        return body.size;
    while (at < most && is_space(body.data[at]))
        at++;
    return at < body.size && body.data[at] == '{' ? at : body.size;
}

bool split_take_object(struct split *split, size_t at, size_t end, struct split_record *record)
{
    const struct slice body = split->body;
    size_t next = end, most = end + BLANKS_MOST < body.size ? end + BLANKS_MOST : body.size;
    while (next < most && body.data[next] != '\n' && is_space(body.data[next]))
        next++;
    if (next < body.size && body.data[next] != '\n' && body.data[next] != '{')
        return false;
    return give(split, record, at, end, end, NULL) == STATUS_OK;
}

enum status split_next(struct split *split, struct split_record *record)
{
    if (split->done)
        return STATUS_END;
    switch (split->framing) {
    case PARSER_FRAMING_JSON:
        return next_json(split, record);
    case PARSER_FRAMING_LINES:
        return next_line(split, record);
    case PARSER_FRAMING_SYSLOG:
        return next_frame(split, record);
    case PARSER_FRAMING_STREAM:
        return next_stream(split, record);
    case PARSER_FRAMING_BODY:
        break;
    }
    split->done = true;
    *record = (struct split_record){split->body, 0, NULL};
    return split->body.size ? STATUS_OK : STATUS_END;
}

void split_advance(struct split *split, size_t consumed)
{
    if (split->framing != PARSER_FRAMING_STREAM || split->prefix != SPLIT_PREFIX_NONE)
        return;
    size_t left = split->body.size - split->offset;
    split->offset += consumed && consumed < left ? consumed : left;
}
