/* inflate_zstd_frame.h: the structure of Zstandard frames (RFC 8878 §3.1): where a frame and its
 * blocks end, what a frame declares. In pieces of any size, nothing kept; contents are not read.
 * Thread: any, one owner. */
#ifndef VSOC_SERVER_INFLATE_ZSTD_FRAME_H
#define VSOC_SERVER_INFLATE_ZSTD_FRAME_H

#include "core/slice.h"
#include "core/status.h"

/* What a sender may use (RFC 9659 §3). */
#define ZSTD_FRAME_WINDOW_MAX ((uint64_t)8 << 20)

struct zstd_frame {
    unsigned part;     /* being read */
    uint64_t left;     /* bytes of it that are to come */
    uint8_t bytes[18]; /* of the part, when its value counts */
    size_t have;
    bool is_skippable, is_last_block, has_checksum;
    bool declares_size;
    uint64_t content_bytes; /* declared */
    unsigned ended;         /* in the last call: blocks and frames */
};

void zstd_frame_start(struct zstd_frame *frame);
/* Continues reading, at most up to the end of a block or of the frame; *consumed bytes of in belong
 * to it. OK: the frame is complete; the next call starts another one. END: it continues. MALFORMED:
 * not a frame of the standard. OUT_OF_RANGE: its window is over ZSTD_FRAME_WINDOW_MAX. */
enum status zstd_frame_feed(struct zstd_frame *frame, struct slice in, size_t *consumed) must_check;

#endif
