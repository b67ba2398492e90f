"""`vsocd spool replay`: what was lost on the other side comes back exactly, nothing comes twice, and the running server is not disturbed."""

import json
import os
import shutil
import signal
import subprocess
import types
import uuid

import pytest

from harness import consume, ndjson, query, wait_until
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store
from load import Sender

BATCHES, EVENTS = 24, 10


@pytest.fixture
def stack(make_stack):
    return make_stack({"dedup": {"window": "1h"}})


@pytest.fixture
def told(stack):
    """A spool with events, quarantined records and messages of the IDS itself, all of it delivered."""
    sender = Sender(stack.server)
    for number in range(BATCHES):
        events = sender.events(EVENTS)
        if number % 4 == 0:
            events[3]["severity_id"] = "high"  # quarantined
        if number % 5 == 0:
            events[5]["event_category"] = "ids_health"
        assert sender.send(events).status == 200
    stack.server.wait_for_sinks()
    return sender.told


def command(stack, *words, directory=None):
    return ["spool", "replay", directory or stack.server.spool_dir, "-c", stack.server.config, *words]


def replay(stack, *words, code=0, directory=None):
    """{sink: its part of the report}. When a running server has delivered the record of the replay before."""
    if stack.server.process.poll() is None:
        stack.server.wait_for_sinks()
    done = stack.server.run(*command(stack, "--json", *words, directory=directory), check=False, timeout=300)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return {one["sink"]: one for one in json.loads(done.stdout)["sinks"]}


def record_count(stack):
    """Of the spool: batches and records of the audit log."""
    return json.loads(stack.server.run("spool", "list", "--json", stack.server.spool_dir).stdout)["records"]


def compare(stack, told, ordered=True):
    """As Stack.compare; a topic that was only partly lost has what came back behind what was there."""
    if ordered:
        stack.compare(told)
        return
    kafka = kafka_store(stack.services.bootstrap, stack.topics)._replace(ordered=False)
    stores = [spool_store(stack.server), postgres_store(stack.database), kafka]
    check(told, stores, None, pseudonyms(stack.server.settings["privacy"]["keys_file"]))


def held(stack, kind):
    return len(consume(stack.services.bootstrap, stack.topics[kind]))


def recreate(stack, *kinds):
    """Deletes the topics and makes them again, unless the server was quicker."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": stack.services.bootstrap})
    names = [stack.topics[kind] for kind in kinds]
    configs = [{"cleanup.policy": "compact"} if kind == "progress" else {} for kind in kinds]
    for future in admin.delete_topics(names).values():
        future.result(30)
    wait_until(lambda: not set(names) & set(admin.list_topics(timeout=10).topics), 30, "the topics being gone")

    for future in admin.create_topics([NewTopic(name, 3, 1, config=config) for name, config in zip(names, configs)]).values():
        assert future.exception(30) is None or "exists" in str(future.exception())

    def are_there():
        topics = admin.list_topics(timeout=10).topics
        return all(name in topics and topics[name].partitions for name in names)

    wait_until(are_there, 30, "the topics being there again")


def test_over_everything_nothing_comes_twice(stack, told):
    for words in [["--dry-run"], [], []]:
        stack.server.wait_for_sinks()
        records = record_count(stack)
        report = replay(stack, *words)
        for sink in ("postgres", "kafka"):
            assert (report[sink]["put"], report[sink]["there"]) == (0, BATCHES * EVENTS), report
            assert report[sink]["records_done"] == records > BATCHES
    compare(stack, told)
    assert stack.server.metric("vsocd_sink_up") == 2
    assert stack.server.metric("vsocd_kafka_producer_recreated_total") == 0


LOSSES = {
    "some events": ("delete from vsoc.events where batch_index in (1, 4)", None),
    "all events": ("truncate vsoc.events", BATCHES * EVENTS - 6),
    "all tables": ("truncate vsoc.events, vsoc.quarantine, vsoc.batches, vsoc.batch_keys", BATCHES * EVENTS),
    "quarantined records": ("delete from vsoc.quarantine", 6),
    "events whose keys were pruned": ("delete from vsoc.events where batch_index = 2; delete from vsoc.batch_keys", BATCHES),
    "rows of batches": ("delete from vsoc.batches", 0),
}


def test_rows_that_were_lost_come_back(stack, told):
    batches = query(stack.database, "select batch_uid, position, chain_hash from vsoc.batches order by 2")
    for loss, (sql, missing) in LOSSES.items():
        query(stack.database, sql)
        before = query(stack.database, "select count(*) from vsoc.events")
        expected = replay(stack, "--sink", "postgres", "--dry-run")["postgres"]["put"]
        assert missing is None or expected == missing, loss
        assert query(stack.database, "select count(*) from vsoc.events") == before, loss
        assert replay(stack, "--sink", "postgres")["postgres"]["put"] == expected, loss
        assert replay(stack, "--sink", "postgres")["postgres"]["put"] == 0, loss
        assert query(stack.database, "select batch_uid, position, chain_hash from vsoc.batches order by 2") == batches, loss
        compare(stack, told)


TOPICS = [["events"], ["quarantine"], ["health"], ["events", "quarantine", "health", "progress"]]


def test_topics_that_were_lost_come_back(stack, told):
    counts = {kind: held(stack, kind) for kind in ("events", "quarantine", "health")}
    assert counts == {"events": BATCHES * EVENTS - 6, "quarantine": 6, "health": 5}
    for kinds in TOPICS:
        recreate(stack, *kinds)
        lost = sum(counts[kind] for kind in kinds if kind in ("events", "quarantine")) or counts["health"]
        assert replay(stack, "--sink", "kafka", "--dry-run")["kafka"]["put"] == lost, kinds
        assert held(stack, kinds[0]) == 0, kinds
        assert replay(stack, "--sink", "kafka")["kafka"]["put"] == lost, kinds
        assert replay(stack, "--sink", "kafka")["kafka"]["put"] == 0, kinds
        assert {kind: held(stack, kind) for kind in counts} == counts, kinds
    compare(stack, told)


def test_only_the_range_comes_back(stack, told):
    query(stack.database, "truncate vsoc.events, vsoc.batches, vsoc.quarantine")
    recreate(stack, "events")
    report = replay(stack, "--from", "5", "--to", "9")
    assert all(one["records"] == 5 and one["events"] == 50 for one in report.values())
    rows = query(stack.database, "select distinct position from vsoc.batches order by 1")
    assert rows == [(n,) for n in range(5, 10)]
    ids = {row[0] for row in query(stack.database, "select event_uid::text from vsoc.events")}
    messages = consume(stack.services.bootstrap, stack.topics["events"])
    assert {json.loads(message.value())["event_uid"] for message in messages} == ids
    for words in (["--to", "4"], ["--from", "10"]):
        replay(stack, *words)
    compare(stack, told, ordered=False)


def test_into_files_goes_what_they_lack(make_server, tmp_path):
    lines = tmp_path / "lines"
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(lines), "rotate_bytes": "16KiB", "keep": 100}}})
    sender = Sender(server)
    for number in range(BATCHES):
        events = sender.events(EVENTS)
        events[number % EVENTS]["severity_id"] = "high"
        sender.send(events)
    server.wait_for_sinks()
    stack = types.SimpleNamespace(server=server)
    files = sorted(tmp_path.glob("lines*[0-9]")) + [lines]
    assert len(files) > 1 and replay(stack)["file"]["put"] == 0

    def content():
        """But for the records of the replays themselves."""
        return sorted(line for path in files for line in path.read_text().splitlines() if '"kind":"replayed"' not in line)

    whole = content()
    dropped = files[0].read_text().splitlines()
    files[0].write_text("")
    assert replay(stack, "--dry-run")["file"]["put"] == len(dropped)
    assert (tmp_path / "lines.replay").read_text() == ""
    assert replay(stack)["file"]["put"] == len(dropped)
    assert replay(stack)["file"]["put"] == 0
    files.append(tmp_path / "lines.replay")
    assert content() == whole


def test_files_behind_the_gap_of_a_rotation_that_broke_off_are_read(make_server, tmp_path):
    lines = tmp_path / "lines"
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(lines), "rotate_bytes": "16KiB", "keep": 100}}})
    sender = Sender(server)
    for _ in range(3):  # a rotation comes after a load
        for _ in range(BATCHES // 2):
            sender.send(sender.events(EVENTS))
        server.wait_for_sinks()
    server.terminate()
    files = sorted(tmp_path.glob("lines.[0-9]"), reverse=True)
    assert len(files) > 2
    for path in files:  # as a crash leaves them after all but the last rename
        path.rename(f"{lines}.{int(path.suffix[1:]) + 1}")
    assert replay(types.SimpleNamespace(server=server), "--dry-run")["file"]["put"] == 0


def test_while_the_server_is_under_load(stack, load):
    events = int(os.environ.get("VSOCD_REPLAY_EVENTS", "20000"))
    running = load(stack.server, events, connections=16, rate=events // 10, bad_every=97)
    for sink in ("postgres", "kafka"):  # Kafka's topics are made with its first delivery
        wait_until(lambda: stack.server.metric("vsocd_sink_events_total", f'sink="{sink}"') > events / 8, 60, "some load")
    rounds = 0
    while running.running or rounds < 2:
        query(stack.database, f"delete from vsoc.events where mod(batch_index, 5) = {rounds % 5}")
        report = replay(stack)
        assert report["kafka"]["put"] == 0
        rounds += 1
    told = running.finish()
    stack.server.wait_for_sinks()
    replay(stack)
    compare(stack, told)
    assert stack.server.metric("vsocd_kafka_producer_recreated_total") == 0


POINTS = {
    "postgres": ["pg_events_copied", "pg_batches_copied"],
    "kafka": ["kafka_begun", "kafka_events_produced", "kafka_flushed", "kafka_commit_sent", "kafka_committed"],
}


@pytest.mark.parametrize("sink", POINTS)
def test_killed_in_the_middle_and_started_again(build, make_stack, sink):
    stack = make_stack({"sinks": {"postgres": {"batch": {"events": 100}}, "kafka": {"transaction": {"events": 100}}}})
    sender = Sender(stack.server)
    for _ in range(BATCHES):
        sender.send(sender.events(EVENTS))
    stack.server.wait_for_sinks()
    for point in POINTS[sink]:
        if sink == "postgres":
            query(stack.database, "truncate vsoc.events, vsoc.batches")
        else:
            recreate(stack, "events")
        died = subprocess.run([build / "unit" / "vsocd_faults", *command(stack, "--sink", sink)],
                              env=dict(os.environ, VSOCD_FAULT=point + ":2"), capture_output=True, timeout=120)
        assert died.returncode == -signal.SIGKILL, (point, died.stderr)
        assert 0 < replay(stack, "--sink", sink)[sink]["put"] < BATCHES * EVENTS, point
        assert replay(stack, "--sink", sink)[sink]["put"] == 0, point
        compare(stack, sender.told)


def test_of_a_damaged_spool_comes_what_is_whole(stack, told):
    stack.server.terminate()
    sealed = sorted(stack.server.spool_dir.glob("*.seg"))[0]
    batches = query(stack.database, "select position from vsoc.batches order by 1")
    data = bytearray(sealed.read_bytes())
    at = 8192
    for _ in range(6):
        at += int.from_bytes(data[at + 8:at + 12], "little")
    data[at + 300] ^= 1
    sealed.write_bytes(data)
    query(stack.database, "truncate vsoc.events, vsoc.batches, vsoc.quarantine")
    report = replay(stack, "--sink", "postgres", code=1)["postgres"]
    assert report["damaged"] == 1 and report["put"] == (BATCHES - 1) * EVENTS
    assert (7,) in batches
    assert query(stack.database, "select position from vsoc.batches order by 1") == [row for row in batches if row != (7,)]


def test_a_copy_of_a_spool_does_as_well(stack, told, tmp_path):
    stack.server.terminate()
    copy = tmp_path / "copy"
    shutil.copytree(stack.server.spool_dir, copy)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    query(stack.database, "truncate vsoc.events")
    recreate(stack, "events")
    report = replay(stack, directory=copy)
    assert report["postgres"]["put"] == report["kafka"]["put"] == BATCHES * EVENTS - 6
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    stack.server.start()
    compare(stack, told)


def test_what_the_server_has_yet_to_deliver_is_left_to_it(make_stack):
    stack = make_stack()
    sender = Sender(stack.server)
    sender.send(sender.events(EVENTS))
    stack.server.wait_for_sinks()
    stack.services.act("kafka", "pause")
    try:
        for _ in range(3):
            sender.send(sender.events(EVENTS))
        stack.server.kill()
    finally:
        stack.services.act("kafka", "resume")
    report = replay(stack)
    assert report["kafka"]["left_to_server"] and report["kafka"]["events"] == EVENTS
    assert report["postgres"]["events"] == 4 * EVENTS
    stack.server.start()
    compare(stack, sender.told)
    assert replay(stack)["kafka"]["put"] == 0


def test_a_batch_that_came_through_another_instance_is_not_missing(make_stack, make_server):
    stack = make_stack(kafka=False)
    other = make_server({"sinks": {"postgres": {"enabled": True, "dsn": stack.database}},
                         "privacy": {"keys_file": stack.server.settings["privacy"]["keys_file"]}})
    sender = Sender(stack.server)
    events, key = sender.events(EVENTS), uuid.uuid4().hex
    sender.send(events, Idempotency_Key=key)
    stack.server.wait_for_sinks()
    assert other.post(ndjson(events), Idempotency_Key=key).status == 200
    other.wait_for_sinks()
    assert query(stack.database, "select count(*) from vsoc.events") == [(EVENTS,)]
    query(stack.database, "delete from vsoc.batch_keys")
    twin = types.SimpleNamespace(server=other)
    assert replay(twin)["postgres"]["put"] == 0
    query(stack.database, "truncate vsoc.events, vsoc.batches, vsoc.batch_keys")
    assert replay(twin)["postgres"]["put"] == EVENTS
    assert replay(stack)["postgres"]["put"] == 0
    assert query(stack.database, "select count(*) from vsoc.events") == [(EVENTS,)]


RULES = {
    "alter table vsoc.events add constraint calm check (severity_id < 5)": 6,
    "create unique index one_five on vsoc.events (time_received, severity_id) where severity_id = 5": 3,
}


@pytest.mark.parametrize("rule", RULES, ids=["constraint", "unique"])
def test_events_that_the_database_refused_stay_in_quarantine(make_stack, rule):
    stack = make_stack(kafka=False)
    query(stack.database, rule)
    sender = Sender(stack.server)
    for _ in range(3):
        events = sender.events(EVENTS)
        events[2]["severity_id"] = events[7]["severity_id"] = 5
        sender.send(events)
    stack.server.wait_for_sinks()
    rows = "select batch_uid, batch_index, source from vsoc.quarantine order by 1, 2"
    refused = query(stack.database, rows)
    assert len(refused) == RULES[rule]
    assert replay(stack)["postgres"]["put"] == 0
    query(stack.database, "truncate vsoc.events, vsoc.quarantine")
    assert replay(stack)["postgres"]["put"] == 3 * EVENTS
    assert query(stack.database, rows) == refused
    compare(stack, sender.told)


def test_refusals_say_what_to_do(stack, told, tmp_path):
    def refused(code, text, *words, directory=None):
        done = stack.server.run(*command(stack, *words, directory=directory), check=False)
        assert done.returncode == code and text in done.stderr.decode(), (done.returncode, done.stderr)

    refused(78, "sinks.mail.enabled", "--sink", "mail")
    refused(1, "the range holds no record", "--from", "4000", "--sink", "postgres")
    refused(64, "usage", "--from", "9", "--to", "3")
    refused(64, "usage", "--from", "x")
    refused(74, "can't be read", directory=tmp_path)
    query(stack.database, "insert into vsoc.schema_version (version, name, program) values (99, 'later', '9')")
    refused(1, "run a newer vsocd", "--sink", "postgres")
    stack.server.terminate()
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": stack.services.bootstrap})
    admin.delete_topics([stack.topics["events"]])[stack.topics["events"]].result(30)
    refused(1, f"topic {stack.topics['events']} (sinks.kafka.topics.events) does not exist", "--sink", "kafka")


def test_report_for_people(stack, told):
    query(stack.database, "delete from vsoc.quarantine")
    records = record_count(stack)
    text = stack.server.run(*command(stack)).stdout.decode()
    assert f"postgres: positions 1 to {records}: {records} of {records} records, 240 events: 234 were there, 6 put in" in text
    assert "kafka: positions 1 to" in text and "240 were there, 0 put in" in text
