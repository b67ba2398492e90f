/* hec.h: codes of quarantined HEC records for which its route has numbers of its own. */
#ifndef VSOC_PARSERS_HEC_H
#define VSOC_PARSERS_HEC_H

#define HEC_EVENT_MISSING "event_missing"
#define HEC_EVENT_BLANK   "event_blank"

#endif
