/* record_open.h: the clear parts of a record that was read. One opener, one thread. */
#ifndef VSOC_STORAGE_RECORD_OPEN_H
#define VSOC_STORAGE_RECORD_OPEN_H

#include "storage/spool/batch.h"
#include "storage/spool/seal/seal_keys.h"

struct record_opener {
    const struct seal_keys *keys; /* NULL: none */
    bool without_body;            /* an encrypted body is left out */
    struct seal_cipher *cipher;
    uint8_t *buffer; /* the clear parts of the last record */
    size_t capacity;
};

void record_opener_init(struct record_opener *opener);
void record_opener_fini(struct record_opener *opener);
/* Fills state, key_id and seed of a checked record and makes its events and body clear: slices of
 * the opener's buffer, valid until its next call. Where that is not possible, record->sealed stays
 * true, events and body are empty and state says why. NO_MEMORY. */
enum status record_open(struct record_opener *opener, struct batch_record *record) must_check;

#endif
