"""The wrong protocol on a port is answered, or logged, in words."""

import contextlib
import json
import socket
import ssl

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

BODY = ndjson([event(1)])
REQUESTS = {
    "GET": b"GET /v1/events HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST": b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "PUT": b"PUT /v1/events HTTP/1.0\r\n\r\n",
    "OPTIONS": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "DELETE": b"DELETE /v1/events HTTP/1.1\r\nHost: h\r\n\r\n",
}


def answer_to(server, raw):
    with server.connect(timeout=10) as link:
        link.sendall(raw)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := link.recv(65536):
                received += piece
        return received


@pytest.fixture
def secure(make_server, tmp_path):
    return make_server(tls_settings(Authority(tmp_path / "ca", "fleet CA")))


@pytest.mark.parametrize("method", REQUESTS)
def test_plain_http_on_the_tls_port_gets_a_400_in_words(secure, method):
    head, _, body = answer_to(secure, REQUESTS[method]).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n"), head
    assert b"\r\nDate: " in head and b"\r\nConnection: close" in head
    problem = json.loads(body)
    assert problem["code"] == "plain_http_on_tls_port" and "https://" in problem["detail"]
    assert secure.metric("vsocd_refusals_total", 'reason="plain_http_on_tls_port"') == 1
    wait_until(lambda: secure.metric("vsocd_http_connections", 'listener="ingest"') == 0, what="it being closed")


@pytest.mark.parametrize("raw", [b"SSH-2.0-x\r\n", b"\0" * 100, b"\x16\x03\x01\0\x05hello", b"hello world, no HTTP\r\n"])
def test_other_bytes_on_the_tls_port_get_no_http(secure, raw):
    assert b"HTTP/" not in answer_to(secure, raw)


def test_tls_on_the_plain_port_is_logged_in_words_once_a_minute(server):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(5):
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.port), 10) as link:
            context.wrap_socket(link)
    wait_until(lambda: "speaks TLS on a port that speaks plain HTTP" in server.log(), what="the line")
    assert 1 <= server.log().count("speaks TLS on a port") <= 2  # one a worker
    assert server.metric("vsocd_refusals_total", 'reason="tls_on_plain_port"') == 5
