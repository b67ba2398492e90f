"""Events that can't be decoded any more, in a record whose checksums are right: no sink passes over them in silence."""

import json

import pytest
import spool_rewriter
from harness import consume, event, ndjson, query, topics_of, wait_until

BATCHES, EVENTS, VICTIM = 5, 20, 3


def cut(record):
    """The last events are gone; nothing that is left is wrong."""
    record.events = record.events[: len(record.events) // 2]


def garble(record):
    record.events = record.events[: len(record.events) // 2] + b"\xff" * (len(record.events) // 2)


def empty(record):
    record.events = b""


@pytest.mark.parametrize("damage", [cut, garble, empty])
def test_undecodable_events_are_one_quarantined_record_in_every_sink(make_server, services, database, tmp_path, damage):
    path = tmp_path / "events.ndjson"
    topics = topics_of(f"{tmp_path.name[-20:]}.{damage.__name__}")
    server = make_server()
    reports = [server.post(ndjson(event(b * EVENTS + n) for n in range(EVENTS))).json for b in range(BATCHES)]
    assert server.terminate() == 0
    position = reports[VICTIM - 1]["position"]
    spool_rewriter.rewrite(server.spool_dir, lambda record: damage(record) if record.position == position else None)

    server.settings["sinks"] = {
        "file": {"enabled": True, "path": str(path)},
        "postgres": {"enabled": True, "dsn": database},
        "kafka": {"enabled": True, "topics": topics, "properties": {"bootstrap.servers": services.bootstrap}},
    }
    server.write_config()
    server.start()
    newest = server.metric("vsocd_spool_position")
    for sink in ("file", "postgres", "kafka"):
        wait_until(lambda: server.metric("vsocd_sink_position", f'sink="{sink}"') >= newest, 60, f"{sink} having everything")
    # The others go on: nothing is up to date by being stuck.
    assert server.post(ndjson([event(9999)])).status == 200
    server.wait_for_sinks()

    lines = [(one := json.loads(line)).get("quarantine", one) for line in path.read_text().splitlines()]
    events = [line for line in lines if "event_uid" in line]
    (reject,) = [line for line in lines if line.get("code") == "undecodable"]
    lost = EVENTS - sum(e["batch_uid"] == reports[VICTIM - 1]["batch_id"] for e in events)
    assert 0 < lost <= EVENTS and len(events) == BATCHES * EVENTS + 1 - lost
    assert reject["batch_uid"] == reports[VICTIM - 1]["batch_id"] and f"{lost} events of the batch at position {position}" in reject["detail"]

    assert query(database, "select count(*) from vsoc.events") == [(len(events),)]
    assert query(database, "select source, code, batch_uid::text from vsoc.quarantine") == [("sink", "undecodable", reject["batch_uid"])]
    (record,) = [json.loads(m.value()) for m in consume(services.bootstrap, topics["quarantine"])]
    assert (record["code"], record["batch_uid"], record["index"]) == ("undecodable", reject["batch_uid"], reject["index"])
    assert len(consume(services.bootstrap, topics["events"])) == len(events)

    assert server.metric("vsocd_sink_undecodable_events_total") == 3 * lost  # each sink once
    assert f"position={position}" in server.log() or f'"position":{position}' in server.log()
    assert "events of a batch can't be decoded" in server.log()
