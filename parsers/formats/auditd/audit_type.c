/* audit_type.c: type number → name → category. Pure, any thread. Numbers: linux/audit.h and
 * audit-userspace's libaudit.h. The categories are our choice. */
#include "parsers/formats/auditd/audit_type.h"

#include "core/json/json_names.h"

#define AUTHENTICATION "authentication"
#define AUTHORIZATION  "authorization"
#define CONFIGURATION  "configuration_change"
#define PROCESS        "host_process"
#define FILE_          "host_file"
#define HEALTH         "ids_health"
#define INTEGRITY      "software_integrity"
#define ACCESS         "mandatory_access_control"
#define KEYS           "key_management"
#define OTHER          "other"

static const struct row {
    unsigned number;
    const char *name, *category;
    enum audit_rank rank;
} rows[] = {
    {1006, "LOGIN", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1100, "USER_AUTH", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1101, "USER_ACCT", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1102, "USER_MGMT", CONFIGURATION, AUDIT_RANK_MAIN},
    {1103, "CRED_ACQ", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1104, "CRED_DISP", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1105, "USER_START", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1106, "USER_END", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1107, "USER_AVC", ACCESS, AUDIT_RANK_MAIN},
    {1108, "USER_CHAUTHTOK", CONFIGURATION, AUDIT_RANK_MAIN},
    {1109, "USER_ERR", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1110, "CRED_REFR", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1111, "USYS_CONFIG", CONFIGURATION, AUDIT_RANK_MAIN},
    {1112, "USER_LOGIN", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1113, "USER_LOGOUT", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1114, "ADD_USER", CONFIGURATION, AUDIT_RANK_MAIN},
    {1115, "DEL_USER", CONFIGURATION, AUDIT_RANK_MAIN},
    {1116, "ADD_GROUP", CONFIGURATION, AUDIT_RANK_MAIN},
    {1117, "DEL_GROUP", CONFIGURATION, AUDIT_RANK_MAIN},
    {1118, "DAC_CHECK", AUTHORIZATION, AUDIT_RANK_MAIN},
    {1119, "CHGRP_ID", AUTHORIZATION, AUDIT_RANK_MAIN},
    {1121, "TRUSTED_APP", OTHER, AUDIT_RANK_MAIN},
    {1122, "USER_SELINUX_ERR", ACCESS, AUDIT_RANK_MAIN},
    {1123, "USER_CMD", AUTHORIZATION, AUDIT_RANK_MAIN},
    {1124, "USER_TTY", PROCESS, AUDIT_RANK_MAIN},
    {1125, "CHUSER_ID", AUTHORIZATION, AUDIT_RANK_MAIN},
    {1126, "GRP_AUTH", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1127, "SYSTEM_BOOT", OTHER, AUDIT_RANK_MAIN},
    {1128, "SYSTEM_SHUTDOWN", OTHER, AUDIT_RANK_MAIN},
    {1129, "SYSTEM_RUNLEVEL", OTHER, AUDIT_RANK_MAIN},
    {1130, "SERVICE_START", PROCESS, AUDIT_RANK_MAIN},
    {1131, "SERVICE_STOP", PROCESS, AUDIT_RANK_MAIN},
    {1132, "GRP_MGMT", CONFIGURATION, AUDIT_RANK_MAIN},
    {1133, "GRP_CHAUTHTOK", CONFIGURATION, AUDIT_RANK_MAIN},
    {1134, "MAC_CHECK", ACCESS, AUDIT_RANK_MAIN},
    {1135, "ACCT_LOCK", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1136, "ACCT_UNLOCK", AUTHENTICATION, AUDIT_RANK_MAIN},
    {1200, "DAEMON_START", HEALTH, AUDIT_RANK_MAIN},
    {1201, "DAEMON_END", HEALTH, AUDIT_RANK_MAIN},
    {1202, "DAEMON_ABORT", HEALTH, AUDIT_RANK_MAIN},
    {1203, "DAEMON_CONFIG", HEALTH, AUDIT_RANK_MAIN},
    {1300, "SYSCALL", PROCESS, AUDIT_RANK_SYSCALL},
    {1302, "PATH", FILE_, AUDIT_RANK_DETAIL},
    {1303, "IPC", PROCESS, AUDIT_RANK_DETAIL},
    {1304, "SOCKETCALL", PROCESS, AUDIT_RANK_DETAIL},
    {1305, "CONFIG_CHANGE", CONFIGURATION, AUDIT_RANK_MAIN},
    {1306, "SOCKADDR", PROCESS, AUDIT_RANK_DETAIL},
    {1307, "CWD", FILE_, AUDIT_RANK_DETAIL},
    {1309, "EXECVE", PROCESS, AUDIT_RANK_EXECVE},
    {1317, "FD_PAIR", PROCESS, AUDIT_RANK_DETAIL},
    {1318, "OBJ_PID", PROCESS, AUDIT_RANK_DETAIL},
    {1319, "TTY", PROCESS, AUDIT_RANK_MAIN},
    {1320, "EOE", OTHER, AUDIT_RANK_DETAIL},
    {1321, "BPRM_FCAPS", PROCESS, AUDIT_RANK_DETAIL},
    {1322, "CAPSET", PROCESS, AUDIT_RANK_DETAIL},
    {1323, "MMAP", PROCESS, AUDIT_RANK_DETAIL},
    {1324, "NETFILTER_PKT", "network_filter", AUDIT_RANK_MAIN},
    {1325, "NETFILTER_CFG", CONFIGURATION, AUDIT_RANK_MAIN},
    {1326, "SECCOMP", PROCESS, AUDIT_RANK_MAIN},
    {1327, "PROCTITLE", PROCESS, AUDIT_RANK_DETAIL},
    {1328, "FEATURE_CHANGE", CONFIGURATION, AUDIT_RANK_MAIN},
    {1330, "KERN_MODULE", INTEGRITY, AUDIT_RANK_MAIN},
    {1331, "FANOTIFY", FILE_, AUDIT_RANK_MAIN},
    {1332, "TIME_INJOFFSET", CONFIGURATION, AUDIT_RANK_MAIN},
    {1333, "TIME_ADJNTPVAL", CONFIGURATION, AUDIT_RANK_MAIN},
    {1334, "BPF", PROCESS, AUDIT_RANK_MAIN},
    {1400, "AVC", ACCESS, AUDIT_RANK_MAIN},
    {1401, "SELINUX_ERR", ACCESS, AUDIT_RANK_MAIN},
    {1402, "AVC_PATH", ACCESS, AUDIT_RANK_DETAIL},
    {1403, "MAC_POLICY_LOAD", ACCESS, AUDIT_RANK_MAIN},
    {1404, "MAC_STATUS", ACCESS, AUDIT_RANK_MAIN},
    {1405, "MAC_CONFIG_CHANGE", ACCESS, AUDIT_RANK_MAIN},
    {1700, "ANOM_PROMISCUOUS", "network_anomaly", AUDIT_RANK_MAIN},
    {1701, "ANOM_ABEND", PROCESS, AUDIT_RANK_MAIN},
    {1702, "ANOM_LINK", FILE_, AUDIT_RANK_MAIN},
    {1703, "ANOM_CREAT", FILE_, AUDIT_RANK_MAIN},
    {1800, "INTEGRITY_DATA", INTEGRITY, AUDIT_RANK_MAIN},
    {1801, "INTEGRITY_METADATA", INTEGRITY, AUDIT_RANK_MAIN},
    {1802, "INTEGRITY_STATUS", INTEGRITY, AUDIT_RANK_MAIN},
    {1803, "INTEGRITY_HASH", INTEGRITY, AUDIT_RANK_MAIN},
    {1804, "INTEGRITY_PCR", INTEGRITY, AUDIT_RANK_MAIN},
    {1805, "INTEGRITY_RULE", INTEGRITY, AUDIT_RANK_MAIN},
    {2300, "USER_ROLE_CHANGE", AUTHORIZATION, AUDIT_RANK_MAIN},
    {2404, "CRYPTO_KEY_USER", KEYS, AUDIT_RANK_MAIN},
    {2407, "CRYPTO_SESSION", KEYS, AUDIT_RANK_MAIN},
};

/* 1327 or UNKNOWN[1327]; 0 when it is a name. */
static unsigned number_of(struct slice type)
{
    static const char unknown[] = "UNKNOWN[";
    unsigned number = 0;
    if (slice_starts_with(type, unknown) && type.data[type.size - 1] == ']')
        type = slice_sub(type, sizeof unknown - 1, type.size - sizeof unknown);
    if (!type.size || type.size > 5)
        return 0;
    for (size_t i = 0; i < type.size; i++) {
        if (type.data[i] < '0' || type.data[i] > '9')
            return 0;
        number = number * 10 + (type.data[i] - '0');
    }
    return number;
}

static const char *category_of_prefix(struct slice name)
{
    static const char *const prefixes[][2] = {
        {"ANOM_", PROCESS}, {"CRYPTO_", KEYS},   {"INTEGRITY_", INTEGRITY}, {"MAC_", ACCESS},
        {"USER_", OTHER},   {"DAEMON_", HEALTH}, {"ROLE_", AUTHORIZATION},  {"APPARMOR", ACCESS},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (slice_starts_with(name, prefixes[i][0]))
            return prefixes[i][1];
    return OTHER;
}

#define ROWS (sizeof rows / sizeof *rows)
_Static_assert(ROWS <= JSON_NAMES_MAX, "each row has a number in the table of names");

/* Row + 1 of each name. */
static struct json_names names;
static struct audit_type types[ROWS];

__attribute__((constructor)) static void names_fill(void)
{
    for (unsigned i = 0; i < ROWS; i++) {
        json_names_add(&names, rows[i].name, i + 1);
        types[i] = (struct audit_type){slice_from_text(rows[i].name), rows[i].number,
                                       slice_from_text(rows[i].category), rows[i].rank};
    }
}

struct audit_type audit_type_of(struct slice type)
{
    unsigned name = json_names_find(&names, type), number = name ? 0 : number_of(type);
    if (name)
        return types[name - 1];
    for (size_t i = 0; number && i < ROWS; i++)
        if (rows[i].number == number)
            return types[i];
    return (struct audit_type){type, 0, slice_from_text(category_of_prefix(type)), AUDIT_RANK_MAIN};
}

/* Called for the first word of every syslog line. */
bool audit_type_is_known(struct slice name)
{
    return json_names_find(&names, name) != 0;
}
