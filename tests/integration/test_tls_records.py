"""TLS records that hold next to nothing are refused: each costs a system call and a decryption. Small ones of ordinary clients are not."""

import contextlib
import gzip
import socket
import ssl

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson

VIN = "1M8GDM9AXKP042788"


class Link:
    """A TLS connection whose every write is a record of its own, sent in large segments."""

    def __init__(self, server, context):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 60)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.run(self.tls.do_handshake)
        self.flush()

    def flush(self):
        self.socket.sendall(self.outgoing.read())

    def run(self, call, *arguments):
        while True:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                received = self.socket.recv(65536)
                if not received:
                    return b""
                self.incoming.write(received)

    def send(self, data, piece):
        for i in range(0, len(data), piece):
            self.tls.write(data[i : i + piece])
            if self.outgoing.pending > 1 << 16:
                self.flush()
        self.flush()

    def answer(self):
        """To its end as Content-Length says."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.run(self.tls.read, 65536) or pytest.fail(f"no answer: {received}")
        head, _, body = received.partition(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < size:
            body += self.run(self.tls.read, 65536)
        return int(head.split()[1]), body


@pytest.fixture
def link(make_server, tmp_path):
    authority = Authority(tmp_path / "ca")
    server = make_server(tls_settings(authority))
    link = Link(server, authority.context(authority.vehicle(VIN)))
    link.server = server
    with contextlib.closing(link.socket):
        yield link


def post(link, body, piece, more=b""):
    link.tls.write(b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\n%sContent-Length: %d\r\n\r\n" % (more, len(body)))
    with contextlib.suppress(ConnectionError):  # the answer ends what is sent
        link.send(body, piece)
    return link.answer()


@pytest.mark.parametrize("piece", [1, 8])
def test_tiny_records_are_refused_and_the_bound_is_named(link, piece):
    status, body = post(link, ndjson([event(n) for n in range(400 * piece)]), piece)
    assert status == 400 and b'"tls_records_too_small"' in body and b"12 bytes" in body, body
    assert link.server.metric("vsocd_refusals_total", 'reason="tls_records_too_small"') == 1


def test_head_in_tiny_records_counts_too(link):
    """Requests over and over, of which each byte is a record."""
    for _ in range(100):
        link.send(b"GET /health HTTP/1.1\r\nHost: h\r\nX-Filler: %s\r\n\r\n" % (b"x" * 200), 1)
        status, body = link.answer()
        if status != 200:
            break
    assert status == 400 and b'"tls_records_too_small"' in body, body


def test_line_by_line_is_taken(link):
    lines = [ndjson([event(n)]) for n in range(9000)]
    size = min(map(len, lines))
    assert size > 64
    assert post(link, b"".join(lines), size)[0] == 200


@pytest.mark.parametrize("line", [b'{"event_name":"DOOR","severity_id":3,"message":"open"}\n', b"(1700000000.000000) can0 123#1122334455667788\n"])
def test_a_chunk_a_line_in_four_records_is_taken(link, line):
    """As requests 2.28 (Debian 12) writes what a generator gives."""
    route = b"" if line.startswith(b"{") else b"/candump"
    link.tls.write(b"POST /v1/events%s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s\r\n" % (route, b"" if route else b"Content-Type: application/x-ndjson\r\n"))
    size = b"%x" % len(line)
    with contextlib.suppress(ConnectionError):
        for _ in range(9000):
            for piece in (size, b"\r\n", line, b"\r\n"):
                link.send(piece, 1 << 14)
        link.send(b"0\r\n\r\n", 1 << 14)
    status, body = link.answer()
    assert status == 200, body


def test_many_short_requests_are_served(link):
    for _ in range(6000):
        link.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", 1 << 14)
        assert link.answer()[0] == 200


def test_small_body_may_come_byte_by_byte(link):
    assert post(link, gzip.compress(ndjson([event(n) for n in range(40)])), 1, b"Content-Encoding: gzip\r\n")[0] == 200
