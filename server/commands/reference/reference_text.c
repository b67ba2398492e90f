/* reference_text.c: escapes texts for Markdown and mdoc(7). Main thread. */
#include "server/commands/reference/reference_text.h"

#include <stdbool.h>

#include "core/writer.h"

/* The pages change with the tables, not by the day: a fixed date keeps them reproducible. */
#define MDOC_DATE  "November 23, 2026"
#define MDOC_WIDTH 78

void reference_cell(struct writer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            writer_u8(out, '\\');
        writer_u8(out, (uint8_t)*text);
    }
}

/* Bytes of the UTF-8 character at p; its code point in *point. Tables are valid UTF-8. */
static size_t character(const char *p, unsigned *point)
{
    unsigned char c = (unsigned char)*p;
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *point = size == 1 ? c : c & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        *point = *point << 6 | ((unsigned char)p[i] & 0x3f);
    return size;
}

static void mdoc_word(struct writer *out, const char *word, size_t size, bool at_start)
{
    if (at_start && (*word == '.' || *word == '\''))
        writer_text(out, "\\&");
    for (size_t i = 0; i < size;) {
        unsigned point;
        size_t n = character(word + i, &point);
        if (point == '\\')
            writer_text(out, "\\e");
        else if (point < 0x80)
            writer_u8(out, (uint8_t)point);
        else
            writer_format(out, "\\[u%04X]", point);
        i += n;
    }
}

static bool ends_sentence(const char *word, size_t size)
{
    char last = word[size - 1];
    return size > 1 && (last == '.' || last == '!' || last == '?');
}

void mdoc_text(struct writer *out, const char *text)
{
    size_t line = out->size;
    while (*text) {
        size_t size = strcspn(text, " \n"), used = out->size - line;
        if (size) {
            bool wrap = used && used + 1 + size > MDOC_WIDTH;
            if (wrap)
                writer_u8(out, '\n');
            else if (used)
                writer_u8(out, ' ');
            if (wrap)
                line = out->size;
            mdoc_word(out, text, size, out->size == line);
            if (ends_sentence(text, size) && text[size]) {
                writer_u8(out, '\n');
                line = out->size;
            }
        }
        text += size;
        text += *text != '\0';
    }
    if (out->size != line)
        writer_u8(out, '\n');
}

void mdoc_literal(struct writer *out, const char *lines)
{
    writer_text(out, ".Bd -literal -compact\n");
    while (*lines) {
        size_t size = strcspn(lines, "\n");
        mdoc_word(out, lines, size, true);
        writer_u8(out, '\n');
        lines += size;
        lines += *lines == '\n';
    }
    writer_text(out, ".Ed\n");
}

void mdoc_head(struct writer *out, const char *title, const char *section, const char *name,
               const char *summary)
{
    writer_format(out, ".Dd " MDOC_DATE "\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", title,
                  section, name, summary);
}
