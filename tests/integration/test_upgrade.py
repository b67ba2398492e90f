"""A spool that an earlier build wrote, with plain hashes as batch keys: see tests/data/spool-plain-keys/SOURCE."""

import base64
import hashlib
import json
import pathlib
import shutil

import pytest

from certificates import Authority, tls_settings
from harness import ndjson, query
from vin_hunt import hunt

KEPT = pathlib.Path(__file__).resolve().parents[1] / "data" / "spool-plain-keys"
REQUESTS = json.loads((KEPT / "requests.json").read_text())
VIN = "1M8GDM9AXKP042788"
FOR_EVER = "36500d"  # the batches were received in 2026


@pytest.fixture
def upgraded(make_server, services, database, tmp_path):
    """Today's server over that spool, with sinks that have nothing yet: (server, contexts, database, file)."""
    authority = Authority(tmp_path / "ca")
    server = make_server({
        **tls_settings(authority), "identity": {"senders_file": authority.sender()}, "dedup": {"window": FOR_EVER}, "evidence": {"retention": FOR_EVER},
        "sinks": {"postgres": {"enabled": True, "dsn": database}, "file": {"enabled": True, "path": str(tmp_path / "out.ndjson")}},
    }, start=False)
    server.spool_dir.mkdir(parents=True)
    for name in ("00000000000000000001.seg", "cursors"):
        shutil.copy(KEPT / name, server.spool_dir)
    keys = pathlib.Path(server.settings["privacy"]["keys_file"])
    shutil.copy(KEPT / "vin.keys", keys)
    keys.chmod(0o600)
    server.start()
    contexts = {"vehicle": authority.context(authority.vehicle(VIN)), "gateway": authority.context(authority.gateway())}
    return server, contexts, database, tmp_path / "out.ndjson"


def send(server, contexts, one, body=None):
    return server.request("POST", "/v1/events", base64.b64decode(one["body"]) if body is None else body, one["headers"], context=contexts[one["sender"]])


def plain_keys():
    """As that build made them, of a new batch of each sender and of what a VIN gives."""
    for sender in (VIN, "CN=fleet gateway,O=demo", "O=demo,CN=fleet gateway"):
        for key in ("new", f"new {VIN}"):
            yield hashlib.sha256(f"demo\0{sender}\0k{key}".encode()).digest()


def test_every_batch_is_known_when_it_is_sent_again(upgraded):
    server, contexts, database, _ = upgraded
    for _ in range(2):
        for one in REQUESTS:
            reply = send(server, contexts, one)
            assert (reply.status, reply.json.get("duplicate"), reply.json["batch_id"]) == (200, True, one["batch_id"]), (one, reply)
            assert (reply.json["accepted"], reply.json["quarantined"]) == (one["accepted"], one["quarantined"])
        assert server.terminate() == 0
        server.start()
    server.wait_for_sinks()
    assert query(database, "select count(*) from vsoc.batches")[0][0] == len(REQUESTS)


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
