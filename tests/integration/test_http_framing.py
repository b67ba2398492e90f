"""Raw sockets: hostile and odd HTTP shapes, slow senders, floods. Other senders must not notice any of it."""

import concurrent.futures
import contextlib
import datetime
import email.utils
import gzip
import json
import pathlib
import resource
import signal
import socket
import struct
import time
import zlib

import pytest

from harness import SLOWEST, event, ndjson, wait_until

BATCH = ndjson([event(1)])


def request(*lines, method="POST", path="/v1/events", body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: vsoc.example", "Content-Type: application/x-ndjson", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def batch(body=BATCH, *lines):
    return request(f"Content-Length: {len(body)}", *lines, body=body)


def chunked(raw):
    return request("Transfer-Encoding: chunked", body=raw)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        return json.loads(self.body).get("code") if self.body else None

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


def read_answer(stream):
    """The next answer of a socket's file; None at the end."""
    line = stream.readline()
    if not line:
        return None
    assert line.startswith(b"HTTP/1.1 ") and line.endswith(b"\r\n"), line
    headers = {}
    for raw in iter(stream.readline, b"\r\n"):
        assert raw.endswith(b"\r\n"), raw
        name, _, value = raw.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Answer(int(line.split()[1]), headers, stream.read(int(headers.get("content-length", 0))))


def answers_to(server, raw, piece=None, end=False):
    """All answers until the server closes; piece: bytes of one send; end: close our half after sending."""
    with server.connect() as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(raw), piece or len(raw) or 1):
                link.sendall(raw[at : at + (piece or len(raw))])
            if end:
                link.shutdown(socket.SHUT_WR)
        with link.makefile("rb") as stream:
            return list(iter(lambda: read_answer(stream), None))


def handled(server):
    """Requests that reached a route."""
    return sum(
        value
        for (name, labels), value in server.metrics().items()
        if name == "vsocd_http_requests_total" and 'route="/v1/' in labels
    )


def assert_date(headers):
    """An IMF-fixdate of now (RFC 9110 §6.6.1: a server with a clock sends one)."""
    said = datetime.datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - said).total_seconds()) < 60, headers["date"]
    assert headers["date"] == email.utils.format_datetime(said, usegmt=True)


GOOD_BEHIND = batch()  # what an attacker hopes to smuggle past a proxy

REFUSED = {
    "length and chunked": (request("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400, "length_and_transfer_encoding"),
    "two lengths": (request("Content-Length: 5", "Content-Length: 50", body=b"hello"), 400, "duplicate_content_length"),
    "equal lengths": (request("Content-Length: 5", "Content-Length: 5", body=b"hello"), 400, "duplicate_content_length"),
    "signed length": (request("Content-Length: +5", body=b"hello"), 400, "bad_content_length"),
    "xchunked": (request("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 501, "unknown_transfer_coding"),
    "identity coding": (request("Transfer-Encoding: identity"), 501, "unknown_transfer_coding"),
    "gzip, chunked": (request("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501, "unknown_transfer_coding"),
    "chunked, gzip": (request("Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), 400, "bad_transfer_encoding"),
    "chunked and nothing": (request("Transfer-Encoding: chunked,", body=b"0\r\n\r\n"), 400, "bad_transfer_encoding"),
    "space before colon": (request("Transfer-Encoding : chunked", body=b"0\r\n\r\n"), 400, "space_in_header_name"),
    "folded coding": (request("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), 400, "folded_header"),
    "chunk size 0x5": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    "chunk size +5": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    "chunk without end": (chunked(b"5\r\nhelloX0\r\n\r\n"), 400, "bad_chunk"),
    "bare LF in chunks": (chunked(b"5\nhello\n0\n\n"), 400, "bad_chunk"),
    "long chunk extension": (chunked(b"5;" + b"a" * 200_000 + b"\r\nhello\r\n0\r\n\r\n"), 400, "chunk_extensions_too_large"),
    "bare LF": (b"POST /v1/events HTTP/1.1\nHost: h\nContent-Length: 0\n\n", 400, "bare_lf"),
    "bare CR": (request("X-A:\rContent-Length: 5"), 400, "bare_cr"),
    "NUL": (request("X-A: a\0b"), 400, "control_character"),
    "empty name": (request(": b"), 400, "empty_header_name"),
    "no Host": (b"GET /v1/events HTTP/1.1\r\n\r\n", 400, "missing_host"),
    "two Hosts": (request("Host: other.example"), 400, "duplicate_host"),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505, "unsupported_version"),
    "bad percent in Host": (b"GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400, "bad_host"),
    "open quote in a chunk extension": (chunked(b'5;a="b\r\nhello\r\n0\r\n\r\n'), 400, "bad_chunk"),
    "line end in a quoted extension": (chunked(b'5;a="\r\n0\r\n\r\n"\r\nhello\r\n0\r\n\r\n'), 400, "bad_chunk"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_version"),
    "chunked in 1.0": (b"POST /v1/events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer_encoding_http_1_0"),
    "other host in target": (request(path="http://evil.example/v1/events"), 400, "host_mismatch"),
    "asterisk": (request(method="GET", path="*"), 400, "bad_target"),
    "CONNECT": (request(method="CONNECT", path="vsoc.example:443"), 501, "refused_method"),
    "TRACE": (request(method="TRACE"), 501, "refused_method"),
    "unknown method": (request(method="BREW"), 501, "unknown_method"),
    "expectation": (request("Expect: the-unexpected", "Content-Length: 1"), 417, "unknown_expectation"),
    "TLS on the plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "tls_on_plain_port"),
    "long target": (request(path="/" + "a" * 8000), 414, "target_too_long"),
    "many headers": (request(*[f"X-{n}: y" for n in range(100)]), 431, "too_many_headers"),
    "10 MiB header": (request("X-A: " + "a" * (10 << 20)), 431, "headers_too_large"),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_hostile_shape_is_refused_and_nothing_behind_it_is_read(server, shape):
    raw, status, code = REFUSED[shape]
    before = handled(server)
    answers = answers_to(server, raw + GOOD_BEHIND)
    assert [(one.status, one.code) for one in answers] == [(status, code)], answers
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].headers["connection"] == "close"
    assert_date(answers[0].headers)
    assert handled(server) == before
    assert server.metric("vsocd_refusals_total", f'reason="{code}"') == 1
    assert server.post(BATCH).status == 200


def test_shapes_are_judged_the_same_byte_by_byte(server):
    for shape in ("length and chunked", "folded coding", "chunk size +5", "bare CR", "two Hosts", "no Host"):
        raw, status, code = REFUSED[shape]
        answers = answers_to(server, raw + GOOD_BEHIND, piece=1)
        assert [(one.status, one.code) for one in answers] == [(status, code)], shape
    raw = batch(gzip.compress(BATCH), "Content-Encoding: gzip", "Connection: close")
    assert [one.status for one in answers_to(server, raw, piece=1)] == [200]


def test_pipelined_batches_are_answered_in_order(server):
    batches = [batch(ndjson([event(n)])) for n in range(5)]
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (1, BATCH[n : n + 1]) for n in range(len(BATCH)))
    last = chunked(chunks + b"0\r\nTrailer: dropped\r\n\r\n").replace(b"Host:", b"Connection: close\r\nHost:")
    answers = answers_to(server, b"".join(batches) + last)
    reports = [json.loads(one.body) for one in answers]
    assert [one.status for one in answers] == [200] * 6
    assert [one["position"] for one in reports[:5]] == sorted(one["position"] for one in reports[:5])
    assert len({one["batch_id"] for one in reports[:5]}) == 5
    assert "connection" not in answers[0].headers and answers[-1].headers["connection"] == "close"


def test_half_closed_sender_gets_its_report(server):
    answers = answers_to(server, batch(), end=True)
    assert [one.status for one in answers] == [200]


def test_http_1_0_is_answered_and_closed(server):
    raw = b"POST /v1/events HTTP/1.0\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s"
    answers = answers_to(server, raw % (len(BATCH), BATCH) + GOOD_BEHIND)
    assert [one.status for one in answers] == [200]
    assert answers[0].headers["connection"] == "close"


def test_absolute_form_of_the_same_host_is_taken(server):
    raw = batch(BATCH, "Connection: close").replace(b" /v1/events ", b" http://VSOC.example/v1/events ")
    assert [one.status for one in answers_to(server, raw)] == [200]


@pytest.mark.parametrize("piece", [None, 1, 3])
@pytest.mark.parametrize("line", [b"%x;a", b"%x ; a = b", b'%x\t;a="b;c\\"d" ; e', b"%x;a;b=1;c=2", b'%x;q=""'])
def test_chunk_extensions_that_the_grammar_allows_are_ignored(server, line, piece):
    body = line % len(BATCH) + b"\r\n" + BATCH + b"\r\n" + line % 0 + b"\r\n\r\n"
    raw = chunked(body).replace(b"Host:", b"Connection: close\r\nHost:")
    answers = answers_to(server, raw, piece=piece)
    assert [one.status for one in answers] == [200], answers
    assert json.loads(answers[0].body)["accepted"] == 1


@pytest.mark.parametrize("version", ["1.2", "1.9"])
def test_later_minor_versions_are_served_as_1_1(server, version):
    raw = batch(BATCH, "Connection: close").replace(b" HTTP/1.1", f" HTTP/{version}".encode())
    assert [one.status for one in answers_to(server, raw)] == [200]


@pytest.mark.parametrize("host", ["a=b", "a%7Eb", "[::1]:8443", "vsoc_1.example:8443", "h:"])
def test_hosts_of_the_grammar_are_taken(server, host):
    raw = batch(BATCH, "Connection: close").replace(b"Host: vsoc.example", f"Host: {host}".encode())
    assert [one.status for one in answers_to(server, raw)] == [200]


def test_targets_of_8000_bytes_are_read(server):
    raw = request("Connection: close", method="GET", path="/" + "a" * 7999)
    assert [(one.status, one.code) for one in answers_to(server, raw)] == [(404, "not_found")]


@pytest.mark.parametrize("coding", ["", "gzip", "gzip,", ", gzip", ",", "gzip , ,"])
def test_empty_elements_of_content_encoding_are_passed_over(server, coding):
    body = gzip.compress(BATCH) if "gzip" in coding else BATCH
    raw = batch(body, f"Content-Encoding: {coding}", "Connection: close,")
    assert [one.status for one in answers_to(server, raw)] == [200]


def test_content_encoding_over_several_lines_is_one_list(server):
    body = gzip.compress(BATCH)
    one = batch(body, "Content-Encoding:", "Content-Encoding: gzip", "Connection: close")
    two = batch(body, "Content-Encoding: gzip", "Content-Encoding: gzip", "Connection: close")
    assert [answer.status for answer in answers_to(server, one)] == [200]
    assert [answer.code for answer in answers_to(server, two)] == ["unsupported_content_encoding"]


@pytest.mark.parametrize("coding", ["identity", "gzip", "deflate", "zstd"])
def test_body_without_a_byte_is_an_empty_batch_in_any_coding(server, coding):
    reply = server.post(b"", Content_Encoding=coding)
    assert (reply.status, reply.json["code"]) == (400, "empty_batch")
    if coding == "gzip":
        reply = server.post(gzip.compress(b""), Content_Encoding=coding)
        assert (reply.status, reply.json["code"]) == (400, "empty_batch")


def test_options_says_what_is_allowed(server):
    for path, allow in (
        ("*", "GET, HEAD, POST, OPTIONS"),
        ("/v1/events", "POST, HEAD, OPTIONS"),
        ("/v1/logs", "POST, HEAD, OPTIONS"),
        ("/services/collector/event", "POST, HEAD, OPTIONS"),
        ("/services/collector/health", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ):
        both = request(method="OPTIONS", path=path) + request("Connection: close", method="OPTIONS", path=path)
        answers = answers_to(server, both)
        assert [one.status for one in answers] == [204, 204], answers
        assert answers[0].headers["allow"] == allow and "content-length" not in answers[0].headers
        assert_date(answers[0].headers)
    assert [one.status for one in answers_to(server, request("Connection: close", method="OPTIONS", path="/nowhere"))] == [404]
    for path in ("*", "/metrics"):
        with socket.create_connection(("127.0.0.1", server.admin_port), 10) as link, link.makefile("rb") as stream:
            link.sendall(request(method="OPTIONS", path=path))
            answer = read_answer(stream)
            assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_every_answer_has_a_date(server):
    for raw in (
        batch(BATCH, "Connection: close"),
        batch(b"{}\n", "Connection: close"),
        request(method="GET", path="/nowhere"),
        request("Content-Length: 2", path="/v1/logs", body=b"{}"),
        request("Content-Length: 2", path="/services/collector/event", body=b"{}"),
        request("Content-Length: 0", path="/services/collector/event"),
        b"GET /\0 HTTP/1.1\r\n",
        b"\x16\x03\x01",
    ):
        raw = raw if b"close" in raw else raw.replace(b"Host:", b"Connection: close\r\nHost:")
        answers = answers_to(server, raw)
        assert len(answers) == 1, answers
        assert_date(answers[0].headers)
    for path in ("/livez", "/readyz", "/metrics", "/nothing"):
        assert_date({"date": server.get(path).headers["Date"]})


def test_health_is_answered_on_the_ingest_port(server):
    reply = server.request("GET", "/health")
    assert (reply.status, reply.body) == (200, b"ok\n") and reply.headers["Content-Type"] == "text/plain"
    assert server.request("HEAD", "/health").status == 200
    assert server.request("POST", "/health", b"x").status == 405


def test_health_is_red_while_the_server_stops(make_server):
    import signal

    server = make_server()
    with server.connect() as held, held.makefile("rb") as stream:
        held.sendall(request(method="GET", path="/health"))
        assert read_answer(stream).status == 200
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping: finishing" in server.log(), what="the stop", interval=0.01)
        held.sendall(request(method="GET", path="/health"))
        answer = read_answer(stream)
        assert (answer.status, answer.body, answer.headers["connection"]) == (503, b"draining\n", "close")


def test_empty_lines_behind_a_body_begin_no_request(make_server):
    """RFC 9112 §2.2: no 408 that the client would read as the answer to its next request."""
    server = make_server({"timeouts": {"headers": "300ms", "idle": "1200ms"}})
    for behind in (b"\r\n", b"\r", b"\r\n\r\n", b"\r\n\r\n\r\n\r"):
        with server.connect() as link, link.makefile("rb") as stream:
            start = time.monotonic()
            link.sendall(batch() + behind)
            assert read_answer(stream).status == 200
            assert stream.read() == b"", behind  # the idle connection ends without a word
            assert time.monotonic() - start > 1
    with server.connect() as link, link.makefile("rb") as stream:
        for _ in range(3):
            link.sendall(batch() + b"\r\n")
            assert read_answer(stream).status == 200
    assert server.metric("vsocd_refusals_total", 'reason="headers_timeout"') == 0


def test_expectation_is_met_only_when_the_body_will_be_read(server):
    with server.connect() as link, link.makefile("rb") as stream:
        link.sendall(request("Expect: 100-continue", f"Content-Length: {len(BATCH)}"))
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n" and stream.readline() == b"\r\n"
        link.sendall(BATCH)
        assert read_answer(stream).status == 200
    for lines, status in (
        (["Content-Length: 999999999999"], 413),
        (["Content-Length: 5", "Content-Encoding: br"], 415),
    ):
        answers = answers_to(server, request("Expect: 100-continue", *lines))
        assert [one.status for one in answers] == [status], answers


def test_refusal_can_be_read_while_the_body_is_still_sent(server):
    body = b"x" * (4 << 20)
    answers = answers_to(server, request(f"Content-Length: {len(body)}", "Content-Encoding: br", body=body))
    assert [one.status for one in answers] == [415]


def test_sender_that_leaves_in_the_middle_leaves_nothing_behind(server):
    for reset in (False, True):
        link = server.connect()
        link.sendall(request("Content-Length: 1000", body=BATCH))
        wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") > 0, what="the request being read")
        if reset:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
        wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, what="its memory being freed")
    assert server.export() == []
    assert server.metric("vsocd_http_connections", 'listener="ingest"') == 0


# Deadlines


def drip(server, raw, every):
    """Sends a byte each `every` seconds until the server answers; the answer and how long it took."""
    start = time.monotonic()
    with server.connect(timeout=every) as link:
        received = b""
        for byte in raw:
            link.send(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                received = link.recv(65536)
                break
        return received, time.monotonic() - start


def test_slow_senders_are_answered_408_and_hold_nobody_up(make_server):
    server = make_server({"timeouts": {"headers": "600ms", "body": "600ms", "body_bytes_per_second": "1KiB"}})
    slow_head = request("X-A: " + "a" * 200)
    slow_body = batch(b"x" * 200)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        heads = [pool.submit(drip, server, slow_head, 0.05) for _ in range(8)]
        bodies = [pool.submit(drip_body, server, slow_body, 0.05) for _ in range(8)]
        for n in range(20):
            assert server.post(ndjson([event(n)])).status == 200
        for one in heads:
            received, took = one.result()
            assert b" 408 " in received and b"headers_timeout" in received and took > 0.5
        for one in bodies:
            received, took = one.result()
            assert b" 408 " in received and b"body_too_slow" in received and took > 0.5


def drip_body(server, raw, every):
    head, _, body = raw.partition(b"\r\n\r\n")
    start = time.monotonic()
    with server.connect(timeout=every) as link:
        link.sendall(head + b"\r\n\r\n")
        for byte in body:
            link.send(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                return link.recv(65536), time.monotonic() - start
    return b"", time.monotonic() - start


def test_idle_connections_are_closed_and_counted_out(make_server):
    server = make_server({"timeouts": {"idle": "200ms"}})
    links = [server.connect() for _ in range(20)]
    for link in links:
        assert link.recv(1) == b""
        link.close()
    wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="no connection")


def is_slow(build):
    """A sanitizer's build takes seconds to fill what the kernel takes of its answers (4 MiB)."""
    return any(word in str(build) for word in ("asan", "tsan"))


def test_reader_that_does_not_read_is_given_up(build, make_server):
    server = make_server({"timeouts": {"write": "30s" if is_slow(build) else "300ms"}})
    with server.connect() as link:
        one = request("Content-Length: 0", method="GET", path="/nowhere")
        link.settimeout(60 * SLOWEST)
        with pytest.raises((ConnectionError, TimeoutError)):
            for _ in range(100_000):
                link.sendall(one * 100)
    wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="no connection")
    assert server.metric("vsocd_refusals_total", 'reason="write_timeout"') == 1


def ends_of(server, link):
    """The server's own end of a connection, as the kernel lists it: none when it has ended it."""
    ends = f":{server.port:04X}", f":{link.getsockname()[1]:04X}"
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1]) and row[3] == "01"]


def test_reader_that_the_kernel_gives_up_is_counted_all_the_same(build, make_server):
    """TCP_USER_TIMEOUT is timeouts.write too, and ends before the server looks when that is busy."""
    server = make_server({"timeouts": {"write": "30s" if is_slow(build) else "3s"}})
    with server.connect() as link:
        one = request("Content-Length: 0", method="GET", path="/nowhere")
        link.setblocking(False)
        requests, served = memoryview(one * 100_000), []

        def server_waits():
            nonlocal requests
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while True:
                    requests = requests[link.send(requests) :]
            served.append(server.metric("vsocd_refusals_total", 'reason="not_found"'))
            return served[-1] > 0 and served[-5:] == served[-1:] * 5

        wait_until(server_waits, what="the server having all answers that it holds")
        server.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: not ends_of(server, link), what="the kernel giving the reader up")
        finally:
            server.process.send_signal(signal.SIGCONT)
        wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="no connection")
    assert server.metric("vsocd_refusals_total", 'reason="write_timeout"') == 1


# Floods


def resident(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 12_000:
        pytest.fail(f"this test needs 12000 open files; the hard limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (12_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_5000_idle_connections_harm_nobody(make_server, many_files, request):
    server = make_server({"limits": {"connections_per_address": 10_000}, "timeouts": {"headers": "10min", "idle": "10min"}})
    before = resident(server)
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(server.connect()) for _ in range(5000)]
        for link in links[::2]:
            link.sendall(b"POST /v1/events HTTP/1.1\r\n")  # half of them have begun
        wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') >= 5000, what="5000 connections")
        assert server.post(BATCH).status == 200
        assert server.metric("vsocd_http_connections", 'listener="ingest"') >= 5000  # none was ended for it
        grown = resident(server) - before
        assert grown < 96 << 20, grown
    wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="no connection")


def test_connections_over_the_limits_get_503_with_retry_after(make_server):
    server = make_server({"limits": {"connections": 5}})
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(server.connect()) for _ in range(5)]
        wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') == 5, what="5 connections")
        answers = answers_to(server, b"")
        assert [(one.status, one.code) for one in answers] == [(503, "too_many_connections")]
        assert int(answers[0].headers["retry-after"]) > 0
        links[0].sendall(batch())
        with links[0].makefile("rb") as stream:
            assert read_answer(stream).status == 200


def test_running_out_of_files_is_survived(make_server):
    server = make_server()
    soft = len(list_files(server)) + 10
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, soft))
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(server.connect())
        wait_until(lambda: "can't accept connections" in server.log(), what="the server saying so")
        cpu = cpu_seconds(server)
        wait_until(lambda: server.log().count("can't accept connections") >= 3, what="it trying again")
        assert cpu_seconds(server) - cpu < 0.5  # it rests between tries
    wait_until(lambda: server.post(BATCH).status == 200, what="a batch being taken")


def list_files(server):
    import os

    return os.listdir(f"/proc/{server.process.pid}/fd")


def cpu_seconds(server):
    import os

    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# Content codings


def gigabyte_of_zeros(window):
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    block = b"\0" * (1 << 20)
    return b"".join(packer.compress(block) for _ in range(1024)) + packer.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_bomb_of_a_gigabyte_is_answered_413_in_bounded_memory(server, coding):
    server.post(BATCH)
    before = resident(server)
    bomb = gigabyte_of_zeros(31 if coding == "gzip" else 15)
    for _ in range(3):
        reply = server.post(bomb, Content_Encoding=coding)
        assert (reply.status, reply.json["code"]) in [(413, "inflate_ratio"), (413, "inflated_bytes")], reply  # not inflated to its end
    assert resident(server) - before < 96 << 20
    assert server.post(BATCH).status == 200


@pytest.mark.parametrize("damage", ["truncated", "garbage", "zeros", "crc", "not gzip", "empty"])
def test_damaged_gzip_is_answered_400(server, damage):
    good = gzip.compress(BATCH)
    body = {
        "truncated": good[:-5],
        "garbage": good + b"garbage",
        "zeros": good + b"\0" * 512,
        "crc": good[:-8] + bytes([good[-8] ^ 1]) + good[-7:],
        "not gzip": BATCH,
        "empty": b"",
    }[damage]
    reply = server.post(body, Content_Encoding="gzip")
    assert reply.status == 400, reply
    assert (reply.json["code"] == "empty_batch") == (damage == "empty"), reply
    assert server.export() == []


def test_gzip_with_a_file_name_in_pieces_is_taken(server):
    import io

    packed = io.BytesIO()
    with gzip.GzipFile("events.ndjson", "wb", fileobj=packed) as file:
        file.write(BATCH)
    raw = batch(packed.getvalue(), "Content-Encoding: gzip", "Connection: close")
    assert [one.status for one in answers_to(server, raw, piece=3)] == [200]
