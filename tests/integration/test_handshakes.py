"""Many half-open TLS handshakes: who comes from another address is served soon, and established senders are not touched."""

import contextlib
import socket
import time

import pytest

from certificates import Authority, tls_settings
from harness import wait_until

VIN = "1M8GDM9AXKP042788"
HALF_OPEN, ADDRESSES, PER_SECOND = 300, 5, 20


@pytest.mark.parametrize("first_bytes", [b"", bytes.fromhex("160301020001")], ids=["silent", "part of a hello"])
def test_newcomer_does_not_wait_behind_half_open_handshakes_of_others(make_server, tmp_path, first_bytes):
    authority = Authority(tmp_path / "ca")
    server = make_server({**tls_settings(authority), "limits": {"handshakes_per_second": PER_SECOND}})
    context = authority.context(authority.vehicle(VIN))
    address = ("127.0.0.1", server.port)
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(context.wrap_socket(socket.create_connection(address, 60), server_hostname="localhost"))
        answers = stack.enter_context(link.makefile("rb"))

        def is_served():
            link.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            head = b"".join(iter(answers.readline, b"\r\n"))
            size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            answers.read(size)
            return head.startswith(b"HTTP/1.1 200")

        assert is_served()
        for n in range(HALF_OPEN):
            half = socket.create_connection(address, 60, (f"127.0.1.{1 + n % ADDRESSES}", 0))
            stack.enter_context(half)
            half.sendall(first_bytes)
        began = time.monotonic()
        assert server.request("GET", "/health", context=context).status == 200
        took = time.monotonic() - began
        # In turn with five addresses on each worker; behind all of them it would be 15 s.
        assert took < 6, f"the newcomer waited {took:.1f} s"
        assert is_served()
        if first_bytes:
            wait_until(lambda: server.metric("vsocd_tls_handshakes_paced_total") > 0, what="the pace")
        else:
            assert server.metric("vsocd_tls_handshakes_in_progress") == 0, "a silent connection takes no place"
