"""Which locks a worker takes for a request. Counts calls, measures no time."""

import bisect
import http.client
import os
import re
import subprocess

import pytest

from harness import event, ndjson
from test_tokens import token

INSTRUMENTED = os.environ.get("VSOCD_BUILD", "").endswith(("asan", "tsan", "coverage", "fuzz"))
pytestmark = pytest.mark.skipif(INSTRUMENTED, reason="a sanitizer locks in its own way, and is the caller of every lock")

REQUESTS = 200

# What locks for a batch that is taken, and why that may be.
TAKEN = {
    "mailbox_put": "the way to the spool writer",
    "mailbox_take": "its verdicts; the worker's own box",
    "body_enter": "the worker's own list; others look into it when memory is short",
    "body_moved": "the same",
    "body_leave": "the same",
    "body_take": "the same",
    "dedup_begin": "dedup: the same key may come to two workers; one look into a table",
    "dedup_commit": "dedup: the batch is durable",
}
# What locks for a connection that is accepted; a refusal often ends one.
ACCEPTED = {
    "balance_place": "the worker with the fewest connections; the kernel's accept locks too",
    "balance_take": "the worker's own ring, after another worker has put a connection into it",
}
# Under attack nothing is shared but that.
REFUSED = {"audit_fold_add": "one of eight parts, by thread: its records are written once a second by another thread"}


class Locks:
    """Counts per function of the program, from tests/support/count_locks.c."""

    def __init__(self, build, folder):
        self.program, self.path = build / "vsocd", folder / "locks"
        self.environment = {
            "LD_PRELOAD": str(build / "unit" / "count_locks.so"), "COUNT_LOCKS": str(self.path), "COUNT_LOCKS_THREAD": "vsoc-wk"}

    def read(self):
        symbols = subprocess.run(["nm", "--defined-only", self.program], capture_output=True, text=True, check=True).stdout
        functions = sorted((int(at, 16), name) for at, name in re.findall(r"^([0-9a-f]+) [tT] (\S+)$", symbols, re.M))
        assert len(functions) > 1000, "the program under test must have its symbols"
        addresses = [at for at, _ in functions]
        counts = {}
        for line in self.path.read_text().splitlines():
            offset, count = line.split()
            name = functions[bisect.bisect_right(addresses, int(offset, 16)) - 1][1].partition(".")[0]
            counts[name] = counts.get(name, 0) + int(count)
        return counts


@pytest.fixture
def locks(build, tmp_path):
    return Locks(build, tmp_path)


def per_request(counts):
    """Functions that lock for requests, not now and then."""
    return {name: count for name, count in counts.items() if count >= REQUESTS / 4}


def ask(server, method, path, body=None, headers=None, status=200):
    """REQUESTS of a kind on one connection, each answered as expected."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for n in range(REQUESTS):
        connection.request(method, path, body=body and body(n), headers=headers or {})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == status, (method, path, reply.status)
    connection.close()


def batch(n):
    return ndjson([event(n)])


NDJSON = {"Content-Type": "application/x-ndjson"}


def test_batch_that_is_taken_locks_only_what_has_a_reason(make_server, locks):
    server = make_server({"log": {"level": "error"}}, environment=locks.environment)
    ask(server, "POST", "/v1/events", batch, NDJSON)
    assert server.terminate() == 0
    found = per_request(locks.read())
    assert found["mailbox_put"] >= REQUESTS and found["dedup_commit"] >= REQUESTS, "the locks are not counted"
    assert found.keys() <= TAKEN.keys(), f"new locks on the path of a batch: {found}"


def test_refused_request_locks_nothing_that_workers_share(make_server, locks, tmp_path):
    """Not found, wrong method, no token, body over its limit, bad header: for no metric and no state of the spool."""
    settings = {"log": {"level": "error"}, "identity": {"tokens_file": str(tmp_path / "tokens")}}
    server = make_server(settings, start=False, environment=locks.environment)
    server.folder = tmp_path
    known = {**NDJSON, "Authorization": "Bearer " + token(server, "--tenant", "Demo Motors")}
    server.start()
    ask(server, "GET", "/nothing", status=404)
    ask(server, "DELETE", "/v1/events", status=405)
    ask(server, "POST", "/v1/events", batch, NDJSON, status=401)
    ask(server, "POST", "/v1/events", batch, {**known, "VSOC-Ack": "moon"}, status=400)
    assert server.terminate() == 0
    counts = locks.read()
    assert counts.get("audit_fold_add", 0) >= REQUESTS, "the locks are not counted"
    assert per_request(counts).keys() <= REFUSED.keys() | ACCEPTED.keys(), f"new locks on the path of a refusal: {counts}"


def test_request_that_finds_the_spool_full_locks_nothing(make_server, locks):
    """What is refused because the spool is full comes in the largest numbers: every sender, again and again."""
    limits = {"max_bytes": "8MiB", "segment_bytes": "1MiB", "reserve_bytes": "1MiB"}
    server = make_server({"log": {"level": "error"}, "spool": limits, "evidence": {"retention": "1h", "max_bytes": "2MiB"}}, environment=locks.environment)
    filler = ndjson([event(n, message="x" * 60000) for n in range(10)])
    for n in range(200):
        if server.post(filler.replace(b"x" * 16, b"%016d" % n)).status == 503:
            break
    else:
        pytest.fail("the spool did not become full")
    before = server.metric("vsocd_http_requests_total", 'code="503"')
    ask(server, "POST", "/v1/events", batch, NDJSON, status=503)
    assert server.metric("vsocd_http_requests_total", 'code="503"') - before == REQUESTS
    assert server.terminate() == 0
    counts = locks.read()
    filling = {"body_moved", "body_take"}  # of the large bodies that filled it: more often, the more pieces they come in
    assert counts.get("mailbox_put", 0) > 0, "the locks are not counted"
    assert per_request(counts).keys() <= filling | ACCEPTED.keys(), f"new locks on the path of a refusal: {counts}"
