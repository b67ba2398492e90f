/* bundle_select.h: which records of a spool a bundle is about. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_SELECT_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_SELECT_H

#include "storage/spool/batch.h"

#define BUNDLE_BATCHES_MAX 256

struct bundle_selection {
    uint8_t batches[BUNDLE_BATCHES_MAX][UUID_BYTES];
    size_t batch_count;     /* 0: any batch */
    int64_t from_ns, to_ns; /* time received: from_ns ≤ t < to_ns */
    /* The pseudonym of the vehicle with this tenant under any of the keys. NULL: any vehicle. */
    bool (*is_vehicle)(void *arg, struct slice tenant, struct slice pid);
    void *arg;
};

/* By its header alone: false: it is not selected. */
bool bundle_selects_meta(const struct bundle_selection *selection, const struct batch_meta *meta);
/* By its events too. An erased record that the header does not exclude is selected by batch id
 * only: nobody can tell any more whose it was. */
bool bundle_selects(const struct bundle_selection *selection, const struct batch_record *record);

#endif
