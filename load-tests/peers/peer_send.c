/* Sends prepared bytes to a peer as fast as the peer takes them, so that the generator costs next
 * to nothing beside it. One thread. It builds no event: the bytes come whole from a file that
 * peers/ bodies.py wrote, and are sent again from the first one when they are used up. */
#include "send_file.h"
#include "send_reply.h"
#include "../fleet_histogram.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 64, CONNECTIONS_MAX = 10000, EVENTS_AT_ONCE = 64 };

struct options {
    const char *host, *port, *file;
    uint64_t events;
    unsigned connections, seconds;
    bool http;
};

struct connection {
    int fd;
    const struct send_body *body; /* NULL: no more work */
    size_t sent;
    uint64_t started_ns;
    bool waits; /* HTTP: the body is out, its answer is not in */
    struct send_reply reply;
};

struct run {
    const struct options *options;
    struct send_file bodies;
    struct connection *connections;
    int epoll;
    unsigned open;
    size_t next;                             /* body that is sent next */
    uint64_t planned, acknowledged, refused; /* events */
    uint64_t bytes;
    struct fleet_histogram latency;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int connect_to(const struct options *options)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int fd = -1, one = 1;
    if (getaddrinfo(options->host, options->port, &wanted, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return fd;
}

/* Gives the connection its next body; false when all events are planned. */
static bool take_body(struct run *run, struct connection *connection)
{
    connection->body = NULL;
    if (run->planned >= run->options->events)
        return false;
    connection->body = &run->bodies.bodies[run->next];
    run->next = (run->next + 1) % run->bodies.count;
    run->planned += connection->body->events;
    connection->sent = 0;
    connection->started_ns = now_ns();
    return true;
}

/* Its work is over. A stream is half closed, and stays until the peer has read to its end. */
static void finish(struct run *run, struct connection *connection)
{
    shutdown(connection->fd, SHUT_WR);
    epoll_ctl(run->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    run->open--;
}

/* Writes what the socket takes. False when the connection is lost. */
static bool write_on(struct run *run, struct connection *connection)
{
    while (connection->body != NULL && !connection->waits) {
        const struct send_body *body = connection->body;
        ssize_t wrote = send(connection->fd, body->bytes + connection->sent,
                             body->size - connection->sent, MSG_NOSIGNAL);
        if (wrote < 0)
            return errno == EAGAIN || errno == EINTR;
        run->bytes += (uint64_t)wrote;
        connection->sent += (size_t)wrote;
        if (connection->sent < body->size)
            continue;
        if (run->options->http) {
            connection->waits = true;
            send_reply_start(&connection->reply);
        } else {
            run->acknowledged += body->events;
            if (!take_body(run, connection))
                finish(run, connection);
        }
    }
    return true;
}

/* Reads what has come. A stream's peer has nothing to say; an HTTP answer frees the connection. */
static bool read_on(struct run *run, struct connection *connection)
{
    char bytes[8192];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!run->options->http)
        return true;
    if (!connection->waits)
        return false; /* an answer before the question was out: the peer refuses it */
    int status = send_reply_feed(&connection->reply, bytes, (size_t)got);
    if (status == SEND_REPLY_MORE)
        return true;
    if (status < 100)
        return false;
    fleet_histogram_add(&run->latency, now_ns() - connection->started_ns);
    if (status / 100 == 2)
        run->acknowledged += connection->body->events;
    else if ((run->refused += connection->body->events) == connection->body->events)
        fprintf(stderr, "peer_send: the first refused batch was answered %d\n", status);
    connection->waits = false;
    if (take_body(run, connection))
        return write_on(run, connection);
    finish(run, connection);
    return true;
}

static bool open_all(struct run *run)
{
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < run->options->connections; i++) {
        struct connection *connection = &run->connections[i];
        connection->fd = connect_to(run->options);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
        if (connection->fd < 0 ||
            epoll_ctl(run->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
            fprintf(stderr, "peer_send: connection %u to %s:%s: %s\n", i, run->options->host,
                    run->options->port, strerror(errno));
            return false;
        }
    }
    run->open = run->options->connections;
    return true;
}

/* Until every connection is finished, one is lost, or the time is over. */
static bool loop(struct run *run)
{
    uint64_t deadline = now_ns() + (uint64_t)run->options->seconds * 1000000000u;
    for (unsigned i = 0; i < run->options->connections; i++) {
        if (!take_body(run, &run->connections[i]))
            finish(run, &run->connections[i]);
        else if (!write_on(run, &run->connections[i]))
            return false;
    }
    while (run->open > 0) {
        struct epoll_event events[EVENTS_AT_ONCE];
        int ready = epoll_wait(run->epoll, events, EVENTS_AT_ONCE, 1000);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (((events[i].events & EPOLLIN) && !read_on(run, connection)) ||
                (events[i].events & (EPOLLHUP | EPOLLERR)) || !write_on(run, connection)) {
                fprintf(stderr, "peer_send: the peer closed a connection that was in use\n");
                return false;
            }
        }
        if (now_ns() > deadline) {
            fprintf(stderr, "peer_send: not done after %u s\n", run->options->seconds);
            return false;
        }
    }
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option NAMES[] = {
        {"host", required_argument, NULL, 'h'},    {"port", required_argument, NULL, 'p'},
        {"bodies", required_argument, NULL, 'b'},  {"events", required_argument, NULL, 'e'},
        {"seconds", required_argument, NULL, 's'}, {"connections", required_argument, NULL, 'c'},
        {"http", no_argument, NULL, 'H'},          {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (name == 'h')
            options->host = optarg;
        else if (name == 'p')
            options->port = optarg;
        else if (name == 'b')
            options->file = optarg;
        else if (name == 'e')
            options->events = strtoull(optarg, NULL, 10);
        else if (name == 's')
            options->seconds = (unsigned)strtoul(optarg, NULL, 10);
        else if (name == 'c')
            options->connections = (unsigned)strtoul(optarg, NULL, 10);
        else if (name == 'H')
            options->http = true;
        else
            return false;
    }
    return optind == argc && options->port != NULL && options->file != NULL &&
           options->events > 0 && options->connections > 0 &&
           options->connections <= CONNECTIONS_MAX;
}

static void print_json(const struct run *run, double seconds)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    printf("{\"events\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"requests\":%" PRIu64
           ",\"latency_ms\":{\"p50\":%.3f,\"p99\":%.3f,"
           "\"p99_9\":%.3f,\"max\":%.3f}}\n",
           run->acknowledged, run->refused, run->bytes, seconds,
           (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9, run->latency.count,
           (double)fleet_histogram_at(&run->latency, 0.5) / 1e6,
           (double)fleet_histogram_at(&run->latency, 0.99) / 1e6,
           (double)fleet_histogram_at(&run->latency, 0.999) / 1e6, (double)run->latency.max / 1e6);
}

int main(int argc, char **argv)
{
    struct options options = {.host = "127.0.0.1", .connections = 32, .seconds = 300};
    static struct run run; /* static: it is large, and in use until the end */
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: peer_send --port N --bodies FILE --events N [--http] [--host NAME] "
                        "[--connections N (up to 10000)] [--seconds N]\n");
        return EXIT_USAGE;
    }
    run.options = &options;
    run.connections = calloc(options.connections, sizeof *run.connections);
    if (run.connections == NULL || !send_file_open(options.file, &run.bodies) || !open_all(&run))
        return EXIT_FAILURE;
    uint64_t start = now_ns();
    bool good = loop(&run);
    print_json(&run, (double)(now_ns() - start) / 1e9);
    return good && run.refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
