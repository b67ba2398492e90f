"""kill -9 while senders are refused and records are forwarded: what was durable stays, once in every place; nothing is made up."""

import collections
import json
import pathlib
import random
import re
import signal
import socket
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import Vsocd, event, ndjson, query, wait_until  # noqa: E402

ROUNDS = 4


def stored(server):
    return [json.loads(line) for line in server.run("audit", "list", server.spool_dir, "--json").stdout.splitlines()]


def refused(records):
    return sum(one["record"]["count"] for one in records if one["record"]["kind"] == "refused")


class Flood:
    """Senders that are refused; counts the answers."""

    def __init__(self, server):
        self.server, self.answers, self.stopping = server, collections.Counter(), False
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        n = 0
        while not self.stopping:
            n += 1
            try:
                reply = self.server.post(ndjson([event(n)]), Authorization=f"Bearer wrong{number}")
                self.answers[reply.status] += 1
            except OSError:
                self.answers["none"] += 1

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


@pytest.fixture
def server(build, services, tmp_path):
    tokens = tmp_path / "tokens"
    made = Vsocd(build, tmp_path, {
        "identity": {"tokens_file": str(tokens)}, "sinks": {"postgres": {"enabled": True, "dsn": services.new_database()}}})
    made.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw")
    made.start()
    yield made
    made.stop_for_good()


def test_counts_that_were_durable_stay_and_none_is_made_up(server):
    flood = Flood(server)
    before = 0
    try:
        for _ in range(ROUNDS):
            target = before + random.randrange(1, 40)
            wait_until(lambda: sum(flood.answers.values()) > target and refused(stored(server)) > before, 60, "more refusals on record")
            durable = {one["record"]["audit_uid"]: one["record"] for one in stored(server)}
            server.kill()
            after = {one["record"]["audit_uid"]: one["record"] for one in stored(server)}
            assert durable.items() <= after.items()
            before = refused(stored(server))
            server.start()
    finally:
        flood.stop()
    assert server.terminate() == 0
    found = stored(server)
    assert refused(found) <= flood.answers[401] + flood.answers["none"]
    assert json.loads(server.run("audit", "verify", server.spool_dir, "--json").stdout)["intact"]
    dsn = server.settings["sinks"]["postgres"]["dsn"]
    rows = query(dsn, "select audit_uid::text from vsoc.audit where audit_uid is not null order by position")
    assert [row[0] for row in rows] == [one["record"]["audit_uid"] for one in found]


class Listener:
    """A syslog receiver that keeps what it gets."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.data = self.socket.getsockname()[1], b""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                for piece in iter(lambda: connection.recv(65536), b""):
                    self.data += piece

    def ids(self):
        """Without repeats, by first arrival."""
        return list(dict.fromkeys(uid.decode() for uid in re.findall(rb'\[audit@32473 uid="([^"]+)"', self.data)))


@pytest.mark.parametrize("point", ["forward_sent", "audit_required", "audit_written"])
def test_forwarding_goes_on_after_a_death(build, tmp_path, point):
    listener = Listener()
    server = Vsocd(build, tmp_path, {"audit": {"forward": {"url": f"tcp://127.0.0.1:{listener.port}"}}})
    server.program = pathlib.Path(build) / "unit" / "vsocd_faults"
    for _ in range(3):
        server.environment = {"VSOCD_FAULT": point}
        server.start(wait=False)
        assert server.ended() == -signal.SIGKILL
    server.environment = {}
    server.start()
    assert server.terminate() == 0
    server.check_log()
    assert listener.ids() == [one["record"]["audit_uid"] for one in stored(server)]
