"""Senders that stop, or go on just enough: each is ended in time, and nobody else is refused for what they hold."""

import contextlib
import json
import pathlib
import socket
import threading
import time

import pytest

from harness import SLOWEST, event, ndjson, wait_until
from test_hostile import wait_for_answers

MIB = 1 << 20
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"


def hold(server, size, address="127.0.0.1", missing=1):
    """A connection from `address` that has sent all of its body but the last `missing` bytes."""
    link = socket.create_connection(("127.0.0.1", server.port), 10, (address, 0))
    link.settimeout(10 * SLOWEST)
    link.sendall(HEAD % size + b" " * (size - missing))
    return link


def answer_of(link, seconds=10 * SLOWEST):
    """What the server says of its own accord, up to its end."""
    link.settimeout(seconds)
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := link.recv(65536):
            received += piece
    return received


def unread(server):
    """Bytes of its connections that the server has not read yet."""
    queues = [line.split()[1:5] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{server.port:04X}"
    return sum(int(q[3].split(":")[1], 16) for q in queues if q[0].endswith(port) and q[2] != "0A")


def holds(server, least):
    """Their memory is taken when they begin: the bodies must have been read as far as they go, too."""
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") >= least, what=f"{least} bytes being held")
    wait_until(lambda: unread(server) == 0, what="what was sent being read")


class Senders:
    """Good senders, each from an address of its own, one batch after the other."""

    def __init__(self, server, count=4):
        self.server, self.replies, self.over = server, [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(count)]

    def run(self, n):
        number = 0
        while not self.over.is_set():
            number += 1
            body = ndjson(event(i, ecu_id=f"{n}-{number}") for i in range(200))
            head = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self.server.port), 10, (f"127.0.1.{n + 1}", 0)) as link:
                link.sendall(head % len(body) + body)
                self.replies.append(answer_of(link)[:80].split(b"\r\n")[0])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_stalled_body_is_ended_by_its_silence_not_by_its_average(make_server):
    """8 MiB at once and then nothing: the average stays over 1 KiB/s for two hours."""
    server = make_server({"timeouts": {"stall": "1s"}})
    with hold(server, 8 * MIB) as link:
        said = answer_of(link)
    assert b" 408 " in said and b'"body_stalled"' in said and b"timeouts.stall (1000 ms)" in said, said
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, what="its memory being free")
    assert server.metric("vsocd_refusals_total", 'reason="body_stalled"') == 1


def test_body_that_drips_after_a_fast_start_is_too_slow(make_server):
    server = make_server({"timeouts": {"stall": "1s", "body_bytes_per_second": "1KiB"}})
    with hold(server, 4 * MIB, missing=100_000) as link:
        link.settimeout(0.1)
        received = b""
        start = time.monotonic()
        while not received and time.monotonic() - start < 15 * SLOWEST:
            with contextlib.suppress(TimeoutError):  # what is on its way may fill the buffers
                link.send(b" ")
            with contextlib.suppress(TimeoutError):
                received = link.recv(65536)
    assert b" 408 " in received and b'"body_too_slow"' in received, received


def test_body_that_keeps_the_rate_still_has_an_end(make_server):
    server = make_server({"timeouts": {"body": "2s", "stall": "1s", "body_bytes_per_second": "1KiB"}})
    with hold(server, 4 * MIB, missing=1_000_000) as link:
        link.settimeout(0.05)
        received = b""
        start = time.monotonic()
        while not received and time.monotonic() - start < 15 * SLOWEST:
            with contextlib.suppress(TimeoutError):  # what is on its way may fill the buffers
                link.send(b" " * 500)
            with contextlib.suppress(TimeoutError):
                received = link.recv(65536)
    assert b" 408 " in received and b'"body_timeout"' in received, received


def test_chunks_of_one_byte_are_no_progress_beyond_their_bytes(make_server):
    """Six bytes on the wire for one of the body: the rate is the body's."""
    server = make_server({"timeouts": {"stall": "1s", "body_bytes_per_second": "1KiB"}})
    with server.connect(timeout=0.01) as link:
        link.sendall((HEAD % 1).replace(b"Content-Length: 1", b"Transfer-Encoding: chunked"))
        received = b""
        start = time.monotonic()
        while not received and time.monotonic() - start < 15 * SLOWEST:
            with contextlib.suppress(TimeoutError):  # what is on its way may fill the buffers
                link.send(b"1;a=bcdefghijk\r\n \r\n")
            with contextlib.suppress(TimeoutError):
                received = link.recv(65536)
    assert b" 408 " in received and b'"body_too_slow"' in received, received


@pytest.mark.parametrize("workers", ["1", "4"])
def test_many_stalled_bodies_cost_good_senders_nothing(make_server, workers):
    """32 of nearly 1 MiB, from 16 addresses, are all that limits.memory has."""
    server = make_server(
        {"ingest": {"workers": workers}, "limits": {"memory": "32MiB", "body_bytes": "1MiB"}, "timeouts": {"stall": "60s", "body": "60s"}}
    )
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(hold(server, MIB, f"127.0.2.{n % 16 + 1}")) for n in range(32)]
        holds(server, 31 * MIB)
        time.sleep(1.1)  # what makes them stale
        with Senders(server) as senders:
            wait_until(lambda: len(senders.replies) >= 100, what="100 batches of good senders")
        assert set(senders.replies) == {b"HTTP/1.1 200 OK"}, set(senders.replies)
        shed = int(server.metric("vsocd_refusals_total", 'reason="body_shed"'))
        assert shed > 0
        said = wait_for_answers(links, shed)
        assert len(said) == shed and all(b" 503 " in one and b'"body_shed"' in one and b"Retry-After: " in one for one in said), said
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, what="their memory being free")
    assert "the stalest body was dropped" in server.log()


def test_stalled_bodies_of_one_address_do_not_close_it(make_server):
    """Behind one address (a NAT, a gateway) others go on: the stalest body of the address makes room."""
    server = make_server({"limits": {"memory": "32MiB", "body_bytes": "1MiB"}, "timeouts": {"stall": "60s", "body": "60s"}})
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(hold(server, MIB))
        holds(server, 8 * MIB)
        time.sleep(1.1)
        for n in range(20):
            body = ndjson(event(i, ecu_id=f"e{n}") for i in range(4000))
            reply = server.post(body)
            assert reply.status == 200, reply
        assert server.metric("vsocd_refusals_total", 'reason="body_shed"') > 0


def test_senders_that_move_on_are_not_shed(make_server):
    """Memory that active bodies hold is theirs: the newcomer is the one who comes again."""
    server = make_server({"limits": {"memory": "4MiB", "body_bytes": "1MiB"}})
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(hold(server, MIB, f"127.0.3.{n + 1}", missing=300_000)) for n in range(5)]
        over = threading.Event()

        def go_on():
            while not over.is_set():
                for link in links:
                    with contextlib.suppress(OSError):
                        link.send(b" " * 20_000)
                over.wait(0.5)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            seen = set()
            for _ in range(20):
                reply = server.post(ndjson(event(i) for i in range(4000)))
                seen.add((reply.status, reply.json.get("code")))
        finally:
            over.set()
            thread.join()
        assert server.metric("vsocd_refusals_total", 'reason="body_shed"') == 0
        assert seen <= {(200, None), (503, "memory")}, seen


def test_one_address_with_many_senders_holds_half_of_the_memory(make_server, tmp_path):
    """Tokens are senders: eight of them behind one address can't take what the others need."""
    tokens = tmp_path / "tokens"
    server = make_server(
        {
            "limits": {"memory": "16MiB", "body_bytes": "1MiB"},
            "timeouts": {"stall": "60s", "body": "60s"},
            "identity": {"tokens_file": str(tokens)},
        },
        start=False,
    )
    made = [server.run("token", "new", "--file", tokens, "--tenant", "t", "--id", f"s{n}").stdout.decode().split()[-1] for n in range(20)]
    server.start()
    with contextlib.ExitStack() as stack:
        links = []
        for token in made:
            link = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10, ("127.0.4.1", 0)))
            head = (HEAD % MIB).replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                link.sendall(head + b" " * (MIB - 1))
            links.append(link)
        said = wait_for_answers(links, 1)
        assert all(b" 429 " in one and b"memory_of_address" in one for one in said), said
        assert server.metric("vsocd_memory_in_flight_bytes") <= 9 * MIB


def test_answer_that_is_not_taken_ends_by_its_silence(make_server):
    server = make_server({"timeouts": {"write": "60s", "stall": "500ms"}})
    with server.connect() as link:
        link.settimeout(5)
        with pytest.raises((ConnectionError, TimeoutError)):
            for _ in range(100_000):
                link.sendall(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n" * 100)
    wait_until(lambda: server.metric("vsocd_refusals_total", 'reason="write_timeout"') == 1, 15, "it being given up")


def test_peers_that_are_gone_are_found(server):
    """Keepalive and TCP_USER_TIMEOUT: what the kernel says of an accepted socket."""
    with server.connect() as link:
        port = link.getsockname()[1]
        wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 1, what="the connection")
        row = f":{server.port:04X} {0x7F000001:08X}"
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        mine = [one.split() for one in lines if one.split()[1].endswith(f":{server.port:04X}") and one.split()[2].endswith(f":{port:04X}")]
        assert len(mine) == 1, row
        assert mine[0][5].split(":")[0] == "02", "no keepalive timer runs"  # tr: 2 is keepalive


def test_report_of_a_shed_body_is_json(make_server):
    server = make_server({"limits": {"memory": "4MiB", "body_bytes": "3MiB"}, "timeouts": {"stall": "60s", "body": "60s"}})
    with hold(server, 3 * MIB, "127.0.5.1") as link:
        holds(server, 3 * MIB)
        time.sleep(1.1)
        assert server.post(ndjson(event(n) for n in range(10_000))).status in (200, 503)
        head, _, body = answer_of(link).partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == "body_shed" and b"connection: close" in head.lower()
