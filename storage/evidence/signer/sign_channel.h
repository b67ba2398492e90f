/* sign_channel.h: messages over the unix socket between server and signer, each a size and a text,
 * with a deadline. Thread: any that may wait. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGN_CHANNEL_H
#define VSOC_STORAGE_EVIDENCE_SIGN_CHANNEL_H

#include "core/log/problem.h"
#include "core/writer.h"

/* Longest path of a unix socket, with its final 0 (sockaddr_un). */
#define SIGN_CHANNEL_PATH_BYTES 108

/* End of one exchange that begins now: 5 seconds. */
int64_t sign_channel_end_ns(void);
/* UNAVAILABLE: nobody listens there; OUT_OF_RANGE: the path is too long; BUSY. *problem for each.
 */
enum status sign_channel_connect(const char *path, int *fd, struct problem *problem) must_check;
/* Listens at path, mode 0660; a socket that a dead process left there is removed first. EXISTS: a
 * process listens there, or the path is another file; OUT_OF_RANGE, BUSY, IO, REFUSED, NOT_FOUND.
 * *problem for each. */
enum status sign_channel_listen(const char *path, int *fd, struct problem *problem) must_check;
/* CLOSED, TIMEOUT, IO. */
enum status sign_channel_send(int fd, struct slice text, int64_t end_ns) must_check;
/* Appends the text of one message to *text. CLOSED: the peer ended before; TIMEOUT, IO; TOO_LARGE:
 * more than *text may hold, or nothing. */
enum status sign_channel_receive(int fd, struct writer *text, int64_t end_ns) must_check;

#endif
