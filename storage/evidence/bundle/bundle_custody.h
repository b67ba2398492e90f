/* bundle_custody.h: whether an audit record is the one of an export: docs/evidence-bundle.md §5.
 * Thread: any. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_CUSTODY_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_CUSTODY_H

#include "core/hash.h"

/* The body is one flat JSON object in the one spelling of audit records, whose only `kind` is
 * evidence_exported and whose only `digest`, behind it, is this one. */
bool bundle_custody_is_of(struct slice body, const uint8_t contents[SHA256_BYTES]);

#endif
