"""`vsocd evidence audit` finds what was changed in spool, tree or heads, and leaves its result in the log."""

import json
import pathlib
import shutil

import pytest

from harness import event, ndjson


@pytest.fixture
def server(make_server):
    made = make_server()
    for n in range(5):
        assert made.post(ndjson([event(10 * n + i) for i in range(3)])).status == 200
    return made


def audit(server, *options):
    done = server.run("evidence", "audit", "-c", server.config, "--json", *options, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines[:-1], lines[-1] if lines else done.stderr


def evidence(server):
    return pathlib.Path(server.settings["data_dir"]) / "evidence"


def test_whole_evidence_is_reported_and_recorded(server):
    status, findings, summary = audit(server)
    assert (status, findings) == (0, []) and summary["records"] >= 5 and summary["recorded"] and summary["heads"] >= 1
    again = audit(server)[2]
    assert again["records"] > summary["records"]  # the first result is a record


def test_a_changed_hash_of_the_tree_is_found(server):
    server.terminate()
    level = evidence(server) / "tree" / "level0"
    data = bytearray(level.read_bytes())
    data[32 + 5] ^= 1
    level.write_bytes(data)
    status, findings, _ = audit(server)
    kinds = {f["finding"] for f in findings}
    assert status == 1 and {"other_leaf", "other_root"} <= kinds, findings


def test_a_head_of_another_key_is_found(server, make_server, tmp_path):
    other = make_server()
    assert other.post(ndjson([event(1)])).status == 200
    server.terminate()
    shutil.copy(evidence(other) / "head.vkey", evidence(server) / "head.vkey")
    status, findings, _ = audit(server)
    assert status == 1 and {"head_signature"} <= {f["finding"] for f in findings}


def test_it_goes_on_where_it_was_interrupted(server):
    whole = audit(server)[2]
    state = evidence(server) / "audit.state"
    state.write_text("vsocd evidence audit 1\n2 2 0 2 0 0 0\n")
    resumed = audit(server)[2]
    assert resumed["findings"] == 0 and not state.exists()
    assert resumed["records"] >= whole["records"] and audit(server, "--restart")[0] == 0
