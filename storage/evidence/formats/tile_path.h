/* tile_path.h: names of tiles (c2sp.org/tlog-tiles): `<L>/<N>[.p/<W>]`, the part of a path behind
 * `tile/`. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_TILE_PATH_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_TILE_PATH_H

#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"

struct tile_path {
    unsigned level; /* 0 to 63 */
    uint64_t index; /* of the tile in its level */
    unsigned width; /* 1 to 256 hashes; 256: a full tile */
};

/* MALFORMED: any other spelling than the one that tile_path_write gives. */
enum status tile_path_parse(struct slice text, struct tile_path *path) must_check;
void tile_path_write(struct writer *w, const struct tile_path *path);

#endif
