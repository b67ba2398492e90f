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

from harness import Vsocd, consume, event, ndjson, query, wait_until
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store
from load import NAME, told_of


class Stack:
    """A server with both sinks, and what its senders were told."""

    def __init__(self, make_server, services, name, **settings):
        self.services, self.database = services, services.new_database()
        self.topics = {kind: f"{name}.{kind}" for kind in ("events", "quarantine", "health", "findings", "progress")}
        self.told, self.made = {}, 0
        self.server = make_server(
            {
                "sinks": {
                    "kafka": {"enabled": True, "topics": self.topics, "properties": {"bootstrap.servers": services.bootstrap}},
                    "postgres": {"enabled": True, "dsn": self.database},
                },
                "timeouts": {"ack": "2s", "write": "2s"},
                **settings,
            }
        )

    def batch(self, events=10):
        """A body that no one has sent yet."""
        self.made += 1
        return ndjson(event(1000 * self.made + n, event_name=NAME) for n in range(events))

    def tell(self, body):
        """The batch was acknowledged."""
        self.told.update(told_of(body))

    def repeat(self, body, **headers):
        """Sends until it is acknowledged, as a client does; the report."""
        replies = []

        def taken():
            replies.append(self.server.post(body, **headers))
            assert replies[-1].status in (200, 409), replies[-1]
            return replies[-1].status == 200

        wait_until(taken, what="the acknowledgement")
        self.tell(body)
        return replies[-1].json

    def compare(self):
        self.server.wait_for_sinks(120)
        stores = [spool_store(self.server), postgres_store(self.database), kafka_store(self.services.bootstrap, self.topics)]
        check(self.told, stores, None, pseudonyms(self.server.settings["privacy"]["keys_file"]))


@pytest.fixture(scope="module")
def shared(build, services, tmp_path_factory):
    """For tests that leave the server as it was: one for all of them."""

    def make(settings):
        server = Vsocd(build, tmp_path_factory.mktemp("clients") / "server", settings)
        server.start()
        return server

    stack = Stack(make, services, "clients")
    yield stack
    stack.server.stop_for_good()


@pytest.fixture
def stack(shared):
    yield shared
    shared.compare()


@pytest.fixture
def make_stack(make_server, services, tmp_path):
    """For tests that end the server, or leave it in another state."""
    return lambda **settings: Stack(make_server, services, tmp_path.name, **settings)


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


def test_reply_that_is_lost_after_the_commit_is_given_again(stack):
    body, before = stack.batch(), position(stack.server)
    link = stack.server.connect()
    link.sendall(raw(body))
    assert link.recv(1, socket.MSG_PEEK) == b"H"  # it was made; nobody reads it
    reset(link)
    report = stack.repeat(body)
    assert report["duplicate"] is True and (report["position"], report["accepted"]) == (before + 1, 10)
    again = stack.repeat(body)
    assert again == report
    stack.server.wait_for_sinks()
    assert query(stack.database, "select count(*) from vsoc.batches where batch_uid = %s", report["batch_id"]) == [(1,)]


def test_client_that_dies_while_it_waits_for_a_sink_has_been_taken(stack):
    body, before = stack.batch(), position(stack.server)
    stack.services.act("postgres", "pause")
    try:
        link = stack.server.connect()
        link.sendall(raw(body, "VSOC-Ack: postgres"))
        wait_until(lambda: position(stack.server) == before + 1, what="the commit")
        reset(link)
        wait_until(lambda: is_quiet(stack.server), what="the waiting request being given up")
    finally:
        stack.services.act("postgres", "resume")
    report = stack.repeat(body, VSOC_Ack="postgres")
    assert (report["duplicate"], report["position"]) == (True, before + 1)


def test_half_closed_connection_is_answered(stack):
    body = stack.batch()
    with stack.server.connect() as link:
        link.sendall(raw(body))
        link.shutdown(socket.SHUT_WR)
        status, report = read_reply(link)
        assert (status, report["accepted"]) == (200, 10)
        assert link.recv(1) == b""
    stack.tell(body)


def test_reset_within_the_body_stores_nothing(stack):
    body, before = stack.batch(), position(stack.server)
    for cut in (1, len(body) // 2, len(body) - 1):
        link = stack.server.connect()
        link.sendall(raw(body)[: cut - len(body)])
        wait_until(lambda: stack.server.metric("vsocd_memory_in_flight_bytes") > 0, what="the request being read")
        reset(link)
        wait_until(lambda: is_quiet(stack.server), what="the request being dropped")
    assert position(stack.server) == before


def test_reset_after_the_last_byte_stores_once(stack):
    bodies = [stack.batch(2) for _ in range(100)]
    for body in bodies:
        link = stack.server.connect()
        link.sendall(raw(body))
        reset(link)
    reports = [stack.repeat(body) for body in bodies]
    assert len({report["position"] for report in reports}) == len(bodies)


def test_pipelined_batches_whose_replies_are_lost_are_stored_once(stack):
    bodies = [stack.batch(2) for _ in range(20)]
    link = stack.server.connect()
    link.sendall(b"".join(map(raw, bodies)))
    first = [read_reply(link) for _ in range(1)]
    reset(link)
    wait_until(lambda: is_quiet(stack.server), what="the connection being dropped")
    reports = [stack.repeat(body) for body in bodies]
    positions = [report["position"] for report in reports]
    assert positions == sorted(set(positions))
    assert [status for status, _ in first] == [200] and first[0][1]["position"] == positions[0]


def test_client_that_dies_between_100_continue_and_its_body_stores_nothing(stack):
    body, before = stack.batch(), position(stack.server)
    head = raw(body, "Expect: 100-continue")[: -len(body)]
    for sent in (b"", body[:-1]):
        link = stack.server.connect()
        link.sendall(head)
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(sent)
        reset(link)
        wait_until(lambda: is_quiet(stack.server), what="the request being dropped")
    assert position(stack.server) == before
    assert "duplicate" not in stack.repeat(body)


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
    taken = int(position(server))
    assert 0 < taken < 4000
    again = [server.post(bad + ndjson([event(n)])).json for n in (0, taken - 1, taken)]
    assert [report.get("duplicate") for report in again] == [True, True, None]
    assert len({one["source_event_id"] for one in server.export() if "source_event_id" in one}) == taken + 1


# Batches that come more than once


def test_same_batch_at_once_on_many_connections_is_stored_once(stack):
    body, gate = stack.batch(50), threading.Barrier(16)

    def post():
        gate.wait()
        return stack.server.post(body, Idempotency_Key="at-once")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = [one.result() for one in [pool.submit(post) for _ in range(16)]]
    codes = collections.Counter((reply.status, reply.json.get("code")) for reply in replies)
    assert codes.keys() <= {(200, None), (409, "in_progress")} and codes[200, None] > 0
    reports = [reply.json for reply in replies if reply.status == 200]
    assert len({(one["batch_id"], one["position"]) for one in reports}) == 1
    assert sum("duplicate" not in one for one in reports) == 1
    assert stack.repeat(body, Idempotency_Key="at-once")["duplicate"] is True


def test_same_batch_to_two_instances_is_once_in_postgresql_and_once_an_instance_in_kafka(make_stack, make_server):
    """What docs/kafka.md promises of it: other ids of event and batch, the same dedup_key."""
    stack = make_stack()
    other = make_server({key: stack.server.settings[key] for key in ("sinks", "privacy", "timeouts")})
    body, gate = stack.batch(), threading.Barrier(2)

    def post(server):
        gate.wait()
        return server.post(body, VSOC_Ack="all", Idempotency_Key="two-instances").json

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reports = [one.result() for one in [pool.submit(post, server) for server in (stack.server, other)]]
    batches = {report["batch_id"] for report in reports}
    assert [report["ack"] for report in reports] == ["all", "all"] and len(batches) == 2
    assert len(postgres_store(stack.database).ids()) == 10
    ((stored, accepted),) = query(stack.database, "select batch_uid, accepted from vsoc.batches")
    assert stored in batches and accepted == 10
    records = [json.loads(message.value()) for message in consume(stack.services.bootstrap, stack.topics["events"])]
    copies = collections.Counter(one["dedup_key"] for one in records)
    assert len(copies) == 10 and set(copies.values()) == {2}
    assert len({one["event_uid"] for one in records}) == 20 and {one["batch_uid"] for one in records} == batches


def test_key_with_another_body_is_refused_before_and_after_a_kill(make_stack):
    stack = make_stack()
    body, other = stack.batch(), stack.batch()
    stack.repeat(body, Idempotency_Key="k")
    for _ in range(2):
        reply = stack.server.post(other, Idempotency_Key="k")
        assert (reply.status, reply.json["code"]) == (422, "key_reused")
        stack.server.kill()
        stack.server.start()
    stack.compare()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_repeat_after_a_restart_gets_the_first_report(make_stack, end):
    """Replies that were given, and replies that were lost with the server."""
    stack = make_stack()
    bodies = [stack.batch(5) for _ in range(40)]
    first = [stack.repeat(body) for body in bodies[:20]]
    links = [stack.server.connect() for _ in bodies[20:]]
    for link, body in zip(links, bodies[20:]):
        link.sendall(raw(body))
    getattr(stack.server, end)()
    stack.server.start()
    again = [stack.repeat(body) for body in bodies]
    assert [one.pop("duplicate") for one in again[:20]] == [True] * 20 and again[:20] == first
    for link, report in zip(links, again[20:]):
        with link, contextlib.suppress(ConnectionError, http.client.HTTPException):
            status, told = read_reply(link)
            assert status == 503 or (report["duplicate"] and told["batch_id"] == report["batch_id"])
    stack.compare()


def test_repeat_that_left_a_full_window_is_once_in_postgresql_and_twice_in_kafka(make_stack):
    stack = make_stack(dedup={"max_batches": 10})
    bodies = [stack.batch(2) for _ in range(12)]
    first = [stack.repeat(body, VSOC_Ack="all") for body in bodies]
    for _ in range(2):
        assert stack.repeat(bodies[2])["duplicate"] is True  # the oldest that is left
        stack.server.kill()
        stack.server.start()
    again = stack.repeat(bodies[0], VSOC_Ack="all")
    assert "duplicate" not in again and again["batch_id"] != first[0]["batch_id"]
    assert sorted(postgres_store(stack.database).ids()) == sorted(stack.told)
    records = [json.loads(message.value()) for message in consume(stack.services.bootstrap, stack.topics["events"])]
    copies = collections.Counter(one["dedup_key"] for one in records)
    assert sorted(copies.values()) == [1] * 22 + [2] * 2


# VSOC-Ack while a sink is away


def test_ack_names_what_was_reached_while_a_sink_is_away(make_stack):
    stack = make_stack(timeouts={"ack": "500ms"})
    stack.repeat(stack.batch(), VSOC_Ack="all")
    bodies = {}
    for away, present, end, again in (("postgres", "kafka", ["stop", "--kill"], "start"), ("kafka", "postgres", ["pause"], "resume")):
        stack.services.act(away, *end)
        try:
            for asked, reached in ((away, "spool"), (present, present), ("all", present), ("spool", "spool")):
                bodies[away, asked] = body = stack.batch()
                assert stack.repeat(body, VSOC_Ack=asked)["ack"] == reached, (away, asked)
        finally:
            stack.services.act(away, again)
        stack.server.wait_for_sinks()
    for (_, asked), body in bodies.items():
        report = stack.repeat(body, VSOC_Ack=asked)
        assert (report["duplicate"], report["ack"]) == (True, asked)
    stack.compare()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_sender_that_waits_for_a_sink_learns_after_the_restart_that_it_has_the_batch(make_stack, end):
    stack = make_stack(timeouts={"ack": "60s", "drain": "2s"})
    stack.repeat(stack.batch(), VSOC_Ack="all")
    stack.services.act("postgres", "pause")
    try:
        body, before = stack.batch(), position(stack.server)
        with stack.server.connect() as link:
            link.sendall(raw(body, "VSOC-Ack: postgres"))
            wait_until(lambda: position(stack.server) == before + 1, what="the commit")
            getattr(stack.server, end)()
            if end == "terminate":
                status, report = read_reply(link)
                assert (status, report["ack"]) == (200, "spool")
            else:
                with pytest.raises((ConnectionError, http.client.HTTPException)):
                    read_reply(link)
    finally:
        stack.services.act("postgres", "resume")
    stack.server.start()
    report = stack.repeat(body, VSOC_Ack="postgres")
    assert (report["duplicate"], report["ack"]) == (True, "postgres")
    assert query(stack.database, "select accepted from vsoc.batches where batch_uid = %s", report["batch_id"]) == [(10,)]
    stack.compare()
