"""A disk that hangs: no error, no answer. Operators and senders hear of it, and what was in flight counts once."""

import contextlib
import os
import pathlib
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "support")]

import spool_reader  # noqa: E402
from harness import event, ndjson, wait_until  # noqa: E402


class Stall:
    """environment: what a server is started with whose syncs hang while the stall is on."""

    def __init__(self, build, folder):
        self.path = folder / "stalled"
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.environment = {"LD_PRELOAD": str(build / "unit" / "stall_sync.so"), "STALL_SYNC": str(self.path), "ASAN_OPTIONS": sanitizer.lstrip(":")}

    @contextlib.contextmanager
    def on(self):
        self.path.touch()
        try:
            yield
        finally:
            self.path.unlink()


class Post(threading.Thread):
    """One POST; .reply when there is an answer, .seconds after which it came."""

    def __init__(self, server, body, key):
        super().__init__(daemon=True)
        self.server, self.body, self.key, self.reply = server, body, key, None
        self.start()

    def run(self):
        started = time.monotonic()
        self.reply = self.server.post(self.body, Idempotency_Key=self.key)
        self.seconds = time.monotonic() - started

    def answer(self):
        self.join(60)
        assert self.reply, "no answer"
        return self.reply


@pytest.fixture
def stall(build, tmp_path):
    return Stall(build, tmp_path)


@pytest.fixture
def server(make_server, stall):
    return make_server({"timeouts": {"commit": "2s"}}, environment=stall.environment)


def waited(server):
    return server.metric("vsocd_spool_commit_in_progress_seconds")


def test_hung_disk_is_a_metric_a_warning_and_red(server, stall):
    assert waited(server) == 0 and server.get("/readyz").status == 200
    with stall.on():
        post = Post(server, ndjson([event(1)]), "k1")
        wait_until(lambda: waited(server) >= 1, 20, "the wait in the metrics")
        wait_until(lambda: server.get("/readyz").status == 503, 20, "/readyz red")
        assert "disk of data_dir does not respond" in server.get("/readyz").body.decode()
        wait_until(lambda: "disk has not answered" in server.log(), 20, "the warning")
        assert server.get("/livez").status == 200
        post.answer()
    wait_until(lambda: server.get("/readyz").status == 200, 20, "/readyz green")
    wait_until(lambda: "the disk answers again" in server.log(), 20, "its end in the log")
    assert waited(server) == 0 and server.log().count("disk has not answered") == 1


def test_sender_is_answered_and_its_batch_counts_once_whatever_became_of_it(server, stall):
    """The first answer is 503, outcome unknown; the commit succeeds later; the repeat gets the report of the first."""
    before = server.metric("vsocd_spool_position")
    with stall.on():
        posts = [Post(server, ndjson([event(n)]), f"key-{n}") for n in range(20)]
        for post in posts:
            reply = post.answer()
            # Those that came when the stall was known were not taken.
            assert reply.status == 503 and reply.json["code"] in ("commit_unknown", "disk_stalled"), reply
            assert int(reply.headers["Retry-After"]) > 0  # the disk hangs still: the answer did not wait for it
        unknown = [post for post in posts if post.reply.json["code"] == "commit_unknown"]
        assert unknown and min(post.seconds for post in unknown) >= 2
        # The same batch while its first try is under way, and another: neither waits.
        late = server.post(ndjson([event(100)]), Idempotency_Key="late")
        assert (late.status, late.json["code"]) == (503, "disk_stalled")
        held = server.metric("vsocd_memory_in_flight_bytes")
        assert held > 0  # their batches are still with the writer
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, 20, "the memory of the batches")
    wait_until(lambda: server.metric("vsocd_spool_position") == before + len(unknown), 20, "what was in flight being durable")
    for post in unknown:
        again = server.post(post.body, Idempotency_Key=post.key)
        assert again.status == 200 and again.json["duplicate"] and again.json["accepted"] == 1 and before < again.json["position"] <= before + len(unknown), again.json
    for post in posts:
        if post not in unknown:
            assert server.post(post.body, Idempotency_Key=post.key).json["accepted"] == 1
    assert server.metric("vsocd_spool_position") == before + 20
    assert server.post(ndjson([event(100)]), Idempotency_Key="late").json["accepted"] == 1


def test_crash_while_the_disk_hangs_loses_nothing_that_was_acknowledged(server, stall, make_server):
    assert server.post(ndjson([event(1)]), Idempotency_Key="first").status == 200
    with stall.on():
        assert Post(server, ndjson([event(2)]), "second").answer().json["code"] == "commit_unknown"
        server.kill()
    server.start()
    assert server.post(ndjson([event(1)]), Idempotency_Key="first").json["duplicate"]
    again = server.post(ndjson([event(2)]), Idempotency_Key="second")
    assert again.status == 200 and again.json["accepted"] == 1
    assert server.terminate() == 0
    assert len(list(spool_reader.read_spool(server.spool_dir))) == 2


def test_short_stall_is_only_a_wait(server, stall):
    with stall.on():
        post = Post(server, ndjson([event(1)]), "k")
        wait_until(lambda: waited(server) >= 1, 20, "the wait in the metrics")
    assert post.answer().status == 200
    assert "disk has not answered" not in server.log()
