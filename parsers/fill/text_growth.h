/* text_growth.h: limits the size of an event's long texts as JSON. Thread: any, one owner. */
#ifndef VSOC_PARSERS_TEXT_GROWTH_H
#define VSOC_PARSERS_TEXT_GROWTH_H

#include "core/event.h"

/* Cuts the long text columns of the event, at a character's end, where the escapes of control
 * characters would add more than the bytes of its record (and 256). True: one was cut. Attributes
 * are limited where they are written (json_object_write_text). */
bool text_growth_cut(struct event *event, size_t record_bytes);

#endif
