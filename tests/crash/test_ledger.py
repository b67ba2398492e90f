"""The checker itself: every kind of fault that it is there for is planted in every store and found."""

import json
import re
import subprocess
import sys
import uuid

import pytest

from harness import ROOT, consume, event, query
from ledger import (Entry, LedgerError, Store, Told, check, content_of, content_of_reject, content_of_sent, kafka_store, pseudonyms,
                    read_told, spool_store)
from load import Sender

VEHICLES = ["V1", "V2"]
TOLD = {f"e{n}": Told("accepted", f"c{n}", VEHICLES[n % 2], f"b{n % 2}") for n in range(6)}
TOLD["e5"] = TOLD["e5"]._replace(state="duplicate")
TOLD |= {f"q{n}": Told("quarantined", f"x{n}", "V1", "b0") for n in range(2)}
EVENTS = [Entry(event_id, one.content, one.vehicle, n) for n, (event_id, one) in enumerate(TOLD.items()) if event_id[0] == "e"]
REJECTS = [Entry(event_id, one.content, None, n) for n, (event_id, one) in enumerate(TOLD.items()) if event_id[0] == "q"]
NAMES = ["postgres", "kafka", "spool"]
UNTOLD = Entry("u", "cu", "V1", 9)


def stores_with(name=None, events=EVENTS, quarantined=REJECTS, others=EVENTS):
    """The three stores, of which the named one is different."""
    return [Store(one, events if one == name else others, quarantined if one == name else REJECTS, one != "postgres") for one in NAMES]


def change(entries, at, **fields):
    return [entry._replace(**fields) if n == at else entry for n, entry in enumerate(entries)]


def test_agreeing_stores_pass():
    check(TOLD, stores_with())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind, faulty", [
    ("lost", {"events": EVENTS[1:]}),
    ("duplicated", {"events": EVENTS + EVENTS[:1]}),
    ("altered", {"events": change(EVENTS, 2, content="other")}),
    ("altered", {"events": change(EVENTS, 2, vehicle="V2")}),
    ("invented", {"events": EVENTS + [UNTOLD]}),
    ("invented", {"events": EVENTS + [Entry("q0", "x0", "V1")]}),
    ("lost", {"quarantined": REJECTS[1:]}),
    ("duplicated", {"quarantined": REJECTS + REJECTS[:1]}),
    ("altered", {"quarantined": change(REJECTS, 0, content="other")}),
    ("invented", {"quarantined": REJECTS + [UNTOLD]}),
])
def test_planted_fault_is_found_and_nothing_else(name, kind, faulty):
    with pytest.raises(LedgerError) as found:
        check(TOLD, stores_with(name, **faulty))
    where = f"{name} quarantine" if "quarantined" in faulty else name
    assert [line.split(",")[0] for line in str(found.value).splitlines()] == [f"{where}: 1 {kind}"]


def test_reordered_events_of_a_vehicle_are_found():
    swapped = [EVENTS[n] for n in (2, 1, 0, 3, 4, 5)]
    between_vehicles = [EVENTS[n] for n in (1, 0, 3, 2, 5, 4)]
    check(TOLD, stores_with("kafka", between_vehicles))
    for name in ("kafka", "spool"):
        with pytest.raises(LedgerError, match=f"^{name}: 1 reordered, for example e0"):
            check(TOLD, stores_with(name, swapped, others=EVENTS if name == "kafka" else swapped))


def test_order_between_batches_counts_only_when_the_sender_waited():
    told = {name: one._replace(batch=name) for name, one in TOLD.items()}
    swapped = [EVENTS[n] for n in (2, 1, 0, 3, 4, 5)]
    check(told, stores_with("spool", swapped, others=swapped))
    with pytest.raises(LedgerError, match="spool: 1 reordered"):
        check(told, stores_with("spool", swapped, others=swapped), waited=True)


def test_event_that_was_sent_but_not_acknowledged_may_be_in_all_stores_or_in_none():
    more = EVENTS + [UNTOLD]
    for sent in ({"u"}, {"u": Told("sent", "cu", "V1")}):
        check(TOLD, stores_with(), sent)
        check(TOLD, stores_with("kafka", more, others=more), sent)
        with pytest.raises(LedgerError, match="kafka: 1 lost, for example u"):
            check(TOLD, stores_with("kafka", others=more), sent)
        altered = EVENTS + [UNTOLD._replace(content="other")]
        with pytest.raises(LedgerError, match="altered, for example u"):
            check(TOLD, stores_with("kafka", altered, others=more), sent)
    with pytest.raises(LedgerError, match="invented"):
        check(TOLD, stores_with("kafka", more, others=more), {"other"})


def test_unfinished_line_of_a_ledger_is_left_out(tmp_path):
    path = tmp_path / "told"
    path.write_text("a\tb\taccepted\tc\tV\nb\tb\taccep")
    assert read_told(path) == {"a": Told("accepted", "c", "V", "b")}


def test_content_is_the_same_in_the_words_of_sender_and_server():
    sent = event(1, event_name="x", attributes={"bb": 1, "a": [1.5, None]}, program="p", speed_kmh=128.0, time_sent="2026-11-22T10:15:02.1234567Z")
    stored = {
        "source_event_id": "ev-00000001", "time_event_ns": "1795342502250000000", "sensor_kind": "can_ids", "ecu_id": "GW-3", "sev_id": 103,
        "severity_id": 3, "event_name": "x", "count": 1, "speed_kmh": 128, "attributes": {"a": [1.5, None], "bb": 1, "program": "p"},
        "time_sent": "2026-11-22T10:15:02.123456Z", "wmi": "1M8", "chain_hash": "00",
    }
    assert content_of_sent(sent) == content_of(stored)
    assert content_of(stored) != content_of(stored | {"count": 2})
    assert content_of_reject(b"a", "x") != content_of_reject(b"a", "y")


# On real stores

FIELDS = {
    "attributes": {"long name": "tab\there", "a": [1.5, {"x": True}], "ü": "\\"}, "speed_kmh": 12.1, "is_moving": True, "can_id": 291,
    "src_ip": "::FFFF:1.2.3.4", "dst_ip": "10.0.0.1", "context_raw": "AAEC" * 40, "cve": ["CVE-2026-1", "b,\"c"], "message": "a\nb\\c ü",
    "time_sent": "2026-11-22T10:15:02.123456Z", "time": "2026-11-22T10:15:02.123456789Z", "vehicle_seq": 2**60,
}


def test_every_store_holds_every_kind_of_field_as_it_was_sent(make_stack):
    stack = make_stack()
    sender = Sender(stack.server)
    for number in range(3):
        assert sender.send(sender.events(20, **FIELDS)).json["accepted"] == 20
    assert sender.send(sender.events(1) + [event(900, event_name="x", severity_id="very 3")]).json["quarantined"] == 1
    stack.compare(sender.told, sender.sent, waited=True)
    assert len(sender.told) == 62


@pytest.fixture
def loaded(make_stack, load):
    """A stack that holds what a fleet has sent, and what the fleet was told."""
    stack = make_stack()
    running = load(stack.server, 2000, bad_every=40, vehicles=10, connections=4)
    told = running.finish()
    stack.compare(told)
    stack.ledger = running.ledger
    return stack, told


def expect(stack, told, *words):
    with pytest.raises(LedgerError) as found:
        stack.compare(told)
    for word in words:
        assert re.search(word, str(found.value)), found.value


def test_planted_faults_in_real_stores_are_found(loaded):
    from confluent_kafka import Producer

    stack, told = loaded
    first, second, third = [event_id for event_id, one in told.items() if one.state == "accepted"][:3]
    query(stack.database, "update vsoc.events set ecu_id = 'other' where source_event_id = %s", first)
    query(stack.database, "delete from vsoc.events where source_event_id = %s", second)
    query(stack.database, "update vsoc.quarantine set code = 'other' where batch_index = 39")
    columns = "* from vsoc.events where source_event_id = %s"
    query(stack.database, f"create temp table t as select {columns}; update t set event_uid = %s; insert into vsoc.events select * from t",
          third, str(uuid.uuid4()))
    message = consume(stack.services.bootstrap, stack.topics["events"])[0]
    producer = Producer({"bootstrap.servers": stack.services.bootstrap})
    changed = json.loads(message.value()) | {"source_event_id": "nobody"}
    for value in (message.value(), json.dumps(changed)):
        producer.produce(stack.topics["events"], value, message.key(), partition=message.partition())
    assert producer.flush(30) == 0
    expect(stack, told, f"postgres: 1 altered, for example {first}", f"postgres: 1 lost, for example {second}",
           f"postgres: 1 duplicated, for example {third}", r"postgres quarantine: \d+ altered",
           "kafka: 1 duplicated", "kafka: 1 invented, for example nobody")


def test_vehicle_under_another_key_is_found(loaded, tmp_path):
    stack, told = loaded
    keys = tmp_path / "other.keys"
    keys.write_text("1 " + 64 * "a" + "\n")
    with pytest.raises(LedgerError, match="spool: 1950 altered, .*vehicle"):
        check(told, [spool_store(stack.server)], None, pseudonyms(keys))
    check(told, [spool_store(stack.server), kafka_store(stack.services.bootstrap, stack.topics)], None,
          pseudonyms(stack.server.settings["privacy"]["keys_file"]))


def test_command_says_whether_the_stores_agree(loaded):
    stack, told = loaded
    words = ["--told", stack.ledger, "--keys", stack.server.settings["privacy"]["keys_file"], "--postgres", stack.database]
    words += ["--kafka", stack.services.bootstrap, "--topics", stack.topics["events"].replace("events", "*")]
    words += ["--spool", stack.server.spool_dir, "--vsocd", stack.server.program]
    command = [sys.executable, str(ROOT / "tests/crash/ledger"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "2000 events are in spool, postgres, kafka" in done.stdout
    query(stack.database, "delete from vsoc.quarantine")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "postgres quarantine: 50 lost" in done.stdout
