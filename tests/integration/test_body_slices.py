"""Bodies are read in slices: a long one holds up nobody, and every way in which a request can end half-way is right."""

import concurrent.futures
import contextlib
import gzip
import itertools
import select
import signal
import struct
import time

import pytest

from harness import SLOWEST, event, ndjson, wait_until

MIB = 1 << 20
EVENTS = 20000


def long_body(number=0):
    """Some hundred milliseconds of work."""
    first = number * EVENTS
    return gzip.compress(ndjson([event(first + i, message="m" * 200) for i in range(EVENTS)]), 1)


def slices(server):
    return server.metric("vsocd_body_slices_total")


def in_flight(server):
    return server.metric("vsocd_memory_in_flight_bytes")


def head_of(body, path="/v1/events"):
    return (
        f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()


def test_a_long_body_is_read_in_many_slices_and_a_short_one_in_one(server):
    before = slices(server)
    assert server.post(ndjson([event(1)])).status == 200
    assert slices(server) == before + 1
    reply = server.post(long_body(1), Content_Encoding="gzip")
    assert (reply.status, reply.json["accepted"]) == (200, EVENTS)
    assert slices(server) > before + 10


@pytest.mark.parametrize("workers", ["1", "2"])
def test_long_bodies_at_once_are_all_taken_and_others_served_meanwhile(make_server, workers):
    server = make_server({"ingest": {"workers": workers}})
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        long = [pool.submit(server.post, long_body(n), Content_Encoding="gzip") for n in range(1, 9)]
        others = 0
        while not all(one.done() for one in long) or not others:
            assert server.post(ndjson([event(10**7 + others)])).status == 200
            assert server.get("/livez").status == 200
            others += 1
        replies = [one.result() for one in long]
    assert [(reply.status, reply.json["accepted"]) for reply in replies] == [(200, EVENTS)] * 8
    server.terminate()
    assert len({one["event_uid"] for one in server.export() if "event_uid" in one}) == 8 * EVENTS + others


def test_small_batches_are_answered_within_a_long_body(make_server):
    """One worker: a body that is read without a pause lets one or two through, whatever the machine's speed."""
    server = make_server({"ingest": {"workers": "1"}, "limits": {"batch_events": 100000}})
    body = gzip.compress(ndjson([event(i, message="m" * 200) for i in range(3 * EVENTS)]), 1)
    with server.connect() as link, link.makefile("rb") as answer:
        link.sendall(head_of(body) + body)
        within = 0
        while not select.select([link], [], [], 0)[0]:
            assert server.post(ndjson([event(10**7 + within)])).status == 200
            within += 1
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
    assert within >= 6


def has_had(server, connections):
    """So many clients came and left, and nothing of theirs is under way."""
    label = 'listener="ingest"'
    came = server.metric("vsocd_http_connections_accepted_total", label) >= connections
    return came and server.metric("vsocd_http_connections", label) == 0 and in_flight(server) == 0


def test_a_client_that_leaves_half_way_leaves_nothing_behind(server):
    """Its key is free again, its memory is given back."""
    body = long_body(1)
    for _ in range(8):
        with server.connect() as link:
            link.sendall(head_of(body) + body)
    wait_until(lambda: has_had(server, connections=8), what="all of them, and the memory of their requests")
    reply = server.post(body, Content_Encoding="gzip")
    assert reply.status == 200 and reply.json["accepted"] == EVENTS
    server.terminate()
    assert len([one for one in server.export() if "event_uid" in one]) == EVENTS


def test_bodies_half_read_at_sigterm_are_answered(make_server):
    server = make_server({"ingest": {"workers": "1"}, "timeouts": {"drain": f"{30 * SLOWEST}s"}})
    bodies = [long_body(n) for n in range(1, 5)]
    links = [server.connect() for _ in bodies]
    begun = slices(server)
    for link, body in zip(links, bodies):
        link.sendall(head_of(body) + body)
    wait_until(lambda: slices(server) > begun + 2, what="bodies being read", interval=0.001)
    server.process.send_signal(signal.SIGTERM)
    answers = []
    for link in links:
        with link, link.makefile("rb") as answer, contextlib.suppress(ConnectionError):
            answers.append(answer.readline()[:13])
    assert server.ended() == 0
    taken = answers.count(b"HTTP/1.1 200 ")
    assert set(answers) <= {b"HTTP/1.1 200 ", b"HTTP/1.1 503 ", b""}
    # A batch is there as a whole or not at all, and each one that was answered is.
    kept = len([one for one in server.export() if "event_uid" in one])
    assert kept % EVENTS == 0 and kept >= taken * EVENTS > 0


def test_a_second_signal_stops_within_a_body(make_server):
    server = make_server({"ingest": {"workers": "1"}})
    links = [server.connect() for _ in range(4)]
    begun = slices(server)
    for n, link in enumerate(links):
        body = long_body(n + 1)
        link.sendall(head_of(body) + body)
    wait_until(lambda: slices(server) > begun + 2, what="bodies being read", interval=0.001)
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    server.ended()
    server.check_log()
    assert len([one for one in server.export() if "event_uid" in one]) % EVENTS == 0
    for link in links:
        link.close()


def test_new_settings_wait_for_bodies_being_read(server):
    """They are read to their end with the settings they began with; the next ones have the new."""
    bodies = [long_body(n) for n in range(1, 7)]
    begun = slices(server)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        long = [pool.submit(server.post, body, Content_Encoding="gzip") for body in bodies]
        wait_until(lambda: slices(server) > begun + 2, what="bodies being read", interval=0.001)
        for depth in (8, 16, 24):
            server.settings["limits"] = {"json_depth": depth}
            server.write_config()
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        replies = [one.result() for one in long]
    assert [(reply.status, reply.json["accepted"]) for reply in replies] == [(200, EVENTS)] * 6
    server.settings["limits"] = {"batch_events": 10}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    fresh = itertools.count(10**7)  # a repeat would be answered like the first one
    wait_until(lambda: server.post(ndjson([event(next(fresh)) for _ in range(11)])).status == 413, what="the new limit of batch_events")


def test_what_long_bodies_hold_inflated_is_bounded(make_server):
    """Sixteen bodies of 60 MiB at once on one worker: each is read, the oldest first when memory is short. A sanitizer's build takes
    ten times as long and shows nothing of the memory: a quarter of them."""
    server = make_server({"ingest": {"workers": "1"}, "limits": {"event_bytes": "1MiB"}})
    line = ndjson([event(1, message="m" * 1000)])
    body = gzip.compress(line * (60 * MIB // len(line)), 1)
    assert len(body) < 8 * MIB

    def peak():
        for text in open(f"/proc/{server.process.pid}/status"):
            if text.startswith("VmHWM:"):
                return int(text.split()[1]) * 1024

    before = peak()
    instrumented = "asan" in str(server.program) or "tsan" in str(server.program)
    count = 4 if instrumented else 16
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        replies = list(pool.map(lambda n: server.post(body, Content_Encoding="gzip", Idempotency_Key=f"k{n}"), range(count)))
    assert {reply.status for reply in replies} <= {200, 413}, replies
    assert instrumented or peak() - before < 6 * 64 * MIB


HOSTILE = {
    "gzip": bytes.fromhex("1f8b0800000000000003") + bytes.fromhex("0208208000") * ((8 * MIB - 10) // 5),
    "deflate": bytes.fromhex("789c") + bytes.fromhex("0208208000") * ((8 * MIB - 2) // 5),
    "zstd": bytes.fromhex("28b52ffd0058") + b"\0\0\0" * ((8 * MIB - 6) // 3),
}


@pytest.mark.parametrize("coding", HOSTILE)
def test_four_senders_of_empty_blocks_stop_nobody(server, coding):
    """Each is refused by name; a good sender is served all the while, and the probes stay green."""
    body = HOSTILE[coding]

    def send(sender):
        return [server.post(body, Content_Encoding=coding, Idempotency_Key=f"{sender}-{n}") for n in range(3)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        hostile = [pool.submit(send, n) for n in range(4)]
        good = 0
        while not all(one.done() for one in hostile) or not good:
            assert server.post(ndjson([event(good)])).status == 200
            assert server.get("/livez").status == 200
            good += 1
        replies = [reply for one in hostile for reply in one.result()]
    assert {(reply.status, reply.json["code"]) for reply in replies} == {(413, "inflate_blocks")}
    assert all(coding in reply.json["detail"] for reply in replies)


def test_a_zstd_window_over_8_mib_is_named(server):
    reply = server.post(bytes.fromhex("28b52ffd0070010000"), Content_Encoding="zstd")
    assert (reply.status, reply.json["code"]) == (400, "zstd_window")
    assert "zstd window exceeds 8 MiB" in reply.json["detail"]


@pytest.mark.parametrize("chunk", [1, 7, 16384, 10**6])
def test_a_zstd_frame_that_holds_less_than_it_declares_is_refused_however_it_comes(server, chunk):
    text = ndjson([event(n) for n in range(150)])
    blocks = struct.pack("<I", len(text) << 3)[:3] + text + b"\x01\0\0"
    for declared, status in ((len(text), 200), (len(text) + 64, 400)):
        body = bytes.fromhex("28b52ffda058")[:5] + struct.pack("<I", declared) + blocks
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + chunk]), body[at : at + chunk]) for at in range(0, len(body), chunk))
        head = (
            b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: zstd\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        with server.connect() as link, link.makefile("rb") as answer:
            link.sendall(head + pieces + b"0\r\n\r\n")
            assert answer.readline().startswith(b"HTTP/1.1 %d " % status), answer.read()
