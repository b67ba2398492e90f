/* The floors: the least that accepting a batch must do to its bytes, each measured alone. */
#ifndef LOAD_TESTS_FLOORS_H
#define LOAD_TESTS_FLOORS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FLOORS_PADDING = 64 }; /* readable bytes behind the inflated ones, as simdjson wants them */

/* One batch as it is on the wire, and as it is inflated (with FLOORS_PADDING bytes behind). */
struct floors_batch {
    const char *coded, *plain;
    size_t coded_bytes, plain_bytes;
    uint32_t events;
};

/* A floor does its work on one batch and returns how many events it found, so that a compiler
 * cannot drop the work and a mistake shows. 0 = the bytes were not what they should be. scratch:
 * room for plain_bytes + FLOORS_PADDING. Thread: any, one at a time. */
typedef uint32_t floors_work(const struct floors_batch *batch, char *scratch);

floors_work floors_inflate_zlib; /* gzip → plain bytes, whole batch at once */
floors_work floors_inflate_isal; /* the same through isa-l, where it was built in */
floors_work floors_newlines;     /* memchr over the plain bytes */
floors_work floors_memchr;       /* memchr for a byte that hardly stands anywhere: 1 */
floors_work floors_utf8;         /* simdjson looks whether the plain bytes are UTF-8: 1 */
floors_work floors_json;         /* simdjson on demand: every key and value of every event */

#ifdef __cplusplus
}
#endif

#endif
