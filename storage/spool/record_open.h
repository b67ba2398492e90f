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
    /* Of the last record with parts. */
    struct seal_table table;
    struct record_parts parts;
    struct record_part *items;
    struct seal_entry *entries;
    struct slice *runs;
    size_t item_room, run_room;
};

void record_opener_init(struct record_opener *opener);
void record_opener_fini(struct record_opener *opener);
/* Fills state, key_id and seed of a checked record and makes its events and body clear: slices of
 * the opener's buffer, valid until its next call. Where that is not possible, record->sealed stays
 * true, events and body are empty and state says why. A record with parts is open when one of them
 * is; record->parts has the rest. NO_MEMORY. */
enum status record_open(struct record_opener *opener, struct batch_record *record) must_check;

/* How many vehicles must have been erased for the keys of this opened record to be as they are. */
uint64_t record_erasures(const struct batch_record *record);
/* An opened record: whether this part is what its commitment says, as far as it is not erased. */
bool record_is_committed(const struct batch_record *record, enum seal_part part);
/* Appends what part number n of a record with parts holds, and commits to: its events, then its
 * records as received, each as LEB128 offset in the inflated body, LEB128 size, bytes. */
void record_part_write(struct writer *w, const struct batch_record *record, size_t n);

#endif
