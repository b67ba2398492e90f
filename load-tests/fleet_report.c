/* Scans the report of a batch. Runs on the generator's only thread. It is no general JSON reader:
 * it walks the structure and picks the fields it knows; values of others are only skipped. */
#include "fleet_report.h"

#include <string.h>

/* Bounded reader: `at` never passes `end`; `bad` is sticky. */
struct scan {
    const char *at, *end;
    bool bad;
};

struct span {
    const char *data;
    size_t size;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL && *scan->at != '\0')
        scan->at++;
}

/* Takes one expected character, after white space. */
static bool take(struct scan *scan, char c)
{
    skip_space(scan);
    if (scan->bad || scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static void need(struct scan *scan, char c)
{
    if (!take(scan, c))
        scan->bad = true;
}

/* A string's raw bytes between its quotes; escapes stay as they are. */
static struct span read_string(struct scan *scan)
{
    need(scan, '"');
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at != '"')
        scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
    struct span span = {start, (size_t)(scan->at - start)};
    need(scan, '"');
    return span;
}

static uint64_t read_number(struct scan *scan)
{
    uint64_t number = 0;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9')
        scan->bad = true;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        number = number * 10 + (uint64_t)(*scan->at++ - '0');
    return number;
}

/* Skips one value of any kind: brackets are counted, strings passed over. */
static void skip_value(struct scan *scan)
{
    size_t depth = 0;
    skip_space(scan);
    while (!scan->bad && scan->at < scan->end) {
        char c = *scan->at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        if (c == '"') {
            (void)read_string(scan);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scan->at++;
    }
}

static bool is(struct span span, const char *name)
{
    return span.size == strlen(name) && memcmp(span.data, name, span.size) == 0;
}

static bool read_true(struct scan *scan)
{
    skip_space(scan);
    bool yes = scan->end - scan->at >= 4 && memcmp(scan->at, "true", 4) == 0;
    skip_value(scan);
    return yes;
}

/* A string, cut to what fits. */
static void copy_string(struct scan *scan, char *out, size_t capacity)
{
    struct span text = read_string(scan);
    if (text.size >= capacity)
        text.size = capacity - 1;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

/* One member of errors[]: its "index" and "code" are kept. */
static void read_error(struct scan *scan, struct fleet_report *report)
{
    char code[FLEET_REPORT_CODE_MAX] = "";
    uint64_t index = UINT64_MAX;
    need(scan, '{');
    while (!scan->bad && !take(scan, '}')) {
        struct span name = read_string(scan);
        need(scan, ':');
        if (is(name, "index"))
            index = read_number(scan);
        else if (is(name, "code"))
            copy_string(scan, code, sizeof code);
        else
            skip_value(scan);
        take(scan, ',');
    }
    if (index == UINT64_MAX || report->error_count == FLEET_REPORT_ERRORS_MAX)
        return;
    memcpy(report->error_code[report->error_count], code, sizeof code);
    report->error_index[report->error_count++] = index;
}

static void read_errors(struct scan *scan, struct fleet_report *report)
{
    need(scan, '[');
    while (!scan->bad && !take(scan, ']')) {
        read_error(scan, report);
        take(scan, ',');
    }
}

/* Reads the value of one member; the bit tells which required field it was. */
static unsigned read_member(struct scan *scan, struct span name, struct fleet_report *report)
{
    if (is(name, "batch_id"))
        return copy_string(scan, report->batch_id, sizeof report->batch_id), 1u;
    if (is(name, "accepted"))
        return report->accepted = read_number(scan), 2u;
    if (is(name, "duplicates"))
        return report->duplicates = read_number(scan), 4u;
    if (is(name, "quarantined"))
        return report->quarantined = read_number(scan), 8u;
    if (is(name, "errors"))
        read_errors(scan, report);
    else if (is(name, "duplicate"))
        report->duplicate = read_true(scan);
    else if (is(name, "truncated"))
        report->truncated = read_true(scan);
    else
        skip_value(scan);
    return 0;
}

bool fleet_report_read(const char *json, size_t bytes, struct fleet_report *report)
{
    struct scan scan = {json, json + bytes, false};
    unsigned seen = 0;
    *report = (struct fleet_report){0};
    need(&scan, '{');
    while (!scan.bad && !take(&scan, '}')) {
        struct span name = read_string(&scan);
        need(&scan, ':');
        seen |= read_member(&scan, name, report);
        take(&scan, ',');
    }
    return !scan.bad && seen == 15u;
}
