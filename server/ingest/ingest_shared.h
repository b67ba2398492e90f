/* ingest_shared.h: what the ingests of all workers share. Thread: any; see each part. */
#ifndef VSOC_SERVER_INGEST_SHARED_H
#define VSOC_SERVER_INGEST_SHARED_H

#include <stdatomic.h>
#include "parsers/registry/registry.h"
#include "server/ingest/ack.h"
#include "server/ingest/admission.h"
#include "server/ingest/body_shed.h"
#include "server/identity/pseudonym.h"
#include "storage/spool/dedup/dedup.h"
#include "storage/spool/seal/seal_keys.h"
#include "storage/spool/spool.h"

/* Shared by all workers. Created and owned by app.c; immutable after start except the atomics. */
struct ingest_shared {
    const struct registry *registry;
    struct spool *spool;
    struct dedup *dedup;
    struct memory_budget *budget;
    struct memory_shares *shares;
    struct body_shed shed;
    struct quota *quota;
    struct pseudonym_key key;
    struct repeat_keys repeat; /* of key */
    struct seal_keys seal;     /* of the same file: for the spool's records */
    struct ack_sinks sinks;
    atomic_bool draining; /* no new requests */
    atomic_bool failed;   /* the spool failed: final */
};

#endif
