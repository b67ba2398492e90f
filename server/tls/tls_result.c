/* tls_result.c: results of handshakes as text, and their counters. Any thread. */
#include "server/tls/tls_result.h"

#include "core/metrics/metrics.h"

static const struct {
    const char *text;
    bool of_certificate;
} rows[] = {
#define TLS_RESULT(result, of_certificate, meaning)                                                \
    [TLS_RESULT_##result] = {#result, of_certificate},
#include "server/tls/tls_results.def"
#undef TLS_RESULT
};

static metric_cell counters[TLS_RESULT_COUNT];

const char *tls_result_text(enum tls_result result)
{
    return rows[result].text;
}

bool tls_result_is_of_certificate(enum tls_result result)
{
    return rows[result].of_certificate;
}

void tls_count_handshake(enum tls_result result)
{
    metric_add(metric_series_in(&counters[result], METRIC_vsocd_tls_handshakes_total, "result",
                                rows[result].text),
               1);
}
