/* spool_frame.h: record ↔ bytes of a segment: a fixed header with its own CRC32C, then the payload
 * (meta texts, events, body, padding to 8 bytes) with another. Bytes: docs/spool-format.md §3.
 * Nothing here reads files. */
#ifndef VSOC_STORAGE_SPOOL_FRAME_H
#define VSOC_STORAGE_SPOOL_FRAME_H

#include "storage/spool/batch.h"

#define SPOOL_RECORD_MAGIC        UINT32_C(0x43455256) /* "VREC" */
#define SPOOL_RECORD_TYPE_BATCH   1
#define SPOOL_RECORD_VERSION      1
#define SPOOL_RECORD_KEYED        1 /* of its flags */
#define SPOOL_RECORD_HEADER_BYTES 240
#define SPOOL_RECORD_ALIGN        8
#define SPOOL_META_BYTES_MAX      (UINT32_C(4) << 20)
#define SPOOL_RECORD_BYTES_MAX    (UINT32_C(1) << 30)

/* A record's header, decoded and checked. Sizes are consistent with record_bytes. */
struct spool_frame {
    uint32_t record_bytes; /* header, payload and padding */
    uint32_t meta_bytes, events_bytes, body_bytes;
    uint32_t payload_crc;
    uint8_t content_sha256[SHA256_BYTES]; /* of meta texts and events */
    struct batch_meta meta;               /* its texts are empty */
};

/* Writes header and meta texts into batch->frame, with everything that does not depend on the place
 * in the spool: sizes, digests, payload CRC. TOO_LARGE: over the format's limits. NO_MEMORY.
 * Thread: the batch's owner. */
enum status spool_frame_prepare(struct batch *batch) must_check;
/* Bytes of the record of a prepared batch. */
uint32_t spool_frame_bytes(const struct batch *batch);
/* Gives a prepared batch its place: meta's position, events_before, ingested_ns (set by the caller)
 * and tag go into the header; meta's chain_hash becomes SHA-256 of *chain and the header, *chain
 * the same. */
void spool_frame_seal(struct batch *batch, uint64_t tag, struct sha256 *hash,
                      uint8_t chain[SHA256_BYTES]);
/* Zero bytes that fill the record up to SPOOL_RECORD_ALIGN. */
struct slice spool_frame_padding(const struct batch *batch);

/* Header from its SPOOL_RECORD_HEADER_BYTES bytes. CORRUPT: not an intact header of a segment with
 * this tag. VERSION: intact, but of a newer version. */
enum status spool_frame_decode_header(struct slice bytes, uint64_t tag,
                                      struct spool_frame *frame) must_check;
/* A complete record: checks the payload CRC and returns texts, events and body as slices of bytes
 * (frame's record_bytes). CORRUPT. */
enum status spool_frame_decode(const struct spool_frame *frame, struct slice bytes,
                               struct batch_record *record) must_check;
/* Meta with its texts, from the first bytes of a record; events and body need not be there, and the
 * payload's CRC is not checked. CORRUPT. */
enum status spool_frame_texts(const struct spool_frame *frame, struct slice bytes,
                              struct batch_meta *meta) must_check;
/* Chain hash that the record should have after *chain: SHA-256(chain ‖ header bytes 8 to 207). */
void spool_frame_chain(struct slice header, struct sha256 *hash, const uint8_t chain[SHA256_BYTES],
                       uint8_t digest[SHA256_BYTES]);

#endif
