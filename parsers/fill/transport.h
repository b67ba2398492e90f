/* transport.h: the values of the column transport: IANA's protocol keywords in lower case, as ECS
 * network.transport has them. Thread: any. */
#ifndef VSOC_PARSERS_TRANSPORT_H
#define VSOC_PARSERS_TRANSPORT_H

#include "core/slice.h"

/* Keyword of a protocol number, empty when it is not in the table. Static. */
struct slice transport_of_number(unsigned number);
/* Keyword of a name in any case, of a number, or of either before a slash (tcp/https). False: the
 * text names no protocol of the table. *rest_is_lost: the text contains more than the keyword. */
bool transport_read(struct slice text, struct slice *keyword, bool *rest_is_lost);

#endif
