"""A low limit of open files: connections get what is left, never what spool, sinks and probes need."""

import contextlib
import os
import resource
import socket
import time

import pytest

from harness import event, ndjson, query, wait_until

LIMIT = 760


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8000) if hard > 0 else 8000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def crowd(server, count):
    """So many connections, none of which says or reads anything; refused ones are opened again and again."""
    return [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(count)]


def test_connections_leave_files_to_probes_and_sinks(make_server, database, many_files):
    server = make_server(
        {"limits": {"connections_per_address": 100_000}, "sinks": {"postgres": {"enabled": True, "dsn": database}}, "spool": {"segment_bytes": "1MiB"}},
        enter=["prlimit", f"--nofile={LIMIT}:{LIMIT}"],
    )
    with server.connect() as good, good.makefile("rb") as answers:

        def post(n):
            body = ndjson(event(i, ecu_id=f"e{n}", message="m" * 500) for i in range(500))
            good.sendall(b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            status = int(answers.readline().split()[1])
            headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in iter(answers.readline, b"\r\n"))
            answers.read(int(headers["content-length"]))
            return status

        assert post(0) == 200
        with contextlib.ExitStack() as stack:
            for link in crowd(server, 2500):
                stack.enter_context(link)
            most, probes, end = 0, [], time.monotonic() + 4
            n = 0
            while time.monotonic() < end:
                probes.append((server.get("/livez").status, server.get("/readyz").status))
                most = max(most, open_files(server))
                n += 1
                assert post(n) == 200  # new segments of 1 MiB are opened meanwhile
            assert set(probes) == {(200, 200)} and len(probes) > 5, probes
            assert most <= LIMIT - 64, f"{most} of {LIMIT} files are open: nothing is left"
            query(database, "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()")
            assert post(n + 1) == 200
            wait_until(lambda: query(database, "select count(*) from vsoc.events")[0][0] == 500 * (n + 2), what="PostgreSQL being reached again")
    assert "can't accept connections" not in server.log()


def test_refused_connections_are_bounded_over_all_workers(make_server, many_files):
    server = make_server({"ingest": {"workers": "4"}, "limits": {"connections": 10, "connections_per_address": 10}})
    with contextlib.ExitStack() as stack:
        for link in crowd(server, 1500):
            stack.enter_context(link)
        wait_until(lambda: server.metric("vsocd_http_connections_accepted_total", 'listener="ingest"') >= 1500, what="all being accepted")
        assert server.metric("vsocd_http_connections", 'listener="ingest"') <= 10 + 128
        assert open_files(server) < 10 + 128 + 150
        # those that linger go after a second, though nobody reads their 503
        wait_until(lambda: server.metric("vsocd_http_connections", 'listener="ingest"') <= 10, 15, "the refused ones being gone")


def test_crowd_at_the_admin_listener_leaves_files_to_the_rest(make_server, many_files):
    server = make_server(enter=["prlimit", f"--nofile={LIMIT}:{LIMIT}"])
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.admin_port), 10))
        for n in range(5):
            assert server.post(ndjson([event(n)])).status == 200
        assert open_files(server) < 400


@pytest.mark.parametrize("limit", [64, 128, 300, 760])
def test_start_warns_with_the_true_sum(make_server, limit):
    server = make_server({"limits": {"connections": 5000}}, enter=["prlimit", f"--nofile={limit}:{limit}"])
    line = next(one for one in server.log().splitlines() if "limit of open files is lower" in one)
    said = dict(word.split("=") for word in line.split() if "=" in word)
    assert int(said["limit"]) == limit and int(said["needed"]) > 5000 + 128 + 64
    assert sum(int(said[part]) for part in ("connections", "admin", "refused", "other")) <= limit
    assert server.post(ndjson([event(1)])).status == 200


def test_enough_files_need_no_warning(make_server):
    server = make_server({"limits": {"connections": 100}}, enter=["prlimit", "--nofile=1024:1024"])
    assert "limit of open files" not in server.log()
