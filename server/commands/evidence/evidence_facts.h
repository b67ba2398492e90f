/* evidence_facts.h: what `vsocd evidence status` says: each fact once, as a line of text or as a
 * member of the JSON object. Thread: main. */
#ifndef VSOC_SERVER_EVIDENCE_FACTS_H
#define VSOC_SERVER_EVIDENCE_FACTS_H

#include "core/writer.h"
#include "server/commands/evidence/evidence_place.h"

struct facts {
    bool json;
    struct writer w;
};

/* key: in JSON, where a missing value is null; words: in text. */
void fact_number(struct facts *f, const char *key, const char *words, uint64_t value);
void fact_text(struct facts *f, const char *key, const char *words, const char *value);
/* ns since 1970; 0: there is none. */
void fact_time(struct facts *f, const char *key, const char *words, int64_t ns);
void fact_real(struct facts *f, const char *key, const char *words, double value, bool known);

/* evidence_status_keepers.c: archive, holds, witnesses. */
/* Up to where the archive has confirmed everything. OK also if there is none: *archives false. */
enum status archive_position(const struct evidence_place *place, bool *archives,
                             uint64_t *position) must_check;
void archive_facts(struct facts *f, const struct evidence_place *place, bool archives,
                   uint64_t position, uint64_t behind);
enum status hold_facts(struct facts *f, const struct evidence_place *place) must_check;
/* Signatures of witnesses that this head has, 0 also before enough have signed it. */
struct evidence_head;
uint64_t cosignatures_of(const struct evidence_place *place, const struct evidence_head *head);
enum status witness_facts(struct facts *f, const struct evidence_place *place) must_check;

/* evidence_status_time.c: tokens of time-stamp authorities. */
enum status time_facts(struct facts *f, const struct evidence_place *place) must_check;

#endif
