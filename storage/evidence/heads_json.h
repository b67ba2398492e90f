/* heads_json.h: a head as a JSON object, for people and databases. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_HEADS_JSON_H
#define VSOC_STORAGE_EVIDENCE_HEADS_JSON_H

#include "storage/evidence/heads.h"

/* Appends {"size":…,"root":"BASE64","signed":"RFC 3339","note":"…"}. */
void evidence_head_write_json(struct writer *w, const struct evidence_head *head);

#endif
