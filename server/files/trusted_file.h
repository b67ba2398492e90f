/* trusted_file.h: opens files that decide about rights: keys, tokens, senders, certificates,
 * revocation lists, code. Such a file is refused, with a sentence that names the command that fixes
 * it, if somebody else could have written it or read its secret. Thread: not a worker.
 *
 * The file and every folder above it, symbolic links followed one by one, must belong to root or to
 * the user of the process, and nobody else may write to them. A folder that others may write is
 * accepted if its sticky bit keeps them from replacing our files (/tmp, the volumes of a Kubernetes
 * secret). A group whose only member is the user (as Debian creates it) counts as the user. A pipe
 * from the caller of the program (/dev/stdin, /dev/fd/N: what shells write for `<(command)`) is
 * accepted, because the caller chooses the files. */
#ifndef VSOC_SERVER_TRUSTED_FILE_H
#define VSOC_SERVER_TRUSTED_FILE_H

#include <sys/stat.h>

#include "core/log/problem.h"
#include "core/writer.h"

enum trusted_kind {
    TRUSTED_SECRET, /* nobody else may read it either; a file of root's may be read by its group
                       (0640, or 0440 with Kubernetes' fsGroup) */
    TRUSTED_PUBLIC, /* everybody may read it */
    TRUSTED_CODE,   /* a plug-in: the same, and no group is taken for its user */
};

/* Why a file with this state is not trusted: NULL, or words that follow its name in the message.
 * user: of the process. Pure. */
const char *trusted_file_problem(enum trusted_kind kind, const struct stat *file, uid_t user);
/* The same for a folder above it. */
const char *trusted_folder_problem(enum trusted_kind kind, const struct stat *folder, uid_t user);

/* Opens a regular file for reading, checked by what was opened; *fd is the caller's to close.
 * NOT_FOUND; REFUSED: it may not be read, or not be trusted; IO. *problem: words that go on after
 * its name. */
enum status trusted_file_open(const char *path, enum trusted_kind kind, int *fd,
                              struct problem *problem) must_check;
/* Appends the rest of an open file to *out. reason as above. */
enum status trusted_file_read_rest(int fd, struct writer *out, struct problem *problem) must_check;
/* All bytes of such a file in *out, which is initialised in any case: writer_fini it. TOO_LARGE
 * (64 MiB) and NO_MEMORY too. */
enum status trusted_file_read(const char *path, enum trusted_kind kind, struct writer *out,
                              struct problem *problem) must_check;

#endif
