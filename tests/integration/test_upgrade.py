"""Spools that earlier builds wrote: with plain hashes as batch keys (tests/data/spool-plain-keys), and with keyed ones but records of
version 1 (tests/data/spool-sha256). Their SOURCE says how."""

import base64
import hashlib
import json
import pathlib
import shutil

import pytest

from certificates import Authority, tls_settings
from harness import ndjson, query
from vin_hunt import hunt

import spool_reader

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
SEGMENT = "00000000000000000001.seg"
KEPT = DATA / "spool-plain-keys"
REQUESTS = json.loads((KEPT / "requests.json").read_text())
OLD = DATA / "spool-sha256"
OLD_REQUESTS = json.loads((OLD / "requests.json").read_text())
VIN = "1M8GDM9AXKP042788"
FOR_EVER = "36500d"  # the batches were received in 2026


def start_over(kept, make_server, database, tmp_path):
    """Today's server over that spool, with sinks that have nothing yet: (server, contexts, database, file)."""
    authority = Authority(tmp_path / "ca")
    server = make_server({
        **tls_settings(authority), "identity": {"senders_file": authority.sender()}, "dedup": {"window": FOR_EVER}, "evidence": {"retention": FOR_EVER},
        "sinks": {"postgres": {"enabled": True, "dsn": database}, "file": {"enabled": True, "path": str(tmp_path / "out.ndjson")}},
    }, start=False)
    server.spool_dir.mkdir(parents=True)
    for name in (SEGMENT, "cursors"):
        shutil.copy(kept / name, server.spool_dir)
    keys = pathlib.Path(server.settings["privacy"]["keys_file"])
    keys.parent.mkdir(exist_ok=True)
    shutil.copy(kept / "vin.keys", keys)
    keys.chmod(0o600)
    server.start()
    contexts = {"vehicle": authority.context(authority.vehicle(VIN)), "gateway": authority.context(authority.gateway())}
    return server, contexts, database, tmp_path / "out.ndjson"


@pytest.fixture
def upgraded(make_server, services, database, tmp_path):
    return start_over(KEPT, make_server, database, tmp_path)


@pytest.fixture
def upgraded_old(make_server, services, database, tmp_path):
    return start_over(OLD, make_server, database, tmp_path)


def send(server, contexts, one, body=None):
    return server.request("POST", "/v1/events", base64.b64decode(one["body"]) if body is None else body, one["headers"], context=contexts[one["sender"]])


def plain_keys():
    """As that build made them, of a new batch of each sender and of what a VIN gives."""
    for sender in (VIN, "CN=fleet gateway,O=demo", "O=demo,CN=fleet gateway"):
        for key in ("new", f"new {VIN}"):
            yield hashlib.sha256(f"demo\0{sender}\0k{key}".encode()).digest()


def assert_all_known(upgraded, requests):
    server, contexts, database, _ = upgraded
    for _ in range(2):
        for one in requests:
            reply = send(server, contexts, one)
            assert (reply.status, reply.json.get("duplicate"), reply.json["batch_id"]) == (200, True, one["batch_id"]), (one, reply)
            assert (reply.json["accepted"], reply.json["quarantined"]) == (one["accepted"], one["quarantined"])
        assert server.terminate() == 0
        server.start()
    server.wait_for_sinks()
    assert query(database, "select count(*) from vsoc.batches")[0][0] == len(requests)


def test_every_batch_is_known_when_it_is_sent_again(upgraded):
    assert_all_known(upgraded, REQUESTS)


def test_every_batch_of_record_version_1_is_known_when_it_is_sent_again(upgraded_old):
    assert_all_known(upgraded_old, OLD_REQUESTS)


def test_records_of_version_1_stay_and_new_ones_follow_in_a_segment_of_their_own(upgraded_old):
    server, contexts, database, file = upgraded_old
    body = ndjson([{"event_name": "new", "severity_id": 1}])
    new = server.request("POST", "/v1/events", body, {"Content-Type": "application/x-ndjson"}, context=contexts["gateway"]).json
    again = server.request("POST", "/v1/events", body, {"Content-Type": "application/x-ndjson"}, context=contexts["gateway"]).json
    assert (again["duplicate"], again["batch_id"]) == (True, new["batch_id"])
    server.wait_for_sinks()
    rows = query(database, "select batch_uid::text, body_digest, body_commitment, leaf_index from vsoc.batches order by position")
    assert [row[1:] for row in rows[:-1]] == [(None, None, None)] * len(OLD_REQUESTS)
    assert server.terminate() == 0
    assert (server.spool_dir / SEGMENT).read_bytes() == (OLD / SEGMENT).read_bytes()
    records = [record for _, record in spool_reader.read_spool(server.spool_dir)]
    assert [(r.version, r.leaf_index) for r in records] == [(1, None)] * len(OLD_REQUESTS) + [(2, records[-1].leaf_index)]
    assert (rows[-1][0], bytes(rows[-1][1]), bytes(rows[-1][2]), rows[-1][3]) == (new["batch_id"], records[-1].body_digest, records[-1].body_commitment, records[-1].leaf_index)
    assert records[-1].body == body and hashlib.sha256(body).digest() not in (records[-1].body_digest, records[-1].body_commitment)
    report = json.loads(server.run("spool", "verify", "--json", server.spool_dir, "--keys", server.settings["privacy"]["keys_file"]).stdout)
    assert report["whole"] and report["records"] == len(list(spool_reader.read_spool(server.spool_dir, kinds=spool_reader.ALL_KINDS))) and report["without_key"] == report["keyless"] == 0
    exported = server.run("spool", "export", server.spool_dir, "--keys", server.settings["privacy"]["keys_file"]).stdout
    assert len(exported.splitlines()) == sum(one["accepted"] + one["quarantined"] for one in OLD_REQUESTS) + 1 == len([line for line in file.read_text().splitlines() if not line.startswith("{\"audit_uid")])


def test_a_key_of_before_with_another_body_is_refused(upgraded):
    server, contexts, _, _ = upgraded
    for one in REQUESTS:
        if "Idempotency-Key" in one["headers"] and "Content-Encoding" not in one["headers"]:
            reply = send(server, contexts, one, ndjson([{"event_name": "another", "severity_id": 1}]))
            assert (reply.status, reply.json["code"]) == (409, "key_reused"), (one, reply)


def test_all_events_reach_the_sinks(upgraded):
    server, _, database, file = upgraded
    server.wait_for_sinks()
    accepted, quarantined = (sum(one[what] for one in REQUESTS) for what in ("accepted", "quarantined"))
    assert query(database, "select count(*) from vsoc.events")[0][0] == accepted
    assert query(database, "select count(*) from vsoc.quarantine")[0][0] == quarantined
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    ids = [line["event_uid"] for line in lines if "event_uid" in line and "quarantine" not in line]
    assert len(ids) == len({*ids}) == accepted
    stored = {str(row[0]) for row in query(database, "select batch_uid from vsoc.batches")}
    assert stored == {one["batch_id"] for one in REQUESTS}


def test_new_batches_have_no_plain_hash_of_a_vin(upgraded):
    server, contexts, database, _ = upgraded
    new = []
    for who in contexts:
        for key in ("new", f"new {VIN}"):
            reply = server.request("POST", "/v1/events", ndjson([{"event_name": "x", "severity_id": 1, "message": key}]),
                                   {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}, context=contexts[who])
            assert reply.status == 200 and not reply.json.get("duplicate"), reply
            new.append(reply.json["batch_id"])
    for one in REQUESTS:  # known: nothing of them is written again
        assert send(server, contexts, one).json["duplicate"]
    server.wait_for_sinks()
    rows = query(database, "select batch_key, sender, idempotency_key, to_jsonb(b)::text from vsoc.batches b where batch_uid = any(%s::uuid[])", new)
    assert len(rows) == len(new) == 4
    plain = {*plain_keys()}
    for key, sender, _, whole in rows:
        assert bytes(key) not in plain and not hunt(whole.encode(), [VIN]) and VIN not in sender
    # The same test finds those of before: what it looks for is what that build wrote.
    before = {bytes(row[0]) for row in query(database, "select batch_key from vsoc.batches where batch_uid != all(%s::uuid[])", new)}
    assert hashlib.sha256(f"demo\0{VIN}\0kkey-1".encode()).digest() in before
