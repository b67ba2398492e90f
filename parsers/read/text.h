/* text.h: makes a text field valid: UTF-8 (RFC 3629) without byte 0. Thread: any. */
#ifndef VSOC_PARSERS_TEXT_H
#define VSOC_PARSERS_TEXT_H

#include "core/slice.h"
#include "core/status.h"
#include "core/utf8.h"
#include "parsers/parser.h"

/* Text formats do not promise UTF-8. *text is unchanged when it is valid; else it becomes a copy
 * from context->alloc in which each byte 0 and each byte outside a character is U+FFFD, and
 * *repaired is set. 64 readable bytes follow the copy, as they follow a record. NO_MEMORY leaves
 * both. */
enum status text_repair(const struct parser_context *context, struct slice *text,
                        bool *repaired) must_check;

#endif
