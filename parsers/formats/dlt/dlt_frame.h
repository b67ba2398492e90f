/* dlt_frame.h: finds DLT messages in a body. Thread: any. Copies nothing. */
#ifndef VSOC_PARSERS_DLT_FRAME_H
#define VSOC_PARSERS_DLT_FRAME_H

#include "core/reasons/record_code.h"
#include "core/slice.h"

/* Bytes before a message: nothing on a socket, a storage header in a file, a magic number on a
 * serial line. */
enum dlt_magic { DLT_MAGIC_NONE, DLT_MAGIC_STORAGE, DLT_MAGIC_SERIAL, DLT_MAGIC_STORAGE_V2 };

#define DLT_STORAGE_BYTES 16 /* magic, seconds, microseconds, ECU id */
#define DLT_MAGIC_BYTES   4

/* Header type, first byte of the standard header. */
#define DLT_HAS_EXTENDED    0x01
#define DLT_BIG_ENDIAN      0x02
#define DLT_HAS_ECU         0x04
#define DLT_HAS_SESSION     0x08
#define DLT_HAS_UPTIME      0x10
#define DLT_VERSION(htyp)   ((htyp) >> 5)
#define DLT_VERSION_1       1
#define DLT_IS_VERBOSE      0x01 /* message info, first byte of the extended header */
#define DLT_TYPE(msin)      ((msin) >> 1 & 7)
#define DLT_TYPE_INFO(msin) ((msin) >> 4)

struct dlt_frame {
    size_t start, end; /* of all its bytes in the body */
    size_t payload;    /* where the payload starts */
    enum dlt_magic magic;
    uint8_t htyp, counter;
    uint8_t msin, argument_count;   /* 0 without an extended header */
    uint32_t session, uptime;       /* when htyp has them */
    struct slice ecu, app, context; /* 4 bytes, or empty */
};

/* Why a message can't be read. Static texts. */
struct dlt_problem {
    enum record_code code;
    const char *detail;
};

enum dlt_magic dlt_magic_at(struct slice body, size_t at);
/* Offset of the next storage or serial header, of either version, in [from, to); else to. */
size_t dlt_magic_next(struct slice body, size_t from, size_t to);
/* Reads the headers of the message at `at`. NULL: *frame is set; else what is wrong. */
const struct dlt_problem *dlt_frame_read(struct slice body, size_t at, struct dlt_frame *frame);

#endif
