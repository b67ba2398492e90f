/* report_errors.c: errors[] of a report as text, and its first entry back. Worker threads. Does not
 * decide which errors are reported: the pipeline does. */
#include "server/ingest/report_errors.h"
#include "core/reasons/record_code.h"

#include <string.h>

#define BEFORE_INDEX  "\n {\"index\":"
#define BEFORE_OFFSET ",\"offset\":"
#define BEFORE_CODE   ",\"code\":"

void report_errors_write(struct writer *out, const struct pipeline_error *errors, uint32_t count)
{
    writer_u8(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct pipeline_error *e = &errors[i];
        writer_format(out, "%s" BEFORE_INDEX "%u" BEFORE_OFFSET "%llu" BEFORE_CODE, i ? "," : "",
                      e->index, (unsigned long long)e->offset);
        writer_json_string(out, slice_from_text(e->reason.word));
        writer_text(out, ",\"detail\":");
        writer_json_string(out, slice_from_text(e->reason.detail));
        writer_u8(out, '}');
    }
    writer_text(out, count ? "\n]" : "]");
}

/* Steps over a fixed text. */
static bool skip(struct slice *rest, const char *text)
{
    if (!slice_starts_with(*rest, text))
        return false;
    *rest = slice_sub(*rest, strlen(text), rest->size);
    return true;
}

static bool read_number(struct slice *rest, uint64_t *value)
{
    size_t digits = 0;
    for (*value = 0; digits < rest->size && digits < 20; digits++) {
        uint8_t c = rest->data[digits];
        if (c < '0' || c > '9')
            break;
        *value = *value * 10 + (uint64_t)(c - '0');
    }
    *rest = slice_sub(*rest, digits, rest->size);
    return digits > 0;
}

enum status report_errors_first(struct slice text, struct report_error *first)
{
    struct slice rest = text;
    uint64_t index, offset;
    if (!text.size || slice_equal_text(text, "[]"))
        return STATUS_NOT_FOUND;
    if (!skip(&rest, "[" BEFORE_INDEX) || !read_number(&rest, &index) || index > UINT32_MAX ||
        !skip(&rest, BEFORE_OFFSET) || !read_number(&rest, &offset) ||
        !skip(&rest, BEFORE_CODE "\""))
        return STATUS_MALFORMED;
    const uint8_t *end = slice_find_byte(rest, '"');
    if (!end)
        return STATUS_MALFORMED;
    first->index = (uint32_t)index;
    first->code = record_code_find(slice_make(rest.data, (size_t)(end - rest.data)));
    return STATUS_OK;
}
