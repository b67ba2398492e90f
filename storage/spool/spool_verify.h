/* spool_verify.h: walks a whole spool directory, dead or live in another process, and reports its
 * contents, damage and whether the hash chain holds. Takes no lock, changes nothing. */
#ifndef VSOC_STORAGE_SPOOL_VERIFY_H
#define VSOC_STORAGE_SPOOL_VERIFY_H

#include "storage/spool/spool.h"
#include "storage/spool/spool_eviction.h"
#include "storage/spool/spool_segment.h"

enum spool_depth {
    SPOOL_DEPTH_LIST,   /* headers of records */
    SPOOL_DEPTH_CHECK,  /* and the CRC of each payload, order of positions and event counts */
    SPOOL_DEPTH_VERIFY, /* and the commitments of the parts, or SHA-256 of body and content, and the
                           hash chain */
};

/* What a segment holds. */
struct spool_segment_summary {
    char file[SPOOL_NAME_BYTES];
    uint64_t first_position;         /* its name */
    uint64_t oldest, newest;         /* positions of its records; 0: none */
    uint64_t records, events;        /* events and rejects */
    uint64_t file_bytes, used_bytes; /* size of the file; size up to the end of its last record */
    int64_t oldest_ns, newest_ns;    /* ingested_ns of its records */
    uint64_t kinds[BATCH_KIND_MAX + 1]; /* records of each kind */
    bool salvaged;
};

enum spool_finding_kind {
    SPOOL_FINDING_HEADER, /* a segment's header can't be read, or is another spool's */
    SPOOL_FINDING_COPY,   /* one copy of a segment's header, or the zeros around it, changed: it can
                             still be read */
    SPOOL_FINDING_BYTES,  /* bytes that are not an intact record */
    SPOOL_FINDING_TAIL, /* the same after the last record of all: normal after a crash and in a live
                           spool; not damage */
    SPOOL_FINDING_MISSING, /* the log ends before the position that a sink has had, which is
                              `position` */
    SPOOL_FINDING_CURSORS, /* the cursor file can't be read: sinks know their positions; not damage
                              of the log */
    SPOOL_FINDING_ORDER,   /* position, event count or leaf index does not follow */
    SPOOL_FINDING_BODY,    /* body differs from its commitment or SHA-256 */
    SPOOL_FINDING_CONTENT, /* meta texts or events differ from their commitments or SHA-256 */
    SPOOL_FINDING_KEYS,    /* the keys of the record have changed: its parts can't be read */
    SPOOL_FINDING_UNBOUND, /* the keys of a record of the log's own were destroyed, which no erasure
                              does: nothing says any more what its text was */
    SPOOL_FINDING_ERASED,  /* more keys of batches were destroyed than records of erasures say */
    SPOOL_FINDING_CHAIN,   /* record does not continue the chain: it or one before it was altered,
                              removed or inserted */
    SPOOL_FINDING_EXPECTED,   /* record's chain hash differs from the expected one: it or one before
                                 it was altered since, and all hashes were recomputed */
    SPOOL_FINDING_UNCOMPARED, /* the position of an expected hash is not in the spool */
    SPOOL_FINDING_EVICTIONS,  /* an entry of the file of evictions is damaged */
};

/* The expected chain hash of a position, from `verify --json` or from a sink. */
struct spool_expectation {
    uint64_t position;
    uint8_t chain_hash[SHA256_BYTES];
    bool seen, matches; /* out: it was compared; and is the same */
};

struct spool_finding {
    enum spool_finding_kind kind;
    const char *file;
    uint64_t offset, bytes; /* bytes: 0 when not known */
    uint64_t position;      /* of the record, 0: none */
};

struct spool_verify_options {
    enum spool_depth depth;
    uint64_t from, to; /* positions; segments that hold none of them are not read */
    /* Each may be NULL. */
    void (*on_segment)(void *arg, const struct spool_segment_summary *segment);
    void (*on_finding)(void *arg, const struct spool_finding *finding);
    /* Before all segments, oldest first. */
    void (*on_eviction)(void *arg, const struct spool_eviction *eviction);
    void *arg;
    /* Of an archive: its newest records are not there, nor, unless they were kept beside the spool,
     * the key areas. */
    bool without_end, without_key_areas;
    const struct seal_keys *keys;       /* for the commitments; NULL: none */
    struct spool_expectation *expected; /* compared at SPOOL_DEPTH_VERIFY */
    size_t expected_count;
};

struct spool_verify_result {
    uint8_t spool_uid[UUID_BYTES];
    uint64_t segments, records, events, bytes;
    uint64_t oldest, newest;          /* positions, 0: no record */
    uint8_t chain_hash[SHA256_BYTES]; /* of the newest record */
    uint64_t damaged;                 /* findings but TAIL and CURSORS */
    uint64_t evicted_batches;         /* on record as removed before their retention was over */
    uint64_t evicted_to;              /* the newest of them, 0: none */
    uint64_t broken_position;         /* first record at which the chain breaks, 0: none */
    uint64_t leaves;                  /* leaf index after the newest record */
    /* At SPOOL_DEPTH_VERIFY, records whose parts were not compared with their commitments: */
    uint64_t erased;            /* their keys were destroyed */
    uint64_t erased_parts;      /* of other records: vehicles whose keys were */
    uint64_t erasures;          /* vehicles that must have been erased for that, record by record */
    uint64_t erasures_recorded; /* as many as records of erasures say */
    uint64_t without_key;       /* their key is not among `keys` */
    uint64_t keyless;           /* they were written without keys */
    uint32_t missing_key;       /* id of a missing key, 0: none */
};

/* NOT_FOUND: no such directory, or no segment in it. VERSION: made by a newer version. IO,
 * NO_MEMORY. Damage is a finding, not a failure. Thread: any. */
enum status spool_verify_dir(const char *dir, const struct spool_verify_options *options,
                             struct spool_verify_result *result) must_check;
/* Stable name of a kind, static. */
const char *spool_finding_text(enum spool_finding_kind kind);

#endif
