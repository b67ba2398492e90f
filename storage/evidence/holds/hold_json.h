/* hold_json.h: a hold as a JSON object, for people and databases. Thread: any; pure. */
#ifndef VSOC_EVIDENCE_HOLD_JSON_H
#define VSOC_EVIDENCE_HOLD_JSON_H

#include "core/writer.h"
#include "storage/evidence/holds/hold_file.h"

/* Appends
 * {"id":…,"state":"active|over|released","kind":…,"vehicle"|"batch"|"from","to":…,"added":…,
 * "until":…,"by":…,"reason":…,"released":…,"released_by":…,"release_reason":…}: members without a
 * value are left out. */
void hold_write_json(struct writer *w, const struct hold *hold, int64_t now_ns);

#endif
