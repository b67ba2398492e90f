/* tls_result.h: how a handshake ended, a row of tls_results.def. Thread: any. */
#ifndef VSOC_SERVER_TLS_RESULT_H
#define VSOC_SERVER_TLS_RESULT_H

#include <stdbool.h>

enum tls_result {
#define TLS_RESULT(result, of_certificate, meaning) TLS_RESULT_##result,
#include "server/tls/tls_results.def"
#undef TLS_RESULT
    TLS_RESULT_COUNT
};

/* Text of the row, static. */
const char *tls_result_text(enum tls_result result);
/* Whether the peer was refused for its certificate, or for having none. */
bool tls_result_is_of_certificate(enum tls_result result);
/* Counts a handshake's end in vsocd_tls_handshakes_total{result}. */
void tls_count_handshake(enum tls_result result);

#endif
