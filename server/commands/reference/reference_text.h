/* reference_text.h: texts of tables as Markdown cells and as mdoc. Thread: main. */
#ifndef VSOC_SERVER_REFERENCE_TEXT_H
#define VSOC_SERVER_REFERENCE_TEXT_H

struct writer;

/* Text of a Markdown table cell: escapes |. */
void reference_cell(struct writer *out, const char *text);
/* A paragraph's text in mdoc: escaped and wrapped, with a new line after each sentence. */
void mdoc_text(struct writer *out, const char *text);
/* Unchanged lines, in a literal display. */
void mdoc_literal(struct writer *out, const char *lines);
/* Date, title, section and name of a page. */
void mdoc_head(struct writer *out, const char *title, const char *section, const char *name,
               const char *summary);

#endif
