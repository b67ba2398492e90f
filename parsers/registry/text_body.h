/* text_body.h: bytes around the records of a text body. Thread: any. */
#ifndef VSOC_PARSERS_TEXT_BODY_H
#define VSOC_PARSERS_TEXT_BODY_H

#include "parsers/parser.h"

/* The format's bodies are texts. */
bool text_body_is_of(const struct parser *parser);
/* Removes the padding at the end of fixed-size and DOS files, bytes 0 and Ctrl-Z (1A): after a line
 * end, or after any text of a format of lines. */
struct slice text_body_trim_end(struct slice body, enum parser_framing framing);
/* Bytes at the head before the first record: byte order mark of UTF-8, blank lines. */
size_t text_body_head_bytes(struct slice body);
/* UTF-16 or UTF-32: by its byte order mark, or because every second byte is 0. */
bool text_body_is_utf16(struct slice body);

#endif
