"""What a server holds: memory after a rush, files and threads after clients and sinks that come and go."""

import concurrent.futures
import contextlib
import os
import socket
import struct

from harness import event, ndjson, query, wait_until
from load import Sender

MIB = 1 << 20
# A sanitizer keeps what was freed: memory is that of other builds.
INSTRUMENTED = os.environ.get("VSOCD_BUILD", "").endswith(("asan", "tsan", "coverage", "fuzz"))
SINK_CUTS = int(os.environ.get("VSOCD_SINK_CUTS", "15"))
BROKER_RESTARTS = int(os.environ.get("VSOCD_BROKER_RESTARTS", "1"))


def held(server):
    """Open files and threads."""
    process = f"/proc/{server.process.pid}"
    return len(os.listdir(f"{process}/fd")), len(os.listdir(f"{process}/task"))


def resident(server):
    return server.metric("process_resident_memory_bytes")


def head(body):
    return b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body)


def test_memory_of_a_rush_goes_back_to_the_kernel(server):
    """More than 40 MiB of bodies wait for their last byte; then all of them are read at once."""
    server.post(ndjson([event(0)]))
    before = resident(server)
    bodies = [ndjson(event(1000 * n + k, message="m" * 200) for k in range(250)) for n in range(1, 501)]
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(server.connect(60)) for _ in bodies]
        for link, body in zip(links, bodies):
            link.sendall((head(body) + body)[:-1])
        wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") > 40 * MIB, 60, "the bodies being held")
        for link, body in zip(links, bodies):
            link.sendall(body[-1:])
        for link in links:
            assert link.recv(65536).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: INSTRUMENTED or resident(server) < before + 16 * MIB, 60, "the memory being given back")


def test_a_refused_connection_that_stays_holds_no_bytes_of_its_body(make_server):
    """Its sender may still read the answer: the connection waits for that, what has come of the body does not."""
    count = 1000
    server = make_server({"limits": {"connections_per_address": 2 * count}})
    wrong = head(b"x" * 100000).replace(b"/v1/events", b"/v1/nothing") + b"x" * 2500
    before = resident(server)
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            link = stack.enter_context(server.connect(60))
            link.sendall(wrong)
            assert link.recv(65536).startswith(b"HTTP/1.1 404 ")
        assert INSTRUMENTED or resident(server) < before + count * 4096


def test_1000_connections_that_end_in_every_way_leave_nothing_open(server):
    body = ndjson([event(1)])
    server.post(body)
    before = held(server)

    def come_and_go(n):
        link = server.connect()
        link.sendall((head(body) + body)[: [0, 20, len(head(body)) + 5, None][n % 4]])
        if n % 4 == 3:
            assert link.recv(65536).startswith(b"HTTP/1.1 200 ")
        if n % 8 < 4:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        link.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(come_and_go, range(1000)))
    wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="the connections being closed")
    wait_until(lambda: all(now <= then for now, then in zip(held(server), before)), what="files and threads as before")
    assert server.metric("vsocd_memory_in_flight_bytes") == 0


def test_sinks_that_lose_their_connections_again_and_again_leave_nothing_open(make_stack, services):
    stack = make_stack({"timeouts": {"ack": "60s"}})
    sender = Sender(stack.server)

    def deliver(level):
        assert sender.send(sender.events(5), VSOC_Ack=level).json["ack"] == level

    def cut_postgres():
        query(stack.database, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        deliver("postgres")

    def cut_kafka():
        services.act("kafka", "stop", "--kill")
        services.act("kafka", "start")
        deliver("all")

    deliver("all")
    cut_postgres()
    cut_kafka()  # now it is as after any other cut
    warm = held(stack.server)
    for _ in range(SINK_CUTS):
        cut_postgres()
    for _ in range(BROKER_RESTARTS):
        cut_kafka()
    wait_until(lambda: held(stack.server) <= warm, what="files and threads as after the first cuts")
    stack.compare(sender.told, waited=True)
