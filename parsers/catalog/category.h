/* category.h: the values of event_category. Thread: any. */
#ifndef VSOC_PARSERS_CATEGORY_H
#define VSOC_PARSERS_CATEGORY_H

#include "core/slice.h"

/* One row a category: name, what it groups. docs/formats.md has the same list. */
#define CATEGORY_TABLE(X)                                                                          \
    X("message_authentication", "SecOC and other message authentication failures")                 \
    X("bus_anomaly", "unexpected frames, rates or contents on a bus")                              \
    X("bus_error", "error frames, error passive, bus-off")                                         \
    X("network_filter", "packets a firewall or switch dropped")                                    \
    X("network_anomaly", "intrusion detection on Ethernet or IP, floods, malformed protocols")     \
    X("diagnostic_access", "UDS and DoIP requests")                                                \
    X("authentication", "proof of identity, passed or failed")                                     \
    X("authorization", "access granted or denied to somebody known")                               \
    X("software_integrity", "secure boot, code signatures, measured state")                        \
    X("software_update", "flashing, OTA, file transfer into an ECU")                               \
    X("key_management", "keys and certificates")                                                   \
    X("configuration_change", "parameters, coding, written data")                                  \
    X("host_process", "processes of an ECU's operating system")                                    \
    X("host_file", "files of an ECU")                                                              \
    X("mandatory_access_control", "SELinux, AppArmor and the like")                                \
    X("v2x_misbehaviour", "V2X messages that cannot be right")                                     \
    X("physical", "housing, debug ports, sensors, hardware")                                       \
    X("ids_health", "the detection itself: buffers, limits, losses")                               \
    X("backend", "the servers behind the vehicle")                                                 \
    X("other", "none of these, or not known")

static inline bool category_is_known(struct slice name)
{
#define X(text, meaning)                                                                           \
    if (slice_equal_text(name, text))                                                              \
        return true;
    CATEGORY_TABLE(X)
#undef X
    return false;
}

/* Description of a category; empty for an unknown one. Static. */
static inline struct slice category_meaning(struct slice name)
{
#define X(text, meaning)                                                                           \
    if (slice_equal_text(name, text))                                                              \
        return slice_from_text(meaning);
    CATEGORY_TABLE(X)
#undef X
    return SLICE_EMPTY;
}

#endif
