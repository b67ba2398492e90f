/* vehicle_words.h: how subcommands are told a vehicle, and how it stands on record. Pure; thread:
 * any. */
#ifndef VSOC_SERVER_VEHICLE_WORDS_H
#define VSOC_SERVER_VEHICLE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/vin.h"
#include "core/writer.h"

#define VEHICLE_PID_BYTES 32

/* --vehicle: a VIN, which becomes upper case. False: it has another form. */
bool vehicle_read_vin(const char *text, char vin[VIN_BYTES + 1]);
/* --pid: a pseudonym in hex, also with veh: before it. False: it has another form. */
bool vehicle_read_pid(const char *text, uint8_t pid[VEHICLE_PID_BYTES]);
/* Appends the pseudonym as the field `vehicle` of audit records has it: veh: and hex. */
void vehicle_write(struct writer *w, const uint8_t pid[VEHICLE_PID_BYTES]);

#endif
