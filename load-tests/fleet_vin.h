/* Vehicle identification numbers (ISO 3779) of the simulated fleet. */
#ifndef LOAD_TESTS_FLEET_VIN_H
#define LOAD_TESTS_FLEET_VIN_H

#include <stdint.h>

enum { FLEET_VIN_CHARS = 17 };

/* Writes the VIN of a vehicle, with a valid check digit (49 CFR 565) and a terminating zero.
 * vehicle: any number; different numbers below 10 million give different VINs. Same number, same
 * VIN. Thread: any. */
void fleet_vin_write(uint64_t vehicle, char out[FLEET_VIN_CHARS + 1]);

#endif
