"""SIGTERM: probes answer until the end, no connection hangs, and a client that keeps its connection loses no request."""

import contextlib
import http.client
import signal
import socket
import threading
import time

import pytest

from certificates import Authority, tls_settings
from harness import SLOWEST, event, ndjson, wait_until

HEAD = b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def black_hole():
    """Port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


def probe(server, path):
    """Status of a probe, None when nobody listens; a probe that hangs fails the test."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=3 * SLOWEST)
        connection.request("GET", path)
        return connection.getresponse().status
    except (ConnectionError, http.client.RemoteDisconnected):
        return None


def test_probes_answer_until_the_end_while_a_sink_does_not_end(make_server, black_hole):
    """The sink's server does not answer: the sink is waited for, and nobody must take that for a hang."""
    server = make_server({"timeouts": {"drain": "4s"}}, start=False)
    server.settings["sinks"]["postgres"] = {"enabled": True, "dsn": f"host=127.0.0.1 port={black_hole} dbname=x"}
    server.migrated = True
    server.write_config()
    server.start()
    assert server.post(ndjson([event(1)])).status == 200
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: probe(server, "/readyz") == 503, 1, "red readiness at once", interval=0.01)
    seen = []
    while server.process.poll() is None:
        answers = probe(server, "/livez"), probe(server, "/readyz"), probe(server, "/metrics")
        if "sink stopped" not in server.log():  # it was waited for until now
            seen.append(answers)
        time.sleep(0.05)
    assert set(seen) == {(200, 503, 200)}, seen
    assert "sink stopped" in server.log()


def test_new_connections_are_refused_at_once_and_none_hangs(make_server):
    server = make_server()
    body = ndjson([event(1)])
    with server.connect() as flying:
        flying.sendall(HEAD % len(body) + body[:10])
        wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 1, what="the connection")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping: finishing" in server.log(), what="the stop", interval=0.01)

        def is_refused():
            try:
                with server.connect(timeout=3 * SLOWEST) as late, late.makefile("rb") as answer:
                    late.sendall(HEAD % len(body) + body)
                    line = answer.readline()  # a hang is a TimeoutError here
                    assert line in (b"", b"HTTP/1.1 200 OK\r\n"), line
                return False
            except ConnectionError:
                return True

        wait_until(is_refused, 2, "new connections being refused", interval=0.01)
        assert server.process.poll() is None  # by the listener, not by the end of the process
        flying.sendall(body[10:])
        assert flying.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    assert server.ended() == 0


class Client(threading.Thread):
    """Posts over one connection for as long as it may, and comes again when it is closed or nobody listens."""

    def __init__(self, server, pause, context=None):
        super().__init__()
        self.server, self.pause, self.context = server, pause, context
        self.sent = self.said_close = self.renewed = 0
        self.lost, self.over = [], threading.Event()

    def connect(self):
        while not self.over.is_set():
            if self.context:
                connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=20 * SLOWEST, context=self.context)
            else:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20 * SLOWEST)
            connection.auto_open = False
            try:
                connection.connect()
                self.renewed += 1
                return connection
            except OSError:
                time.sleep(0.02)
        return None

    def run(self):
        connection = self.connect()
        while connection and not self.over.is_set():
            self.sent += 1
            body = ndjson([event(self.sent, ecu_id=f"{self.ident}")])
            try:
                connection.request("POST", "/v1/events", body, {"Content-Type": "application/x-ndjson"})
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    self.lost.append((reply.status, text))
            except (OSError, http.client.HTTPException) as problem:
                self.lost.append(repr(problem))
                reply = None
            if reply is None or reply.will_close:
                self.said_close += reply is not None
                connection.close()
                connection = self.connect()
            self.over.wait(self.pause)


@pytest.mark.parametrize("tls", [False, True])
def test_an_active_client_loses_no_request_over_a_restart(make_server, tmp_path, tls):
    authority = Authority(tmp_path / "ca", "fleet CA") if tls else None
    server = make_server(tls_settings(authority) if tls else {})
    context = authority.context(authority.vehicle("1M8GDM9AXKP042788")) if tls else None
    clients = [Client(server, pause, context) for pause in (0, 0, 0.01, 0.1, 0.3, 0.7, 1.0, 1.5)]
    for client in clients:
        client.start()
    try:
        for _ in range(3):
            counts = [client.sent for client in clients]
            wait_until(lambda: all(c.sent > n + 1 for c, n in zip(clients, counts)), what="every client sending")
            renewed = [client.renewed for client in clients]
            assert server.terminate() == 0
            server.start()
            wait_until(lambda: all(c.renewed > n for c, n in zip(clients, renewed)), what="every client being back")
    finally:
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
    assert [client.lost for client in clients] == [[]] * len(clients)
    assert all(client.said_close >= 3 for client in clients), "each learns it from its last answer"
    assert len(server.export()) == sum(client.sent for client in clients)


def test_idle_connections_do_not_hold_up_the_stop(make_server):
    server = make_server({"timeouts": {"drain_idle": "300ms", "drain": "1h"}})
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(server.connect()) for _ in range(20)]
        wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 20, what="the connections")
        assert server.terminate(5) == 0
        assert all(link.recv(1) == b"" for link in links)


def test_reload_while_stopping_is_refused_in_words(make_server):
    server = make_server()
    with server.connect() as held:
        held.sendall(HEAD % 10)
        wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 1, what="the connection")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping: finishing" in server.log(), what="the stop")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded while the server stops" in server.log(), what="the refusal")
    assert server.ended() == 0
