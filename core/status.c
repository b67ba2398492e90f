/* status.c: texts of the status table; maps errno. Any thread. Holds no state. */
#include "core/status.h"

#include <errno.h>

static const char *const status_texts[] = {
#define X(name, text) text,
    STATUS_TABLE(X)
#undef X
};

const char *status_text(enum status status)
{
    if ((unsigned)status >= STATUS_COUNT)
        return "unknown status";
    return status_texts[status];
}

enum status status_from_errno(int err)
{
    switch (err) {
    case 0:
        return STATUS_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_NO_SPACE;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
        return STATUS_WRONG_TYPE;
    case EEXIST:
        return STATUS_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_REFUSED;
    case ETIMEDOUT:
        return STATUS_TIMEOUT;
    case EAGAIN:
    case EMFILE:
    case ENFILE:
        return STATUS_BUSY;
    default:
        return STATUS_IO;
    }
}

bool status_is_passing(enum status status)
{
    switch (status) {
    case STATUS_NO_MEMORY:
    case STATUS_BUSY:
    case STATUS_IO:
    case STATUS_NO_SPACE:
    case STATUS_TIMEOUT:
    case STATUS_UNAVAILABLE:
        return true;
    default:
        return false;
    }
}
