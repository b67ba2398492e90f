/* vehicle.h: determines an event's vehicle, and whether its sender may report for it. Thread: the
 * one that parses. */
#ifndef VSOC_PARSERS_VEHICLE_H
#define VSOC_PARSERS_VEHICLE_H

#include "parsers/engine/normaliser.h"

/* Sets wmi, vehicle_pid and vin_key_id from the VIN that the record claims, else VSOC-Vehicle, else
 * the certificate's VIN; without any of them the event has no vehicle. A claim that differs from
 * the certificate's and that the policy accepts goes to claimed_vehicle_pid, and the vehicle is the
 * certificate's. REFUSED: bad_vin, vin_mismatch; NO_MEMORY. */
enum status vehicle_identify(struct normaliser *n, struct event *event,
                             struct normalise_refusal *refusal) must_check;

#endif
