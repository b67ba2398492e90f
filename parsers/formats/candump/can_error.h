/* can_error.h: descriptions of SocketCAN error frames. Thread: any. */
#ifndef VSOC_PARSERS_CAN_ERROR_H
#define VSOC_PARSERS_CAN_ERROR_H

#include "parsers/read/json/json_object.h"

/* Adds the description of an error frame: class bits (the id) and data (linux/can/error.h). Bits
 * without a name are written as hex numbers. */
void can_error_describe(uint32_t class_bits, struct slice data, struct json_object *out);
/* OCSF severity, our assessment: bus-off 3, anything else 2. */
int can_error_severity(uint32_t class_bits);

#endif
