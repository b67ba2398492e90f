/* csv_line.c: splits a line of CSV. Pure, any thread. (libcsv reports neither line nor column,
 * which people who write a file by hand need.) */
#include "parsers/read/csv_line.h"

static bool fail(struct csv_problem *problem, size_t at, const char *detail)
{
    *problem = (struct csv_problem){at + 1, detail};
    return false;
}

/* A field that starts with a quote at *at. Moves *at past the closing one. */
static bool take_quoted(uint8_t *line, size_t size, size_t *at, struct slice *text,
                        struct csv_problem *problem)
{
    size_t open = *at, to = open + 1;
    for (size_t i = open + 1; i < size; i++) {
        if (line[i] != '"') {
            line[to++] = line[i];
        } else if (i + 1 < size && line[i + 1] == '"') {
            line[to++] = '"';
            i++;
        } else {
            *text = slice_make(line + open + 1, to - open - 1);
            *at = i + 1;
            return true;
        }
    }
    return fail(problem, open, "the quote is not closed in its line");
}

static bool take_plain(uint8_t *line, size_t size, size_t *at, struct slice *text,
                       struct csv_problem *problem)
{
    size_t start = *at, end = start;
    while (end < size && line[end] != ',') {
        if (line[end] == '"')
            return fail(problem, end,
                        "a quote occurs in a field that does not start with one; write \"\"");
        end++;
    }
    *text = slice_make(line + start, end - start);
    *at = end;
    return true;
}

bool csv_line_split(uint8_t *line, size_t size, struct csv_field *fields, size_t max, size_t *count,
                    struct csv_problem *problem)
{
    *count = 0;
    for (size_t at = 0; at <= size; at++) { /* past the comma */
        struct csv_field field = {.column = at + 1};
        bool quoted = at < size && line[at] == '"';
        if (!(quoted ? take_quoted : take_plain)(line, size, &at, &field.text, problem))
            return false;
        if (at < size && line[at] != ',')
            return fail(problem, at, "a comma must follow the closing quote");
        if (*count < max)
            fields[*count] = field;
        ++*count;
    }
    return true;
}
