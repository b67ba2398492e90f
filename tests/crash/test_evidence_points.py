"""The server dies at each crash point of the transparency tree, under load: every head that anybody has ever seen is continued by every later one,
every acknowledged record has one leaf, and the second place never refuses what the server itself has signed."""

import http.client
import pathlib
import signal
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import tlog  # noqa: E402
import tree_check  # noqa: E402
from faults import POINTS  # noqa: E402
from harness import Vsocd, event, ndjson, wait_until  # noqa: E402

TREE_POINTS = [point for point in POINTS if point.startswith("evidence_") and not point.startswith("evidence_key_")]


class Watched:
    """A server under load whose heads somebody follows: over HTTP and in the second place."""

    def __init__(self, build, folder):
        self.place = folder / "place" / "head"
        self.place.parent.mkdir()
        self.server = Vsocd(build, folder, {"evidence": {"last_head": str(self.place)}, "spool": {"segment_bytes": "1MiB", "reserve_bytes": "0"},
                                            "log": {"level": "info"}})
        self.server.program = build / "unit" / "vsocd_faults"
        self.acknowledged = set()
        self.shown, self.forks = {}, []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._send, daemon=True), threading.Thread(target=self._follow, daemon=True)]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def _send(self):
        number = 0
        while not self.ending.wait(0.02):
            try:
                reply = self.server.post(ndjson([event(number)]))
            except (OSError, http.client.HTTPException):
                continue
            if reply.status == 200:
                self.acknowledged.add(reply.json["batch_id"])
                number += 1

    def _follow(self):
        while not self.ending.wait(0.01):
            self.look()

    def look(self):
        for look in (lambda: self.server.get("/evidence/checkpoint").body.decode(), self.place.read_text):
            try:
                verifier = tlog.Verifier((pathlib.Path(self.server.settings["data_dir"]) / "evidence" / "head.vkey").read_text())
                size, root = verifier.open(look())
            except (OSError, ValueError, http.client.HTTPException):
                continue
            if self.shown.setdefault(size, root) != root:
                self.forks.append(size)

    def die(self, point, turn=1):
        self.server.environment = {"VSOCD_FAULT": f"{point}:{turn}"}
        self.server.start(wait=False)
        wait_until(lambda: self.server.process.poll() is not None, 60, f"passing {point}", interval=0.01)
        assert self.server.process.returncode == -signal.SIGKILL, self.server.log()[-2000:]

    def check(self):
        self.server.environment = {}
        self.server.start()
        seen = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > seen, 60, "another batch")
        self.end()
        self.look()
        assert self.forks == []
        heads, _ = tree_check.check(self.server, self.shown.items())
        kept = {str(record.batch_uid) for _, record in tree_check.spool_reader.read_spool(self.server.spool_dir)}
        assert self.acknowledged <= kept
        assert self.server.metric("vsocd_evidence_head_refused") == 0
        return heads


@pytest.fixture
def watched(build, tmp_path):
    one = Watched(build, tmp_path)
    yield one
    one.ending.set()
    one.server.stop_for_good()


@pytest.mark.parametrize("point", TREE_POINTS)
def test_death_at_a_point_of_the_tree_forks_and_loses_nothing(watched, point):
    watched.begin()
    watched.die(point)
    watched.die(point)
    heads = watched.check()
    assert len(watched.shown) > 0 and heads[-1][0] >= max(watched.shown)


def test_key_that_was_made_in_the_last_moment_is_used(watched):
    watched.die("evidence_key_made")
    folder = pathlib.Path(watched.server.settings["data_dir"]) / "evidence"
    key = (folder / "head.key").read_text()
    watched.begin()
    watched.check()
    assert [path.name for path in folder.glob("head.key*")] == ["head.key"] and (folder / "head.key").read_text() == key


def test_deaths_at_any_time_fork_and_lose_nothing(watched):
    watched.begin()
    for more in (3, 40, 1, 15):
        watched.server.start()
        seen = len(watched.acknowledged)
        wait_until(lambda: len(watched.acknowledged) >= seen + more, 60, "some batches", interval=0.003)
        watched.server.kill()
    watched.check()
