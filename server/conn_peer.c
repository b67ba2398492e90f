/* conn_peer.c: the remote address as text, and as the key that connections are counted by. Runs on
 * the connection's loop. Pure. */
#include "server/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static void use_v4(struct conn *conn, const void *bytes)
{
    memcpy(conn->address, bytes, 4);
    conn->address_size = 4;
    inet_ntop(AF_INET, bytes, conn->peer.address, sizeof(conn->peer.address));
}

void conn_peer_address(struct conn *conn, const struct sockaddr *address, socklen_t size)
{
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        use_v4(conn, &((const struct sockaddr_in *)(const void *)address)->sin_addr);
    } else if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            use_v4(conn, v6->s6_addr + 12);
            return;
        }
        /* One sender usually has a /64 to itself. */
        memcpy(conn->address, v6->s6_addr, 8);
        conn->address_size = 8;
        inet_ntop(AF_INET6, v6, conn->peer.address, sizeof(conn->peer.address));
    } else {
        memcpy(conn->address, "unix", 4);
        conn->address_size = 4;
        snprintf(conn->peer.address, sizeof(conn->peer.address), "unix");
    }
}
