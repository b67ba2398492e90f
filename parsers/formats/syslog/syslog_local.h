/* syslog_local.h: local log formats that no RFC defines: the kernel's ring buffer (dmesg),
 * BusyBox's facility and severity, journalctl. For the files of syslog only. */
#ifndef VSOC_PARSERS_SYSLOG_LOCAL_H
#define VSOC_PARSERS_SYSLOG_LOCAL_H

#include "parsers/formats/syslog/syslog_line.h"

/* "kern.warn " at the head: bytes read, 0 when it is missing; *priority is facility * 8 + severity.
 */
size_t syslog_level_read(struct slice s, int *priority);
/* "[   12.345678] " or "[   12.345678][  T123] " at the head: bytes read, 0 when it is missing. */
size_t syslog_stamp_bytes(struct slice s);
/* A line of dmesg, also with -T, -x and both, or of journalctl -o short-monotonic. False, with *out
 * unchanged, when it is neither. */
bool syslog_dmesg_read(struct slice s, int64_t received_ns, struct syslog_line *out);

#endif
