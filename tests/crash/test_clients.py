"""Clients that die, repeat, hurry and dawdle: each batch that was acknowledged at last is in every store once."""

import collections
import concurrent.futures
import contextlib
import http.client
import json
import socket
import struct
import threading

import pytest

from harness import consume, event, ndjson, query, wait_until
from load import NAME, told_of


class Client:
    """Makes batches, sends them, and keeps what it was told of them."""

    def __init__(self, stack):
        self.stack, self.server, self.services, self.database = stack, stack.server, stack.services, stack.database
        self.told, self.made = {}, 0

    def batch(self, events=10):
        """A body that no one has sent yet."""
        self.made += 1
        return ndjson(event(1000 * self.made + n, event_name=NAME) for n in range(events))

    def tell(self, body):
        """The batch was acknowledged."""
        self.told.update(told_of(body))

    def repeat(self, body, **headers):
        """Sends until it is acknowledged; the report."""
        replies = []

        def taken():
            replies.append(self.server.post(body, **headers))
            assert replies[-1].status in (200, 409), replies[-1]
            return replies[-1].status == 200

        wait_until(taken, what="the acknowledgement")
        self.tell(body)
        return replies[-1].json

    def compare(self):
        self.stack.compare(self.told)

    def in_postgres(self):
        return sorted(row[0] for row in query(self.database, "select source_event_id from vsoc.events"))

    def in_kafka(self):
        """Records of the events topic."""
        return [json.loads(message.value()) for message in consume(self.services.bootstrap, self.stack.topics["events"])]


@pytest.fixture
def make_client(make_stack):
    return lambda **settings: Client(make_stack({"timeouts": {"ack": "10s"}, **settings}))


@pytest.fixture
def client(make_client):
    """Of a server with both sinks, which must hold at the end what the client was told."""
    made = make_client()
    yield made
    made.compare()


def raw(body, *lines):
    head = ["POST /v1/events HTTP/1.1", "Host: vsoc", "Content-Type: application/x-ndjson", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def reset(link):
    """Ends a connection with RST: nothing more is sent or read."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def read_reply(link):
    reply = http.client.HTTPResponse(link)
    reply.begin()
    return reply.status, json.loads(reply.read())


def position(server):
    return server.metric("vsocd_spool_position")


def is_quiet(server):
    """No request is under way any more."""
    return server.metric("vsocd_http_connections", 'listener="ingest"') == 0 and server.metric("vsocd_memory_in_flight_bytes") == 0


# Connections that end


def test_reply_that_is_lost_after_the_commit_is_given_again(client):
    body, before = client.batch(), position(client.server)
    link = client.server.connect()
    link.sendall(raw(body))
    assert link.recv(1, socket.MSG_PEEK) == b"H"  # it was made; nobody reads it
    reset(link)
    report = client.repeat(body)
    assert report["duplicate"] is True and (report["position"], report["accepted"]) == (before + 1, 10)
    again = client.repeat(body)
    assert again == report
    client.server.wait_for_sinks()
    assert query(client.database, "select count(*) from vsoc.batches where batch_uid = %s", report["batch_id"]) == [(1,)]


def test_client_that_dies_while_it_waits_for_a_sink_has_been_taken(client):
    body, before = client.batch(), position(client.server)
    client.services.act("postgres", "pause")
    try:
        link = client.server.connect()
        link.sendall(raw(body, "VSOC-Ack: postgres"))
        wait_until(lambda: position(client.server) == before + 1, what="the commit")
        reset(link)
        wait_until(lambda: is_quiet(client.server), what="the waiting request being given up")
    finally:
        client.services.act("postgres", "resume")
    report = client.repeat(body, VSOC_Ack="postgres")
    assert (report["duplicate"], report["position"]) == (True, before + 1)


def test_half_closed_connection_is_answered(client):
    body = client.batch()
    with client.server.connect() as link:
        link.sendall(raw(body))
        link.shutdown(socket.SHUT_WR)
        status, report = read_reply(link)
        assert (status, report["accepted"]) == (200, 10)
        assert link.recv(1) == b""
    client.tell(body)


def test_reset_within_the_body_stores_nothing(client):
    body, before = client.batch(), position(client.server)
    for cut in (1, len(body) // 2, len(body) - 1):
        link = client.server.connect()
        link.sendall(raw(body)[: cut - len(body)])
        wait_until(lambda: client.server.metric("vsocd_memory_in_flight_bytes") > 0, what="the request being read")
        reset(link)
        wait_until(lambda: is_quiet(client.server), what="the request being dropped")
    assert position(client.server) == before


def test_reset_after_the_last_byte_stores_once(client):
    bodies = [client.batch(2) for _ in range(100)]
    for body in bodies:
        link = client.server.connect()
        link.sendall(raw(body))
        reset(link)
    reports = [client.repeat(body) for body in bodies]
    assert len({report["position"] for report in reports}) == len(bodies)


def test_pipelined_batches_whose_replies_are_lost_are_stored_once(client):
    bodies = [client.batch(2) for _ in range(20)]
    link = client.server.connect()
    link.sendall(b"".join(map(raw, bodies)))
    first = [read_reply(link) for _ in range(1)]
    reset(link)
    wait_until(lambda: is_quiet(client.server), what="the connection being dropped")
    reports = [client.repeat(body) for body in bodies]
    positions = [report["position"] for report in reports]
    assert positions == sorted(set(positions))
    assert [status for status, _ in first] == [200] and first[0][1]["position"] == positions[0]


def test_client_that_dies_between_100_continue_and_its_body_stores_nothing(client):
    body, before = client.batch(), position(client.server)
    head = raw(body, "Expect: 100-continue")[: -len(body)]
    for sent in (b"", body[:-1]):
        link = client.server.connect()
        link.sendall(head)
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(sent)
        reset(link)
        wait_until(lambda: is_quiet(client.server), what="the request being dropped")
    assert position(client.server) == before
    assert "duplicate" not in client.repeat(body)


def test_reader_that_takes_no_replies_is_let_go_and_holds_nothing(make_server):
    """Replies of 100 errors each pile up until the socket is full; then no more requests are read, and at last the connection ends."""
    server = make_server({"timeouts": {"write": "1s"}})
    bad = b"{broken\n" * 100
    requests = b"".join(raw(bad + ndjson([event(n)])) for n in range(4000))
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", server.port))
        link.settimeout(60)
        with pytest.raises(ConnectionError):
            link.sendall(requests)
            wait_until(lambda: link.send(b"x") == 0, what="the end of the connection")
    wait_until(lambda: is_quiet(server), what="the connection being dropped")

    def stored():
        return len({one["source_event_id"] for one in server.export() if "source_event_id" in one})

    taken = stored()
    assert 0 < taken < 4000
    again = [server.post(bad + ndjson([event(n)])).json for n in (0, taken - 1, taken)]
    assert [report.get("duplicate") for report in again] == [True, True, None]
    assert stored() == taken + 1


# Batches that come more than once


def test_same_batch_at_once_on_many_connections_is_stored_once(client):
    body, gate = client.batch(50), threading.Barrier(16)

    def post():
        gate.wait()
        return client.server.post(body, Idempotency_Key="at-once")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = [one.result() for one in [pool.submit(post) for _ in range(16)]]
    codes = collections.Counter((reply.status, reply.json.get("code")) for reply in replies)
    assert codes.keys() <= {(200, None), (409, "in_progress")} and codes[200, None] > 0
    reports = [reply.json for reply in replies if reply.status == 200]
    assert len({(one["batch_id"], one["position"]) for one in reports}) == 1
    assert sum("duplicate" not in one for one in reports) == 1
    assert client.repeat(body, Idempotency_Key="at-once")["duplicate"] is True


def test_same_batch_to_two_instances_is_once_in_postgresql_and_once_an_instance_in_kafka(make_client, make_server):
    """What docs/kafka.md promises of it: other ids of event and batch, the same dedup_key."""
    client = make_client()
    other = make_server({key: client.server.settings[key] for key in ("sinks", "privacy", "timeouts")})
    body, gate = client.batch(), threading.Barrier(2)

    def post(server):
        gate.wait()
        return server.post(body, VSOC_Ack="all", Idempotency_Key="two-instances").json

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reports = [one.result() for one in [pool.submit(post, server) for server in (client.server, other)]]
    batches = {report["batch_id"] for report in reports}
    assert [report["ack"] for report in reports] == ["all", "all"] and len(batches) == 2
    assert len(client.in_postgres()) == 10
    ((stored, accepted),) = query(client.database, "select batch_uid, accepted from vsoc.batches")
    assert stored in batches and accepted == 10
    records = client.in_kafka()
    copies = collections.Counter(one["dedup_key"] for one in records)
    assert len(copies) == 10 and set(copies.values()) == {2}
    assert len({one["event_uid"] for one in records}) == 20 and {one["batch_uid"] for one in records} == batches


def test_key_with_another_body_is_refused_before_and_after_a_kill(make_client):
    client = make_client()
    body, other = client.batch(), client.batch()
    client.repeat(body, Idempotency_Key="k")
    for _ in range(2):
        reply = client.server.post(other, Idempotency_Key="k")
        assert (reply.status, reply.json["code"]) == (409, "key_reused")
        client.server.kill()
        client.server.start()
    client.compare()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_repeat_after_a_restart_gets_the_first_report(make_client, end):
    """Replies that were given, and replies that were lost with the server."""
    client = make_client()
    bodies = [client.batch(5) for _ in range(40)]
    first = [client.repeat(body) for body in bodies[:20]]
    links = [client.server.connect() for _ in bodies[20:]]
    for link, body in zip(links, bodies[20:]):
        link.sendall(raw(body))
    getattr(client.server, end)()
    client.server.start()
    again = [client.repeat(body) for body in bodies]
    assert [one.pop("duplicate") for one in again[:20]] == [True] * 20 and again[:20] == first
    for link, report in zip(links, again[20:]):
        with link, contextlib.suppress(ConnectionError, http.client.HTTPException):
            status, told = read_reply(link)
            assert status == 503 or (report["duplicate"] and told["batch_id"] == report["batch_id"])
    client.compare()


def test_repeat_that_left_a_full_window_is_once_in_postgresql_and_twice_in_kafka(make_client):
    client = make_client(dedup={"max_batches": 10})
    bodies = [client.batch(2) for _ in range(12)]
    first = [client.repeat(body, VSOC_Ack="all") for body in bodies]
    for _ in range(2):
        assert client.repeat(bodies[2])["duplicate"] is True  # the oldest that is left
        client.server.kill()
        client.server.start()
    again = client.repeat(bodies[0], VSOC_Ack="all")
    assert "duplicate" not in again and again["batch_id"] != first[0]["batch_id"]
    assert client.in_postgres() == sorted(client.told)
    records = client.in_kafka()
    copies = collections.Counter(one["dedup_key"] for one in records)
    assert sorted(copies.values()) == [1] * 22 + [2] * 2


# VSOC-Ack while a sink is away


def test_ack_names_what_was_reached_while_a_sink_is_away(make_client):
    client = make_client(timeouts={"ack": "500ms"})
    client.repeat(client.batch(), VSOC_Ack="all")
    bodies = {}
    for away, present, end, again in (("postgres", "kafka", ["stop", "--kill"], "start"), ("kafka", "postgres", ["pause"], "resume")):
        client.services.act(away, *end)
        try:
            for asked, reached in ((away, "spool"), (present, present), ("all", present), ("spool", "spool")):
                bodies[away, asked] = body = client.batch()
                assert client.repeat(body, VSOC_Ack=asked)["ack"] == reached, (away, asked)
        finally:
            client.services.act(away, again)
        client.server.wait_for_sinks()
    for (_, asked), body in bodies.items():
        report = client.repeat(body, VSOC_Ack=asked)
        assert (report["duplicate"], report["ack"]) == (True, asked)
    client.compare()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_sender_that_waits_for_a_sink_learns_after_the_restart_that_it_has_the_batch(make_client, end):
    client = make_client(timeouts={"ack": "60s", "drain": "2s"})
    client.repeat(client.batch(), VSOC_Ack="all")
    client.services.act("postgres", "pause")
    try:
        body, before = client.batch(), position(client.server)
        with client.server.connect() as link:
            link.sendall(raw(body, "VSOC-Ack: postgres"))
            wait_until(lambda: position(client.server) == before + 1, what="the commit")
            getattr(client.server, end)()
            if end == "terminate":
                status, report = read_reply(link)
                assert (status, report["ack"]) == (200, "spool")
            else:
                with pytest.raises((ConnectionError, http.client.HTTPException)):
                    read_reply(link)
    finally:
        client.services.act("postgres", "resume")
    client.server.start()
    report = client.repeat(body, VSOC_Ack="postgres")
    assert (report["duplicate"], report["ack"]) == (True, "postgres")
    assert query(client.database, "select accepted from vsoc.batches where batch_uid = %s", report["batch_id"]) == [(10,)]
    client.compare()
