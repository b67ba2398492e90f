/* threat_ids.h: the ids of UN R155 Annex 5 and of the Auto-ISAC matrix, from parsers/catalog/.
 * Thread: any. */
#ifndef VSOC_PARSERS_THREAT_IDS_H
#define VSOC_PARSERS_THREAT_IDS_H

#include "core/slice.h"

bool threat_id_is_r155(struct slice id);
bool threat_id_is_atm(struct slice id);

#endif
