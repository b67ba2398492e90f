/* inflate_gzip_header.h: the header of a gzip member (RFC 1952 §2.3), in pieces of any size,
 * nothing kept. Thread: any, one owner. */
#ifndef VSOC_SERVER_INFLATE_GZIP_HEADER_H
#define VSOC_SERVER_INFLATE_GZIP_HEADER_H

#include "core/slice.h"
#include "core/status.h"

struct gzip_header {
    unsigned part;      /* of the header being read */
    size_t part_bytes;  /* of it that were read */
    size_t extra_bytes; /* announced length of the extra field */
    uint8_t flags;
    uint32_t crc; /* of the header so far */
    uint32_t crc_sent;
};

void inflate_gzip_header_start(struct gzip_header *header);
/* Continues reading; *consumed bytes of in belong to the header. OK: it is complete. END: it
 * continues after in. MALFORMED: not a gzip header, a method other than deflate, reserved flags,
 * wrong CRC. */
enum status inflate_gzip_header_feed(struct gzip_header *header, struct slice in,
                                     size_t *consumed) must_check;

#endif
