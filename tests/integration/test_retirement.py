"""Removals of segments: each is a record of the log, signed with it, and the only excuse for records that are missing."""

import json
import shutil

import pytest
import spool_reader
from harness import Vsocd, event, ndjson, wait_until

PADDING = b"\n" * 300_000  # three bodies to a segment
SPOOL = {"segment_bytes": "1MiB", "max_bytes": "32MiB", "reserve_bytes": "0"}


def oldest(server):
    return int(spool_reader.segment_paths(server.spool_dir)[0].stem)


def fill(server, batches, start=0):
    for number in range(start, start + batches):
        assert server.post(ndjson([event(number)]) + PADDING).status == 200


def removals(server):
    done = server.run("audit", "list", "-c", server.config, "--json", "--kind", "retirement")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def removed(build, tmp_path_factory):
    """(server that is stopped, its oldest position): has removed segments by age, and has some more; all is signed."""
    folder = tmp_path_factory.mktemp("removed")
    server = Vsocd(build, folder, {"spool": SPOOL, "evidence": {"retention": "0s", "max_bytes": "0"}})
    server.start()
    fill(server, 12)
    wait_until(lambda: oldest(server) > 3, 60, "removals")
    server.terminate()
    server.settings["evidence"] = {"retention": "90d", "max_bytes": "24MiB"}
    server.write_config()
    server.start()
    fill(server, 7, 100)
    server.terminate()
    yield server, oldest(server)
    server.stop_for_good()


@pytest.fixture
def copy(removed, tmp_path):
    shutil.copytree(removed[0].settings["data_dir"], tmp_path / "data")
    return tmp_path / "data"


def test_a_removal_is_a_record_with_its_range_root_and_reason(removed):
    server, first = removed
    found = removals(server)
    assert found and {one["record_kind"] for one in found} == {"retirement"}
    last = found[-1]["record"]
    assert last["kind"] == "evidence_retired" and last["reason"] == "age" and last["instance"] and last["audit_uid"]
    assert last["to_position"] == first - 1 and last["first_leaf"] + last["leaves"] == first - 1
    assert last["records"] == last["leaves"] == last["to_position"] - last["from_position"] + 1
    assert last["hold_check"] == "free" and last["holds"] == 0 and last["bytes"] > 600_000 and last["from"] <= last["to"]
    assert last["tree_size"] >= first - 1 and len(last["root"]) == len(last["chain_hash"]) == 64
    assert bytes.fromhex(last["chain_hash"]) == spool_reader.read_segment_header(
        path := spool_reader.segment_paths(server.spool_dir)[0], path.read_bytes()).chain_before
    ranges = [(one["record"]["from_position"], one["record"]["to_position"]) for one in found]
    assert all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:]))


def audit(server, data):
    done = server.run("evidence", "audit", "-c", server.config, "--set", f"data_dir={data}", "--json", check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines


def verify(server, data, code):
    done = server.run("spool", "verify", "--json", data, "--head", data / "evidence" / "head", check=False)
    assert done.returncode == code, done.stdout
    return json.loads(done.stdout)


def test_audit_and_verify_say_which_record_covers_what_is_missing(removed, copy):
    server, first = removed
    last = removals(server)[-1]
    says = {"record": last["position"], "to_position": first - 1, "leaves": first - 1, "reason": "age"}
    code, lines = audit(server, copy)
    assert code == 0 and lines[0] == {"retired": says} and lines[-1]["findings"] == 0
    report = verify(server, copy, 0)
    assert report["heads"]["retired"] == says and report["heads"]["matching"] == 1 and not report["findings"]
    text = server.run("spool", "verify", copy, "--head", copy / "evidence" / "head").stdout.decode()
    assert f"records up to position {first - 1}, the first {first - 1} leaves, were removed: the record at position {last['position']}" in text


def test_a_missing_segment_that_no_record_names_is_found(removed, copy):
    server, _ = removed
    spool_reader.segment_paths(copy / "spool")[0].unlink()  # the records of the removals were in it
    following = int(spool_reader.segment_paths(copy / "spool")[0].stem)
    code, lines = audit(server, copy)
    assert code == 1 and {"finding": "removed_unrecorded", "at": following} in lines
    found = [one for one in verify(server, copy, 1)["findings"] if one["kind"] == "removed_unrecorded"]
    assert [(one["leaf"], one["count"]) for one in found] == [(0, following - 1)]


def test_an_eviction_is_a_record_of_its_own_kind(make_server):
    server = make_server({"spool": SPOOL, "evidence": {"retention": "90d", "max_bytes": "1MiB", "when_full": "evict"}})
    fill(server, 12)
    wait_until(lambda: oldest(server) > 3, 60, "evictions")
    records = [one["record"] for one in removals(server)]
    entries = spool_reader.read_evictions(server.spool_dir)
    assert {one["kind"] for one in records} == {"evidence_evicted"} and {one["reason"] for one in records} == {"max_bytes"}
    assert {(e.first, e.last, e.chain_hash.hex()) for e in entries} >= {(r["from_position"], r["to_position"], r["chain_hash"]) for r in records}
    wait_until(lambda: server.metric("vsocd_evidence_retired_records_total") == oldest(server) - 1, 30, "the count")


def test_a_full_spool_is_emptied_by_removals_on_record(make_server):
    """Nothing but the room that segments keep for them is left for the records of removals."""
    server = make_server({"spool": {**SPOOL, "max_bytes": "4MiB"}, "evidence": {"retention": "90d", "max_bytes": "2MiB", "when_full": "evict"}})
    for number in range(40):
        wait_until(lambda n=number: server.post(ndjson([event(n)]) + PADDING).status == 200, 60, "room for a batch")
    found = removals(server)
    assert len(found) > 1 and {one["record"]["reason"] for one in found} <= {"max_bytes", "room"}
    wait_until(lambda: removals(server)[-1]["record"]["to_position"] == oldest(server) - 1, 30, "the last removal")
