/* spool_recover_uid.c: which spool a directory holds. The opener's thread. */
#include "storage/spool/recover/spool_recovery.h"

#include <unistd.h>

struct vote {
    uint8_t uid[UUID_BYTES];
    size_t votes;
};
#define VOTES_MAX 16

static void count_vote(struct vote votes[VOTES_MAX], size_t *count, const uint8_t *uid)
{
    for (size_t i = 0; i < *count; i++)
        if (memcmp(votes[i].uid, uid, UUID_BYTES) == 0) {
            votes[i].votes++;
            return;
        }
    if (*count == VOTES_MAX)
        return;
    memcpy(votes[*count].uid, uid, UUID_BYTES);
    votes[(*count)++].votes = 1;
}

enum status recovery_elect_uid(struct recovery *r, const uint64_t *firsts, size_t count,
                               const struct spool_cursor_table *cursors)
{
    struct vote votes[VOTES_MAX];
    size_t candidates = 0, best = 0;
    for (size_t i = 0; i < count; i++) {
        struct spool_segment_header header;
        int fd;
        if (r->indexes.valid[i]) {
            count_vote(votes, &candidates, r->indexes.items[i].header.spool_uid);
            continue;
        }
        enum status status = spool_segment_open(r->spool->dir_fd, firsts[i], false, &fd);
        if (status != STATUS_OK)
            return recovery_fail_to_open(r, firsts[i]);
        status = spool_segment_read_header(fd, &header);
        close(fd);
        if (status == STATUS_IO)
            return recovery_fail_to_read(r, status, firsts[i]);
        if (status == STATUS_VERSION) {
            char name[SPOOL_NAME_BYTES];
            spool_segment_name(firsts[i], name);
            return recovery_refuse_version(r, name, header.version, SPOOL_FORMAT_VERSION);
        }
        if (status == STATUS_OK)
            count_vote(votes, &candidates, header.spool_uid);
    }
    if (cursors)
        count_vote(votes, &candidates, cursors->spool_uid);
    if (!candidates)
        return STATUS_NOT_FOUND;
    for (size_t i = 1; i < candidates; i++)
        if (votes[i].votes > votes[best].votes)
            best = i;
    memcpy(r->spool->uid, votes[best].uid, UUID_BYTES);
    return STATUS_OK;
}
