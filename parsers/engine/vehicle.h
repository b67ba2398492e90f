/* vehicle.h: which vehicle an event is of, and whether its sender may say so. Thread: the one that
 * parses. */
#ifndef VSOC_PARSERS_VEHICLE_H
#define VSOC_PARSERS_VEHICLE_H

#include "parsers/engine/normaliser.h"

/* Sets wmi, vehicle_pid and vin_key_id from the VIN the record claims, else VSOC-Vehicle, else the
 * certificate's; none of them: the event has no vehicle. A claim that is not the certificate's and
 * that the policy lets pass goes to claimed_vehicle_pid, and the vehicle is the certificate's.
 * REFUSED: bad_vin, vin_mismatch; NO_MEMORY. */
enum status vehicle_identify(struct normaliser *n, struct event *event,
                             struct normalise_refusal *refusal) must_check;

#endif
