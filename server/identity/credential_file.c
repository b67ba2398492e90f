/* credential_file.c: lines of JSON objects in files of senders and tokens. Main thread and
 * subcommands. Does not know which members an object has. */
#include "server/identity/credential_file.h"
#include "server/files/trusted_file.h"
#include "core/log/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/writer.h"
#include "server/files/file_read.h"

#define LINE_DEPTH 4
#define LINE_NODES (CREDENTIAL_VEHICLES_MAX + 2048)
#define COUNT_MAX  1000000000

enum status credential_problem(struct credential_problem *problem, const struct json_node *node,
                               const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(problem->text, sizeof problem->text, format, list);
    va_end(list);
    problem->at = node ? node->raw.data : NULL;
    return STATUS_CONFIG;
}

static enum status read_line(struct json_parser *json, struct slice text, credential_line line,
                             void *arg, struct credential_problem *problem)
{
    struct json_document d;
    struct json_error error;
    enum status s = json_parse(json, text, &d, &error);
    if (s == STATUS_NO_MEMORY)
        return s;
    if (s != STATUS_OK) {
        credential_problem(problem, NULL, "expected a JSON object: %s", error.detail);
        problem->at = text.data + (error.offset < text.size ? error.offset : text.size);
        return STATUS_CONFIG;
    }
    if (d.nodes[0].type != JSON_OBJECT)
        return credential_problem(problem, NULL, "expected a JSON object, this is another value");
    return line(arg, &d, problem);
}

/* text is followed by JSON_PADDING readable bytes. */
static enum status read_lines(struct json_parser *json, struct slice text, credential_line line,
                              void *arg, struct problem *reason)
{
    struct credential_problem problem = {0};
    struct slice whole = SLICE_EMPTY;
    size_t number = 0;
    enum status s = STATUS_OK;
    while (s == STATUS_OK && text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        whole = slice_sub(text, 0, size);
        text = slice_sub(text, size + 1, text.size);
        number++;
        struct slice object = slice_trim(whole);
        if (object.size && object.data[0] != '#')
            s = read_line(json, object, line, arg, &problem);
    }
    if (s == STATUS_CONFIG && problem.at)
        problem_say(reason, "line %zu, column %zu: %s", number,
                    (size_t)(problem.at - whole.data) + 1, problem.text);
    else if (s == STATUS_CONFIG)
        problem_say(reason, "line %zu: %s", number, problem.text);
    else if (s != STATUS_OK)
        problem_say(reason, "%s", status_text(s));
    return s;
}

enum status credential_lines(struct slice text, credential_line line, void *arg,
                             struct problem *problem)
{
    struct writer padded;
    writer_init(&padded, FILE_READ_MAX + JSON_PADDING);
    struct json_parser *json = json_parser_create(LINE_DEPTH, LINE_NODES);
    enum status s = STATUS_NO_MEMORY;
    problem_say(problem, "%s", status_text(s));
    if (json && writer_reserve(&padded, text.size + JSON_PADDING)) {
        writer_add_slice(&padded, text);
        memset(padded.data + padded.size, 0, JSON_PADDING);
        s = read_lines(json, writer_slice(&padded), line, arg, problem);
    }
    writer_fini(&padded);
    json_parser_destroy(json);
    return s;
}

bool credential_is_word(struct slice s, const char *more, size_t max)
{
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (!c || !strchr(more, c)))
            return false;
    }
    return s.size <= max;
}

bool credential_is_formats(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] == ',' && (i == 0 || i + 1 == s.size || s.data[i + 1] == ','))
            return false;
    return credential_is_word(s, "_,", CREDENTIAL_FORMATS_MAX);
}

bool credential_read_text(const struct json_node *node, struct slice *out)
{
    *out = node->text;
    return node->type == JSON_STRING && node->text.size > 0;
}

bool credential_read_count(const struct json_node *node, uint64_t *out)
{
    *out = (uint64_t)node->integer;
    return node->type == JSON_INT && node->integer >= 0 && node->integer <= COUNT_MAX;
}

bool credential_read_list(struct arena *arena, const struct json_node *node, struct slice *out)
{
    size_t size = 0, at = 0;
    if (node->type != JSON_ARRAY || node->span == 1)
        return false;
    for (const struct json_node *n = node + 1; n < node + node->span; n += n->span) {
        if (n->type != JSON_STRING || !n->text.size || memchr(n->text.data, ',', n->text.size))
            return false;
        size += n->text.size + 1;
    }
    uint8_t *text = arena_alloc(arena, size);
    if (!text)
        return false;
    for (const struct json_node *n = node + 1; n < node + node->span; n += n->span) {
        memcpy(text + at, n->text.data, n->text.size);
        at += n->text.size;
        text[at++] = ',';
    }
    *out = slice_make(text, size - 1);
    return true;
}

enum status credential_vehicles(struct slice list, struct vehicle_set **out)
{
    size_t count = 1, n = 0, bad;
    for (size_t i = 0; i < list.size; i++)
        count += list.data[i] == ',';
    struct slice *texts = calloc(count, sizeof *texts);
    if (!texts)
        return STATUS_NO_MEMORY;
    while (n < count) {
        const uint8_t *comma = slice_find_byte(list, ',');
        texts[n] = slice_sub(list, 0, comma ? (size_t)(comma - list.data) : list.size);
        list = slice_sub(list, texts[n].size + 1, list.size);
        n++;
    }
    enum status s = vehicle_set_create(texts, count, out, &bad);
    free(texts);
    return s;
}

enum status credential_read_vehicles(struct arena *arena, const struct json_node *node,
                                     struct vehicle_set **out, struct credential_problem *problem)
{
    struct slice list;
    if (!credential_read_list(arena, node, &list))
        return credential_problem(problem, node,
                                  "vehicles is a list of VINs and VIN prefixes such as \"1M8*\"");
    switch (credential_vehicles(list, out)) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_NO_MEMORY:
        return STATUS_NO_MEMORY;
    case STATUS_TOO_MANY:
        return credential_problem(problem, node, "vehicles has more than %d VIN prefixes",
                                  VEHICLE_SET_PREFIXES_MAX);
    default:
        return credential_problem(
            problem, node,
            "vehicles holds a text that is neither a VIN nor a VIN prefix such as \"1M8*\"");
    }
}

enum status credential_file_read(const char *path, credential_line line, void *arg,
                                 struct problem *problem)
{
    struct writer text;
    enum status s = trusted_file_read(path, TRUSTED_SECRET, &text, problem);
    if (s == STATUS_OK)
        s = credential_lines(writer_slice(&text), line, arg, problem);
    writer_fini(&text);
    return s;
}
