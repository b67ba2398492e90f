/* spool_frame.h: record ↔ bytes of a segment: a fixed header with its own CRC32C, the key area with
 * another, then the payload (meta texts, events, body, padding to 8 bytes) with a third. Version 2
 * is written; version 1, without key area, is read too. Bytes: docs/spool-format.md §3. Nothing
 * here reads files. */
#ifndef VSOC_STORAGE_SPOOL_FRAME_H
#define VSOC_STORAGE_SPOOL_FRAME_H

#include "storage/spool/batch.h"

#define SPOOL_RECORD_MAGIC        UINT32_C(0x43455256) /* "VREC" */
#define SPOOL_RECORD_VERSION      2
#define SPOOL_RECORD_KEYED        1 /* of its flags: the batch key is an HMAC */
#define SPOOL_RECORD_SEALED       2 /* events and body are encrypted */
#define SPOOL_RECORD_PARTS        4 /* events begin with a table, and have several keys */
#define SPOOL_RECORD_HEADER_BYTES 320
/* Of version 1: the smallest header, and what a segment has left when it ends. */
#define SPOOL_RECORD_HEADER_MIN 240
#define SPOOL_RECORD_ALIGN      8
#define SPOOL_KEY_AREA_MAX      (UINT32_C(8) << 20)
#define SPOOL_META_BYTES_MAX    (UINT32_C(4) << 20)
#define SPOOL_RECORD_BYTES_MAX  (UINT32_C(1) << 30)

/* A record's header, decoded and checked. Sizes are consistent with record_bytes. */
struct spool_frame {
    uint32_t record_bytes; /* header, key area, payload and padding */
    uint32_t header_bytes, key_bytes;
    uint32_t meta_bytes, events_bytes, body_bytes; /* as stored */
    uint32_t payload_crc;
    bool sealed, has_parts;
    uint8_t content_sha256[SHA256_BYTES]; /* version 1: of meta texts and events */
    struct batch_meta meta;               /* its texts are empty */
};

/* Writes header, key area and meta texts into batch->frame, with everything that does not depend on
 * the place in the spool: sizes, commitments, payload CRC. Seals the batch (batch_seal) unless its
 * owner has. keys may be NULL. TOO_LARGE: over the format's limits. NO_MEMORY. Thread: the batch's
 * owner. */
enum status spool_frame_prepare(struct batch *batch, const struct seal_keys *keys) must_check;
/* Bytes of the record of a prepared batch. */
uint32_t spool_frame_bytes(const struct batch *batch);
/* Gives a prepared batch its place: meta's position, leaf_index, events_before, ingested_ns (set by
 * the caller) and tag go into the header; meta's chain_hash becomes SHA-256 of *chain and the
 * header, *chain the same. */
void spool_frame_seal(struct batch *batch, uint64_t tag, struct sha256 *hash,
                      uint8_t chain[SHA256_BYTES]);
/* Stored bytes after the frame, in order: events, their tag, body, its tag, padding. Tags are empty
 * unless the batch is encrypted. */
struct slice spool_frame_events_tag(const struct batch *batch);
struct slice spool_frame_body_tag(const struct batch *batch);
/* Zero bytes that fill the record up to SPOOL_RECORD_ALIGN. */
struct slice spool_frame_padding(const struct batch *batch);

/* Header from the first bytes of a record: SPOOL_RECORD_HEADER_BYTES of them, fewer where the file
 * ends. CORRUPT: not an intact header of a segment with
 * this tag. VERSION: intact, but of a newer version. */
enum status spool_frame_decode_header(struct slice bytes, uint64_t tag,
                                      struct spool_frame *frame) must_check;
/* A complete record: checks the CRC of the payload and the key area, and returns texts, events and
 * body as slices of bytes (frame's record_bytes), as they are stored. CORRUPT. */
enum status spool_frame_decode(const struct spool_frame *frame, struct slice bytes,
                               struct batch_record *record) must_check;
/* Meta with its texts, from the first bytes of a record; events and body need not be there, and the
 * payload's CRC is not checked. CORRUPT. */
enum status spool_frame_texts(const struct spool_frame *frame, struct slice bytes,
                              struct batch_meta *meta) must_check;
/* Chain hash that the record should have after *chain: SHA-256(chain ‖ header bytes 8 to the chain
 * hash). header: of an intact record. */
void spool_frame_chain(struct slice header, struct sha256 *hash, const uint8_t chain[SHA256_BYTES],
                       uint8_t digest[SHA256_BYTES]);

#endif
