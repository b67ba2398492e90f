/* audit_type.h: the record types of Linux audit. Thread: any. */
#ifndef VSOC_PARSERS_AUDIT_TYPE_H
#define VSOC_PARSERS_AUDIT_TYPE_H

#include "core/slice.h"

/* How specifically a record describes its event: the first one of the highest rank names it. */
enum audit_rank { AUDIT_RANK_DETAIL, AUDIT_RANK_SYSCALL, AUDIT_RANK_EXECVE, AUDIT_RANK_MAIN };

/* Numbers of the types whose fields have a meaning of their own. */
enum {
    AUDIT_TYPE_USER_CMD = 1123,
    AUDIT_TYPE_PATH = 1302,
    AUDIT_TYPE_CWD = 1307,
    AUDIT_TYPE_EXECVE = 1309,
    AUDIT_TYPE_NETFILTER_PKT = 1324,
    AUDIT_TYPE_AVC = 1400,
    AUDIT_TYPE_CRYPTO_SESSION = 2407,
};

struct audit_type {
    struct slice name; /* upper case */
    unsigned number;   /* of a type in the table, else 0 */
    struct slice category;
    enum audit_rank rank;
};

/* type: a name, a number (the kernel's log), or UNKNOWN[number]. An unknown one keeps its text. */
struct audit_type audit_type_of(struct slice type);

/* One of the names in the table. */
bool audit_type_is_known(struct slice name);

#endif
