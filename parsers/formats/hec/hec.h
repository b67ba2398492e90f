/* hec.h: codes of quarantined HEC records that its route has own numbers for. */
#ifndef VSOC_PARSERS_HEC_H
#define VSOC_PARSERS_HEC_H

#define HEC_EVENT_MISSING "event_missing"
#define HEC_EVENT_BLANK   "event_blank"

#endif
