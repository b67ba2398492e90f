/* audit_key.h: the fields of audit records that mean something to the parser: name and number, from
 * one table. Thread: any. */
#ifndef VSOC_PARSERS_AUDIT_KEY_H
#define VSOC_PARSERS_AUDIT_KEY_H

#include "core/slice.h"

/* KEY(number, name, untrusted): untrusted: the text comes from users: hex when it is not quoted and
 * holds odd bytes. Addresses and ports as text are one row after the other (AUDIT_KEY_IS_SOCKET).
 */
#define AUDIT_KEYS(KEY)                                                                            \
    KEY(NAME, "name", true)                                                                        \
    KEY(PROCTITLE, "proctitle", true)                                                              \
    KEY(COMM, "comm", true)                                                                        \
    KEY(EXE, "exe", true)                                                                          \
    KEY(PATH, "path", true)                                                                        \
    KEY(CWD, "cwd", true)                                                                          \
    KEY(CMD, "cmd", true)                                                                          \
    KEY(DATA, "data", true)                                                                        \
    KEY(ACCT, "acct", true)                                                                        \
    KEY(RULE, "key", true)                                                                         \
    KEY(FILE, "file", true)                                                                        \
    KEY(OCOMM, "ocomm", true)                                                                      \
    KEY(NEW_NAME, "new_name", true)                                                                \
    KEY(OLD_NAME, "old_name", true)                                                                \
    KEY(DIR, "dir", true)                                                                          \
    KEY(VM, "vm", true)                                                                            \
    KEY(GRP, "grp", true)                                                                          \
    KEY(WATCH, "watch", true)                                                                      \
    KEY(DEVICE, "device", true)                                                                    \
    KEY(CGROUP, "cgroup", true)                                                                    \
    KEY(ROOT_DIR, "root_dir", true)                                                                \
    KEY(MSG, "msg", false)                                                                         \
    KEY(RES, "res", false)                                                                         \
    KEY(SUCCESS, "success", false)                                                                 \
    KEY(ITEMS, "items", false)                                                                     \
    KEY(PERMISSIVE, "permissive", false)                                                           \
    KEY(APPARMOR, "apparmor", false)                                                               \
    KEY(PID, "pid", false)                                                                         \
    KEY(ID, "id", false)                                                                           \
    KEY(UID, "uid", false)                                                                         \
    KEY(UID_NAME, "UID", false)                                                                    \
    KEY(ARCH, "arch", false)                                                                       \
    KEY(SYSCALL, "syscall", false)                                                                 \
    KEY(SYSCALL_NAME, "SYSCALL", false)                                                            \
    KEY(A0, "a0", false)                                                                           \
    KEY(NAMETYPE, "nametype", false)                                                               \
    KEY(ADDR, "addr", false)                                                                       \
    KEY(SADDR, "saddr", false)                                                                     \
    KEY(DADDR, "daddr", false)                                                                     \
    KEY(SPORT, "sport", false)                                                                     \
    KEY(DPORT, "dport", false)                                                                     \
    KEY(PROTO, "proto", false)                                                                     \
    KEY(SRC, "src", false)                                                                         \
    KEY(DEST, "dest", false)                                                                       \
    KEY(LADDR, "laddr", false)                                                                     \
    KEY(FADDR, "faddr", false)                                                                     \
    KEY(LPORT, "lport", false)                                                                     \
    KEY(FPORT, "fport", false)                                                                     \
    KEY(RPORT, "rport", false)

enum audit_key {
    AUDIT_KEY_OTHER, /* none of these */
#define AUDIT_KEY_NUMBER(number, name, untrusted) AUDIT_KEY_##number,
    AUDIT_KEYS(AUDIT_KEY_NUMBER)
#undef AUDIT_KEY_NUMBER
        AUDIT_KEY_COUNT
};

/* Addresses and ports as text, whose meaning hangs on the record. */
#define AUDIT_KEY_IS_SOCKET(key) ((key) >= AUDIT_KEY_SADDR && (key) <= AUDIT_KEY_RPORT)

enum audit_key audit_key_of(struct slice name);
bool audit_key_is_untrusted(enum audit_key key);

#endif
