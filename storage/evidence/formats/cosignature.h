/* cosignature.h: what a witness signs (c2sp.org/tlog-cosignature): the message, and the bytes of a
 * timestamped signature. note.h uses it for keys of these types. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_COSIGNATURE_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_COSIGNATURE_H

#include "storage/evidence/formats/note_key.h"

#define COSIGNATURE_TIME_BYTES 8

/* Appends the message of a cosignature of text, a checkpoint. MALFORMED: it is none, or time_s is
 * over 2^63 - 1; UNSUPPORTED: no algorithm of cosignatures. */
enum status cosignature_message(struct writer *w, const struct note_verifier *cosigner,
                                struct slice text, uint64_t time_s) must_check;

#endif
