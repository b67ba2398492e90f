/* conn_input.c: what a connection has read and not used yet. While it is served, its input lies in
 * the server's scratch memory; what it can't use yet is kept in memory of its own, at most
 * CONN_INPUT_BYTES. An idle connection holds none. Runs on the connection's loop. Does not
 * interpret the input. */

#include <errno.h>
#include <stdlib.h>
#include "server/connection/conn.h"
#include "server/http/http_parser.h"

void conn_input_used(struct conn *conn, size_t bytes)
{
    ensure(bytes <= conn->input.size);
    conn->input = slice_sub(conn->input, bytes, conn->input.size);
}

void conn_input_drop(struct conn *conn)
{
    conn->input = SLICE_EMPTY;
    if (conn->processing)
        return; /* a handler may still read it: conn_input_keep follows */
    free(conn->kept);
    conn->kept = NULL;
}

/* Memory of its own for the input, with room for `more` bytes behind it. False: no memory. */
static bool make_kept(struct conn *conn, size_t more)
{
    size_t size = conn->input.size;
    uint8_t *kept = (uint8_t *)malloc(size + more);
    if (!kept)
        return false;
    if (size)
        memcpy(kept, conn->input.data, size);
    free(conn->kept);
    conn->kept = kept;
    conn->input = slice_make(kept, size);
    return true;
}

void conn_input_keep(struct conn *conn)
{
    if (conn->input.size == 0)
        conn_input_drop(conn);
    else if (!conn->kept && !make_kept(conn, 0))
        conn_close(conn);
    stream_pause(&conn->stream, conn->input.size >= CONN_INPUT_BYTES);
}

/* The peer has ended the connection, or sends no more. False: it is closed. */
static bool take_end(struct conn *conn, enum status status)
{
    if (status == STATUS_CLOSED)
        conn->input_ended = true;
    if (status != STATUS_IO)
        return true;
    if (errno == ETIMEDOUT)
        conn_timeout_count_untaken(conn);
    conn_close(conn);
    return false;
}

/* Behind what is there already; the connection does not use its input now, or has not used all. */
static bool read_behind(struct conn *conn)
{
    size_t room = CONN_INPUT_BYTES - conn->input.size, got;
    if (conn->input.size >= CONN_INPUT_BYTES || !make_kept(conn, room)) {
        stream_pause(&conn->stream, true);
        return true;
    }
    enum status status = stream_read(&conn->stream, conn->kept + conn->input.size, room, &got);
    conn->input = slice_make(conn->kept, conn->input.size + got);
    return take_end(conn, status);
}

/* No more of a next request than is kept in any case. */
static size_t size_of_read(const struct conn *conn)
{
    const struct http_exchange *x = &conn->exchange;
    if (conn->state != CONN_BODY)
        return CONN_INPUT_BYTES;
    int64_t length = http_parser_request(x->parser)->content_length;
    uint64_t left = length > 0 ? (uint64_t)length - x->body_bytes : 0;
    if (left <= CONN_INPUT_BYTES)
        return CONN_INPUT_BYTES;
    return left < CONN_SCRATCH_BYTES ? (size_t)left : CONN_SCRATCH_BYTES;
}

static bool read_afresh(struct conn *conn)
{
    size_t got;
    enum status status =
        stream_read(&conn->stream, conn->server->scratch, size_of_read(conn), &got);
    conn->input = slice_make(conn->server->scratch, got);
    return take_end(conn, status);
}

void conn_input_arrived(struct conn *conn)
{
    conn_assert(conn);
    if (conn->processing || conn->state == CONN_DEAD || conn->state == CONN_LINGER)
        return;
    bool afresh = conn->input.size == 0 && conn_reads(conn);
    if (afresh ? read_afresh(conn) : read_behind(conn))
        conn_process(conn);
}
