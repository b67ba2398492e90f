"""`vsocd evidence audit` finds what was changed in spool, tree or heads, and leaves its result in the log."""

import hmac
import json
import pathlib
import shutil

import pytest
import spool_reader

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


def state_text(server, *numbers):
    """As an interrupted audit leaves it: the numbers, and a MAC under a key that privacy.keys_file leads to."""
    keys = spool_reader.read_keys(server.settings["privacy"]["keys_file"])
    wrapping = hmac.digest(keys[max(keys)], b"vsocd spool data keys\0", "sha256")
    text = "vsocd evidence audit 3\n" + "".join(f"{n}\n" for n in numbers)
    return text + hmac.digest(hmac.digest(wrapping, b"vsocd evidence audit state\0", "sha256"), text.encode(), "sha256").hex() + "\n"


def test_it_goes_on_where_it_was_interrupted(server):
    whole = audit(server)[2]
    assert whole["resumed_from"] == 0
    state = evidence(server) / "audit.state"
    state.write_text(state_text(server, 2, 2, 0, 2, 0, 0, 0, 0, 0, 0))
    resumed = audit(server)[2]
    assert resumed["findings"] == 0 and resumed["resumed_from"] == 2 and not state.exists()
    assert resumed["records"] >= whole["records"] and audit(server, "--restart")[2]["resumed_from"] == 0
    records = server.run("audit", "list", server.spool_dir, "--kind", "evidence_audited", "--json").stdout.splitlines()
    assert [json.loads(line)["record"].get("resumed_from") for line in records] == [0, 2, 0]


def test_a_state_that_somebody_else_wrote_is_ignored(server):
    """It would say that what was changed was looked at before."""
    state = evidence(server) / "audit.state"
    right = state_text(server, 2, 2, 0, 2, 0, 0, 0, 0, 0, 0)
    for text in ("vsocd evidence audit 2\n7 7 0 1000000 0 0 0 0\n", right.replace("\n2\n", "\n5\n", 1), right[:-9] + "\n", right + " "):
        state.write_text(text)
        summary = audit(server)[2]
        assert summary["resumed_from"] == 0 and summary["records"] < 1000, text
