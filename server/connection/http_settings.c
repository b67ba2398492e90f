/* http_settings.c: limits and deadlines of connections from the settings and from the open files
 * that the process may have. Any thread. */
#include "server/connection/http_settings.h"

#include "server/net/file_budget.h"

static uint64_t waiting(uint64_t limit, uint64_t most)
{
    return limit && limit < most ? limit : most;
}

struct http_settings http_settings_from_config(const struct config *config, uint64_t sink_files)
{
    struct file_budget files = file_budget_now(config, sink_files);
    return (struct http_settings){
        .connections = files.connections,
        .refused = files.refused,
        .connections_per_address = config->limit_connections_per_address,
        .handshakes = config->limit_handshakes,
        /* The other half of the connections is for those with a complete handshake. */
        .handshakes_waiting = waiting(config->limit_handshakes_waiting, files.connections / 2),
        .handshakes_per_second = config->limit_handshakes_per_second,
        .request_heads = config->limit_request_heads,
        .header_bytes = config->limit_header_bytes,
        .header_count = config->limit_header_count,
        .target_bytes = config->limit_target_bytes,
        .body_bytes = config->limit_body_bytes,
        .handshake_ns = config->timeout_handshake,
        .headers_ns = config->timeout_headers,
        .body_ns = config->timeout_body,
        .idle_ns = config->timeout_idle,
        .write_ns = config->timeout_write,
        .stall_ns = config->timeout_stall,
        .drain_idle_ns = config->timeout_drain_idle,
        .body_bytes_per_second = config->timeout_body_rate,
    };
}

struct http_settings http_settings_for_admin(const struct config *config, uint64_t sink_files)
{
    struct http_settings settings = http_settings_from_config(config, sink_files);
    settings.connections = file_budget_now(config, sink_files).admin;
    settings.refused = 0;
    return settings;
}
