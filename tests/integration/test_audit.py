"""The audit log: every refusal counted, on disk, whatever the log level."""

import collections
import json

import pytest

from harness import event, ndjson, wait_until


@pytest.fixture
def server(make_server, tmp_path):
    tokens = tmp_path / "tokens"
    made = make_server({"identity": {"tokens_file": str(tokens)}, "log": {"level": "error"}}, start=False)
    made.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw")
    made.start()
    return made


def audit_folder(server):
    return server.folder / "data" / "audit"


def lines(server):
    return [json.loads(line) for line in (audit_folder(server) / "refusals.ndjson").read_text().splitlines()]


def counts(server):
    sums = collections.Counter()
    for line in lines(server):
        sums[line["code"], line["peer"]] += line["count"]
    return sums


def refuse(server, times):
    for n in range(times):
        assert server.post(ndjson([event(n)]), Authorization="Bearer wrong").status == 401


def test_every_refusal_is_counted_at_log_level_error(server):
    refuse(server, 50)
    assert server.terminate() == 0
    assert sum(counts(server).values()) == 50
    assert all(peer == "127.0.0.1" for _, peer in counts(server))
    assert "sender refused" not in server.log()
    assert len(lines(server)) < 10, "refusals of one sender are folded"


def test_line_is_on_disk_while_the_server_runs_and_survives_kill(server):
    refuse(server, 1)
    wait_until(lambda: sum(counts(server).values()) == 1, what="the line")
    server.kill()
    server.start()
    refuse(server, 1)
    assert server.terminate() == 0
    assert sum(counts(server).values()) == 2


def test_start_without_an_audit_log_is_refused(make_server):
    server = make_server(start=False)
    newest = audit_folder(server) / "refusals.ndjson"
    newest.mkdir(parents=True)
    server.start(wait=False)
    assert server.ended() == 74
    assert "audit log can't be opened" in server.log()
