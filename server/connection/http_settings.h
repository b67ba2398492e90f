/* http_settings.h: limits and deadlines of one listener's connections. */
#ifndef VSOC_SERVER_HTTP_SETTINGS_H
#define VSOC_SERVER_HTTP_SETTINGS_H

#include <stdint.h>
#include "server/config/config.h"

/* limits.* and timeouts.* that the connection layer enforces. */
struct http_settings {
    uint64_t connections, connections_per_address;
    uint64_t refused; /* connections over a limit that stay open until their 503 is read */
    uint64_t handshakes, handshakes_waiting, handshakes_per_second, request_heads; /* 0: none */
    uint64_t header_bytes, header_count, target_bytes; /* 431, 431, 414 */
    uint64_t body_bytes; /* linger: most bytes read and dropped after an early answer */
    int64_t handshake_ns, headers_ns, body_ns, idle_ns, write_ns;
    int64_t stall_ns;               /* of a body, or of an answer */
    int64_t drain_idle_ns;          /* idle, while draining */
    uint64_t body_bytes_per_second; /* in each window of stall_ns; 0: none */
};

/* Settings of the ingest listener; the open files bound connections and refused. sink_files: how
 * many of them the sinks need. */
struct http_settings http_settings_from_config(const struct config *config, uint64_t sink_files);
struct http_settings http_settings_for_admin(const struct config *config, uint64_t sink_files);

#endif
