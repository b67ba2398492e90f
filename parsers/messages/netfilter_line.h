/* netfilter_line.h: packets that Linux's packet filter logs (iptables LOG, nftables log, ufw). One
 * owner, one event. */
#ifndef VSOC_PARSERS_NETFILTER_LINE_H
#define VSOC_PARSERS_NETFILTER_LINE_H

#include "parsers/fill/text_event.h"

/* Reads "[PREFIX]IN=eth0 OUT= … SRC=… DST=… … PROTO=TCP SPT=… DPT=…" into columns and attributes.
 * False, with nothing changed, when the message has another form. */
bool netfilter_line_read(struct text_event *t, struct slice message);

#endif
