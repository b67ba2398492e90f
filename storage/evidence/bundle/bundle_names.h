/* bundle_names.h: the names that files of a bundle may have (docs/evidence-bundle.md §1, §2), so
 * that nothing is in a bundle, or is extracted from it, that no verifier looks at. Thread: any. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_NAMES_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_NAMES_H

#include "storage/evidence/bundle/bundle_files.h"

#define BUNDLE_CUSTODY "custody/"
#define BUNDLE_RECORDS "records/"

/* Whether a bundle can have a file of this name at all. */
bool bundle_name_is_known(struct slice name);
/* Whether this bundle can: beside `erased` there are no contents, parts are those that the table
 * numbers, and the export has no translations. name: a known one. */
bool bundle_name_fits(const struct bundle_files *files, struct slice name);

#endif
