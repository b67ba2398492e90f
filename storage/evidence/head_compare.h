/* head_compare.h: whether a spool on disk is the one that signed heads kept elsewhere are of: makes
 * the leaves of its records again, with their stored hashes for those that retention has removed,
 * and compares roots. Takes no lock and changes nothing; the server may run. */
#ifndef VSOC_STORAGE_EVIDENCE_HEAD_COMPARE_H
#define VSOC_STORAGE_EVIDENCE_HEAD_COMPARE_H

#include "core/uuid7.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/retired.h"

enum head_finding_kind {
    HEAD_FINDING_SHORT,   /* the spool ends before the head: rolled back, truncated or replaced */
    HEAD_FINDING_ROOT,    /* another root: something up to the head's size was changed */
    HEAD_FINDING_LEAF,    /* a record is not the one whose hash is stored in the tree */
    HEAD_FINDING_MISSING, /* records within the spool are not there, and were not lost before */
    HEAD_FINDING_REMOVED, /* the oldest records are not there, and no record says that they went */
    HEAD_FINDING_HASHES,  /* stored hashes of removed records are not there */
};

struct head_finding {
    enum head_finding_kind kind;
    uint64_t leaf;     /* the first one; of ROOT: how many the head has */
    uint64_t count;    /* of MISSING, REMOVED, SHORT and HASHES */
    uint64_t position; /* of the record; 0: none */
};

struct head_compare_options {
    const char *spool_dir; /* with the segments */
    const char *tree_dir;  /* data_dir/evidence/tree; it may be missing */
    const uint8_t *spool_uid;
    const struct evidence_head *heads; /* ascending sizes */
    size_t count;
    void (*on_finding)(void *arg, const struct head_finding *finding); /* may be NULL */
    void *arg;
};

struct head_compare_result {
    uint64_t records;       /* of the spool whose leaves were made again */
    uint64_t hashes;        /* leaves that are there as stored hashes only */
    uint64_t matching;      /* heads with the same root */
    struct retired retired; /* what says where the oldest records are; position 0: nothing does */
    uint64_t findings;
};

/* Differences are findings, not failures. IO, NO_MEMORY, NOT_FOUND: no spool. Thread: any. */
enum status head_compare(const struct head_compare_options *options,
                         struct head_compare_result *result) must_check;
/* How many leaves of the stored tree the records of the spool agree with: up to the first record
 * that differs, or to the end of one of them. Statuses as above. Thread: any. */
enum status head_agreement(const char *spool_dir, const char *tree_dir, const uint8_t *spool_uid,
                           uint64_t *leaves) must_check;
/* Stable name of a kind, static. */
const char *head_finding_text(enum head_finding_kind kind);

#endif
