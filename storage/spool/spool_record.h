/* spool_record.h: constants and limits of a record on disk. Bytes: docs/spool-format.md §3. */
#ifndef VSOC_STORAGE_SPOOL_RECORD_H
#define VSOC_STORAGE_SPOOL_RECORD_H

#include <stdint.h>

#define SPOOL_RECORD_MAGIC        UINT32_C(0x43455256) /* "VREC" */
#define SPOOL_RECORD_TYPE_BATCH   1
#define SPOOL_RECORD_VERSION      1
#define SPOOL_RECORD_KEYED        1 /* of its flags */
#define SPOOL_RECORD_HEADER_BYTES 240
#define SPOOL_RECORD_ALIGN        8
#define SPOOL_META_BYTES_MAX      (UINT32_C(4) << 20)
#define SPOOL_RECORD_BYTES_MAX    (UINT32_C(1) << 30)

#endif
