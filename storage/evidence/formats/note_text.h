/* note_text.h: what all these texts are made of: lines, decimal numbers, base64, proofs. Each value
 * has one spelling; any other is refused. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_TEXT_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_TEXT_H

#include "core/slice.h"
#include "core/writer.h"
#include "storage/evidence/formats/merkle.h"

#define NOTE_TEXT_PATH_MAX 63 /* tlog-witness's limit, which no tree of 2^63 leaves exceeds */

/* Takes the next line off *text, with its line end; *line is without it. False: there is no whole
 * line left. */
bool note_text_line(struct slice *text, struct slice *line);
/* The part before the first space, which is removed too; false: there is no space. */
bool note_text_word(struct slice *line, struct slice *word);
/* Decimal digits without leading zeros, at most max. */
bool note_text_number(struct slice text, uint64_t max, uint64_t *number);
/* Bytes that padded base64 (RFC 4648 §4) stands for; 0: it is none, or of nothing. */
size_t note_text_base64_bytes(struct slice text);
/* Decodes base64 of exactly `size` bytes, at most 4096. */
bool note_text_base64(struct slice text, uint8_t *out, size_t size);
/* UTF-8 without control characters below U+0020 other than line ends. */
enum status note_text_check(struct slice text) must_check;

/* Hashes of a proof as lines of base64, and the empty line behind them: takes them off *text.
 * MALFORMED, TOO_MANY. */
enum status note_text_path(struct slice *text, struct merkle_path *path) must_check;
void note_text_write_path(struct writer *w, const struct merkle_path *path);

#endif
