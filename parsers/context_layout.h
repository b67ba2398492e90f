/* context_layout.h: AUTOSAR context data of a known layout → columns. Thread: any. */
#ifndef VSOC_PARSERS_CONTEXT_LAYOUT_H
#define VSOC_PARSERS_CONTEXT_LAYOUT_H

#include "core/event.h"

#define CONTEXT_LAYOUT_TEXT 16 /* bytes a layout needs for texts it makes */

/* Layouts: uds (SWS_DM_02016, 02018: SID, subfunction, DID, RID, client address; 8 bytes) and
 * fw_ipv4 (rule id, IPv4 header; 26 bytes), both context version 1. Sets the columns that
 * event->context_raw gives and that are not set yet. Texts it makes stand in the two buffers.
 * False: layout not known, another context version, or another size; nothing is set. */
bool context_layout_decode(struct slice layout, struct event *event,
                           char rule_text[CONTEXT_LAYOUT_TEXT],
                           char address_text[2][CONTEXT_LAYOUT_TEXT]);

#endif
