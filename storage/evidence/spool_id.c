/* spool_id.c: the id of a spool, from the header of a segment. Any thread. */
#include "storage/evidence/spool_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/spool/spool_segment.h"

enum status evidence_spool_id(const char *spool_dir, uint8_t uid[UUID_BYTES])
{
    struct spool_segment_header header;
    uint64_t *firsts = NULL;
    size_t count = 0;
    int segment = -1, dir = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return status_from_errno(errno);
    enum status status = spool_segment_list(dir, &firsts, &count);
    if (status == STATUS_OK)
        status = count ? spool_segment_open(dir, firsts[0], false, &segment) : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = spool_segment_read_header(segment, &header);
    if (status == STATUS_OK)
        memcpy(uid, header.spool_uid, UUID_BYTES);
    if (segment >= 0)
        close(segment);
    close(dir);
    free(firsts);
    return status;
}
