/* normalise.h: the steps common to all formats: required fields, defaults, catalogue look-up,
 * severity, identity, ids, limits. One struct normaliser a batch; owner: the worker. Pure but for
 * the arena */
#ifndef VSOC_PARSERS_NORMALISE_H
#define VSOC_PARSERS_NORMALISE_H

#include "parsers/engine/normaliser.h"

/* Completes and checks one event in place: fills wmi, vehicle_pid, vin_key_id, event_name,
 * event_category, sensor_kind, severity_id, count, time_source, time_quality, clock_skew_ms,
 * parse_status, dedup_key, taxonomy; checks every set field against its row of the table (range,
 * UTF-8, byte 0); takes VINs out of everything that a sender can write. Does not set what the batch
 * record carries (storage/spool/batch.h, batch_complete_event). REFUSED with *refusal when the
 * event must be quarantined; NO_MEMORY. */
enum status normalise_event(struct normaliser *n, struct event *event,
                            struct normalise_refusal *refusal) must_check;

/* Replaces the VINs of a text that is shown to people by pseudonyms. The result lives as long as
 * the record. False: out of memory. */
bool normalise_text(struct normaliser *n, struct slice *text) must_check;

#endif
