/* conn_records.c: the bound on small TLS records. A record costs about 0.6 microseconds to decrypt
 * however few bytes it holds; many that arrive together are read with one system call, but a sender
 * that sends each in a segment of its own makes one necessary for each. HTTP clients in use write
 * the size line, the data and the line end of each chunk as records of their own (four in Python's
 * requests up to 2.29), so that a body written line by line has an average of 13 bytes with frames
 * of a CAN bus. The bound lets them pass. Runs on the connection's loop. */
#include "server/connection/conn.h"

#include "server/tls/tls.h"

#define FREE_RECORDS    4096 /* of a connection: a client may flush each line for a while */
#define RECORD_BYTES    12   /* after them, on average */
#define REQUEST_RECORDS 4    /* of a request, so that short requests are no fault */

void conn_check_records(struct conn *conn)
{
    conn_assert(conn);
    struct refusal refusal;
    if (!conn->session || conn->state == CONN_DEAD)
        return;
    const uint64_t allowed =
        FREE_RECORDS + conn->requests * REQUEST_RECORDS + conn->input_bytes / RECORD_BYTES;
    if (tls_session_records(conn->session) <= allowed)
        return;
    refusal_say(&refusal, REFUSAL_tls_records_too_small,
                "TLS records hold less than %d bytes on average, after %d free ones", RECORD_BYTES,
                FREE_RECORDS);
    conn_refuse(conn, &refusal);
}
