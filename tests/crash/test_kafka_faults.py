"""Faults of one Kafka broker, its topics and rights, under a server with both sinks and traffic: nothing is lost, doubled or reordered, the other
sink and the senders notice nothing, the log says what is wrong, and it ends without a restart.

VSOCD_ALL_VERSIONS=1 runs all of it on every supported version of Kafka.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions

import kafka_acl
from harness import HarnessError, consume, deep_update, free_port, query, wait_until
from kafka_rig import KAFKA, KafkaServices, Rig, Traffic
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store
from load import Sender
from tcp_proxy import Proxy

VERSIONS = ("3.9", "4.1") if os.environ.get("VSOCD_ALL_VERSIONS") else ("4.1",)
# How long an outage may last before it is told: 30 s unless set.
PATIENCE = {"transaction.timeout.ms": "6000"}
# Transactions that took too long are looked for every 10 s otherwise.
CONF = ("--conf=transaction.abort.timed.out.transaction.cleanup.interval.ms=500",)


@pytest.fixture(scope="module", params=VERSIONS)
def services(request, services, tmp_path_factory):
    started = KafkaServices(tmp_path_factory.mktemp("kafka"), services, f"--version={request.param}", "--users=vsocd:secret,blind:secret", *CONF)
    started.bootstrap
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def broker(services):
    """Runs at the start of each test, whatever the one before did to it."""
    with contextlib.suppress(HarnessError):
        services.act("kafka", "resume")
    services.act("kafka", "start", *CONF)


@pytest.fixture
def admin(services):
    return AdminClient({"bootstrap.servers": services.bootstrap})


@pytest.fixture
def rig(make_stack):
    """rig(settings) → a Rig whose server has delivered to both sinks."""
    made = []

    def make(kafka=None, **settings):
        made.append(Rig(make_stack({"sinks": {"kafka": deep_update({"properties": dict(PATIENCE)}, kafka or {})}, **settings})))
        made[-1].traffic.more()
        made[-1].back()
        made[-1].log()
        return made[-1]

    yield make
    for one in made:
        one.traffic.ended.set()


# All that the sink needs, but not the right to read the topics' settings.
RIGHTS = [("topic", word) for word in ("describe", "read", "write", "create")]
RIGHTS += [("transactional_id", "describe"), ("transactional_id", "write"), ("group", "read")]


def login(services, user):
    """Properties of a client that logs in."""
    address = (services.folder_of_kafka / "users.servers").read_text().strip()
    words = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": "secret"}
    return {"bootstrap.servers": address, **words}


def topic_settings(admin, topic, **settings):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, {key.replace("_", "."): value for key, value in settings.items()})
    admin.alter_configs([resource])[resource].result(20)


# ---- the broker ----------------------------------------------------------------------------------------------------------------


def test_broker_that_stops_and_one_that_is_killed_are_waited_for(rig, services):
    one = rig()
    for how in ((), ("--kill",)):
        services.act("kafka", "stop", *how)
        one.down("sink is unavailable; the spool keeps its events")
        services.act("kafka", "start")
        one.passed()
    one.end()


def test_frozen_broker_holds_up_nothing_not_even_the_end(rig, services):
    one = rig(timeouts={"drain": "2s"})
    services.act("kafka", "pause")
    one.others_go_on()
    assert one.server.terminate(30) == 0  # the broker is frozen still: an end that waits for it never comes
    one.server.start()
    one.others_go_on()
    services.act("kafka", "resume")
    one.passed()
    one.end()


def test_broker_whose_disk_fails_ends_and_comes_back_with_it(rig, services):
    """A broker gives up when none of its log folders can be written: here the folder is gone from where it was."""
    one = rig()
    data = services.folder_of_kafka / "data"
    away = data.rename(data.with_name("away"))
    data.write_text("not a folder")
    one.down("sink is unavailable; the spool keeps its events", 90)
    data.unlink()
    away.rename(data)
    services.act("kafka", "stop", "--kill")
    services.act("kafka", "start")
    one.passed()
    one.end()


def ends(one, isolation):
    """{partition: end} of the events as a reader of this isolation sees it: that of committed messages stops at an open transaction."""
    topic = one.stack.topics["events"]
    reader = Consumer({"bootstrap.servers": one.stack.services.bootstrap, "group.id": "ends", "isolation.level": isolation})
    with contextlib.closing(reader):
        partitions = reader.list_topics(topic, timeout=20).topics[topic].partitions
        return {number: reader.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1] for number in partitions}


@pytest.mark.parametrize("point", ["kafka_message_produced", "kafka_flushed"])
def test_transaction_that_the_broker_ended_for_its_age_is_done_again(rig, build, point):
    """The server is frozen in a transaction for longer than that may take. The client library ends it, or the broker does: whoever is first."""
    one = rig(kafka={"properties": {"transaction.timeout.ms": "1500"}})
    told = one.traffic.end()
    one.server.terminate()
    one.server.program, usual = build / "unit" / "vsocd_faults", one.server.program
    one.server.environment = {"VSOCD_FAULT": f"{point}:1:stop"}
    one.server.start()
    sender = Sender(one.server, vin="1M8GDM9AXKP042789")
    sender.send(sender.events(10))
    stat = pathlib.Path(f"/proc/{one.server.process.pid}/stat")
    wait_until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", 60, "the freeze within a transaction")
    time.sleep(3)  # the freeze itself
    wait_until(lambda: ends(one, "read_committed") == ends(one, "read_uncommitted"), 60, "the broker's end of the transaction")
    one.server.process.send_signal(signal.SIGCONT)
    wait_until(lambda: one.said("sink is unavailable") and one.said("sink is back"), 60, "another transaction in place of the ended one")
    one.passed()
    one.server.program = usual
    one.stack.compare({**told, **sender.told})


def test_broker_that_forgot_the_transactional_id_is_asked_for_another(rig, services):
    """The ids expire between two loads; the client library takes that for a fatal error."""
    services.act("kafka", "stop")
    expiry = ("transactional.id.expiration.ms=500", "transaction.remove.expired.transaction.cleanup.interval.ms=200")
    services.act("kafka", "start", *CONF, *(f"--conf={one}" for one in (*expiry, "producer.id.expiration.ms=500")))
    one = rig()
    told = one.traffic.end()
    before = one.server.metric("vsocd_kafka_producer_recreated_total")
    sender = Sender(one.server, vin="1M8GDM9AXKP042789")

    def forgotten():
        sender.send(sender.events(10))
        return one.server.metric("vsocd_kafka_producer_recreated_total") > before

    wait_until(forgotten, 60, "a forgotten id", interval=2)
    one.passed()
    services.act("kafka", "stop")
    services.act("kafka", "start", *CONF)
    one.stack.compare({**told, **sender.told}, waited=True)


@pytest.fixture
def proxy(services):
    """Between the broker and all its clients."""
    host, _, port = services.bootstrap.rpartition(":")
    between = Proxy((host, int(port)))
    services.act("kafka", "stop")
    services.act("kafka", "start", *CONF, f"--conf=advertised.listeners=PLAINTEXT://127.0.0.1:{between.port}")
    yield between
    services.act("kafka", "stop")
    between.close()


def test_connection_that_is_cut_where_a_transaction_ends_neither_loses_nor_doubles(rig, proxy):
    """The answer to EndTxn (request 26, version 1) does not come: was it committed? And cuts anywhere in what is sent."""
    one = rig()
    for cut in [{"answer_to": b"\0\x1a\0\1"}] * 20 + [{"to_server": n * 97} for n in range(20)]:
        armed = proxy.arm(**cut)
        wait_until(armed.done.is_set, 60, f"a cut {cut}")
    one.passed()
    one.end()


# ---- topics --------------------------------------------------------------------------------------------------------------------


def assert_only_kafka_lost(one, told, kept):
    """Kafka has each of `kept` (of what it got after a loss of its own) once; the others have everything told."""
    one.server.wait_for_sinks(60)
    check(told, [spool_store(one.server), postgres_store(one.stack.database)], None, pseudonyms(one.server.settings["privacy"]["keys_file"]), True)
    ids = [json.loads(message.value())["source_event_id"] for message in consume(one.stack.services.bootstrap, one.stack.topics["events"])]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(told) and set(kept) <= set(ids)


def test_topic_that_is_deleted_is_made_again_and_goes_on(rig, admin):
    """What the topic held is gone with it: that is Kafka's loss and not sent again."""
    one = rig()
    topic = one.stack.topics["events"]
    admin.delete_topics([topic])[topic].result(20)
    one.others_go_on()
    one.passed()
    assert one.server.log().count(f"topic created topic={topic}") == 2
    before = set(one.traffic.sender.told)
    one.traffic.more()
    told = one.traffic.end()
    assert_only_kafka_lost(one, told, told.keys() - before)


def test_progress_topic_that_is_deleted_doubles_nothing(rig, admin):
    one = rig()
    topic = one.stack.topics["progress"]
    admin.delete_topics([topic])[topic].result(20)
    one.others_go_on()
    one.passed()
    assert "sink has no position of this spool: continuing after the local cursor" in one.server.log()
    assert one.server.terminate() == 0
    admin.delete_topics([topic])[topic].result(20)
    one.server.start()
    one.passed()
    one.end()


def test_cluster_that_lost_all_its_data_is_filled_from_now_on(rig, services):
    one = rig()
    services.act("kafka", "stop", "--kill")
    shutil.rmtree(services.folder_of_kafka / "data")
    for name in ("created", "cluster"):
        (services.folder_of_kafka / "state" / name).unlink()
    services.act("kafka", "start")
    one.passed()
    assert "sink has no position of this spool: continuing after the local cursor" in one.server.log()
    before = set(one.traffic.sender.told)
    one.traffic.more()
    told = one.traffic.end()
    assert_only_kafka_lost(one, told, told.keys() - before)


def write_position(one, **changed):
    """Puts a record under the instance's name that differs from the last one; returns that one's value."""
    (*_, last) = (json.loads(m.value()) for m in consume(one.stack.services.bootstrap, one.stack.topics["progress"]))
    producer = Producer({"bootstrap.servers": one.stack.services.bootstrap})
    instance = one.server.settings["instance"]
    producer.produce(one.stack.topics["progress"], json.dumps({**last, **changed}).encode(), instance.encode(), partition=0)
    assert producer.flush(20) == 0
    return last


def test_position_that_the_spool_has_not_reached_does_not_count(rig):
    one = rig()
    one.server.terminate()
    write_position(one, position=1000000)
    one.server.start()
    one.passed()
    assert "sink has a position that does not belong to this spool's history" in one.server.log()
    one.end()


def test_position_behind_the_cursor_is_gone_back_to(rig):
    """A cluster restored from an older copy: what came after the copy is sent again."""
    one = rig()
    told = one.traffic.end()
    assert one.server.terminate() == 0
    ((batch,),) = query(one.stack.database, "select batch_uid::text from vsoc.batches where position = 5")
    ((after,),) = query(one.stack.database, "select count(*) from vsoc.batches where position > 5")
    write_position(one, position=5, batch_id=batch)
    one.server.start()
    sender = Sender(one.server, vin="1M8GDM9AXKP042789")
    sender.send(sender.events(10), VSOC_Ack="all")
    assert "sink is behind the local cursor: delivering again what the spool still has" in one.server.log()
    one.server.wait_for_sinks()
    ids = [json.loads(m.value())["event_uid"] for m in consume(one.stack.services.bootstrap, one.stack.topics["events"])]
    assert len(set(ids)) == len(told) + 10
    assert len(ids) == len(told) + 10 + after * one.traffic.events


def test_added_partitions_are_used_and_lose_nothing(rig, admin):
    """The key of a vehicle may then mean another partition: its order over the change is for the reader to make."""
    one = rig(kafka={"properties": {"topic.metadata.refresh.interval.ms": "500"}})
    topic = one.stack.topics["events"]
    admin.create_partitions([NewPartitions(topic, 50)])[topic].result(20)
    others = [Sender(one.server, vin=f"1M8GDM9AXKP{n:06d}") for n in range(60)]

    def spread():
        for sender in others:
            sender.send(sender.events(1))
        return {m.partition() for m in consume(one.stack.services.bootstrap, topic)} - set(range(6))

    wait_until(spread, 60, "messages in the new partitions")
    told = dict(one.traffic.end())
    for sender in others:
        told |= sender.told
    one.server.wait_for_sinks()
    kafka = kafka_store(one.stack.services.bootstrap, one.stack.topics)._replace(ordered=False)
    stores = [spool_store(one.server), postgres_store(one.stack.database), kafka]
    check(told, stores, None, pseudonyms(one.server.settings["privacy"]["keys_file"]), True)


# ---- messages ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False], ids=["limit is told", "limit is secret"])
def test_event_over_the_limit_of_the_topic_goes_to_quarantine_with_its_id(rig, services, admin, told):
    """The limit is lowered while the server runs. It notices when the broker refuses a batch of messages; without the right to read the
    topic's settings it finds the limit by smaller and smaller batches."""
    properties = {"compression.type": "none", "transaction.timeout.ms": "30000"}
    if not told:
        properties |= login(services, "blind")
        for kind, operation in RIGHTS:
            kafka_acl.grant(services.bootstrap, "blind", kind, "*", operation)
    one = rig(kafka={"transaction": {"events": "500"}, "properties": properties})
    topic_settings(admin, one.stack.topics["events"], max_message_bytes="5000")
    large = Sender(one.server, vin="1M8GDM9AXKP042789")
    batch = large.events(3)
    batch[1]["message"] = "m" * 6000
    large.send(batch)
    one.others_go_on()
    one.passed()
    told = {**one.traffic.end(), **large.told}
    one.server.wait_for_sinks()
    (refused,) = (json.loads(m.value()) for m in consume(one.stack.services.bootstrap, one.stack.topics["quarantine"]))
    assert refused["code"] == "too_large" and refused["index"] == 1
    assert one.server.metric("vsocd_sink_rejected_total", KAFKA) == 1
    ids = [json.loads(m.value())["source_event_id"] for m in consume(one.stack.services.bootstrap, one.stack.topics["events"])]
    assert sorted([*ids, batch[1]["id"]]) == sorted(told)
    check(told, [spool_store(one.server), postgres_store(one.stack.database)], None, pseudonyms(one.server.settings["privacy"]["keys_file"]))


def test_many_events_over_the_limit_hold_up_nobody_not_even_the_end(rig):
    """150 of them once cost 150 producers, 85 s in which no vehicle's events moved, and an end that took 19 s."""
    one = rig(kafka={"transaction": {"events": "1000"}, "properties": {"message.max.bytes": "20000"}})
    large = Sender(one.server, vin="1M8GDM9AXKP042789")
    batch = large.events(160)
    for event in batch[:150]:
        event["message"] = "m" * 30000
    large.send(batch)
    one.others_go_on()
    position = one.server.metric("vsocd_spool_position")
    wait_until(lambda: one.server.metric("vsocd_sink_position", KAFKA) >= position, 20, "Kafka having everything of now")
    assert one.server.metric("vsocd_kafka_producer_recreated_total") == 0
    assert one.server.metric("vsocd_sink_rejected_total", KAFKA) == 150 and one.up()
    large.send([event | {"message": "m" * 30000} for event in large.events(150)])
    told = {**one.traffic.end(), **large.told}
    one.server.terminate(60)
    refused = [json.loads(m.value()) for m in consume(one.stack.services.bootstrap, one.stack.topics["quarantine"])]
    assert len(refused) == 300 and {r["code"] for r in refused} == {"too_large"} and all(r["batch_uid"] and int(r["raw_size"]) > 30000 for r in refused)
    ids = [json.loads(m.value())["source_event_id"] for m in consume(one.stack.services.bootstrap, one.stack.topics["events"])]
    assert len(ids) == len(set(ids)) == len(told) - 300


def test_quarantined_record_over_a_secret_limit_is_a_reference(rig, services, admin):
    for kind, operation in RIGHTS:
        kafka_acl.grant(services.bootstrap, "blind", kind, "*", operation)
    one = rig(kafka={"properties": {"compression.type": "none", **login(services, "blind")}})
    topic_settings(admin, one.stack.topics["quarantine"], max_message_bytes="20000")
    large = Sender(one.server, vin="1M8GDM9AXKP042789")
    batch = large.events(3)
    batch[1] |= {"message": "m" * 100000, "severity_id": "high"}
    large.send(batch)
    one.others_go_on()
    one.passed()
    told = {**one.traffic.end(), **large.told}
    one.server.wait_for_sinks()
    (refused,) = (json.loads(m.value()) for m in consume(one.stack.services.bootstrap, one.stack.topics["quarantine"]))
    assert refused["index"] == 1 and int(refused["raw_size"]) > 100000 and "raw" not in refused
    check(told, [spool_store(one.server), postgres_store(one.stack.database)], None, pseudonyms(one.server.settings["privacy"]["keys_file"]))


# ---- rights and names ----------------------------------------------------------------------------------------------------------


def test_rights_that_are_missing_are_named_and_once_granted_used(make_stack, services, admin):
    """None at the start, then all; then withdrawn one after the other while it runs."""
    one = Rig(make_stack({"sinks": {"kafka": {"properties": {**login(services, "vsocd"), **PATIENCE}}}}))
    prefixes = {"topic": one.stack.topics["events"].partition(".")[0], "transactional_id": "vsocd-", "group": "vsocd-"}

    def right(change, kind, operation):
        change(services.bootstrap, "vsocd", kind, prefixes[kind], operation, prefixed=True)

    one.down("grant this principal Describe, Read and Write on the topics")
    for kind, operation in (*RIGHTS, ("topic", "describe_configs")):
        right(kafka_acl.grant, kind, operation)
    one.passed()
    for kind, words in (
        ("transactional_id", "grant this principal Describe and Write on transactional ids"),
        ("topic", "grant this principal Describe, Read and Write on the topics"),
    ):
        right(kafka_acl.withdraw, kind, "write")
        one.down(words)
        right(kafka_acl.grant, kind, "write")
        one.passed()
    one.end()


def test_wrong_address_name_or_protocol_is_told_and_only_kafka_waits(make_stack, services):
    wrong = {
        "refused": ({"bootstrap.servers": f"127.0.0.1:{free_port()}"}, "Connection refused"),
        "no such name": ({"bootstrap.servers": "kafka.invalid:9092"}, "resolve"),
        "plaintext": ({"security.protocol": "ssl"}, "SSL"),
    }
    stacks = [(make_stack({"sinks": {"kafka": {"properties": properties}}}), words) for properties, words in wrong.values()]
    for stack, words in stacks:
        sender = Sender(stack.server)
        assert sender.send(sender.events(10), VSOC_Ack="postgres").json["ack"] == "postgres"
        wait_until(lambda: words in stack.server.get("/readyz?verbose").body.decode(), 60, f"'{words}' in {stack.server.folder}")
        assert stack.server.metric("vsocd_sink_up", KAFKA) == 0
        wait_until(lambda: stack.server.metric("vsocd_sink_retries_total", KAFKA) >= 2, 60, "another attempt")
        problems = re.findall("sink=kafka lane=0 problem=(.*)", stack.server.log())
        assert len(problems) == len(set(problems)) <= 3, problems
        check(sender.told, [spool_store(stack.server), postgres_store(stack.database)], None,
              pseudonyms(stack.server.settings["privacy"]["keys_file"]))


def test_of_two_servers_with_one_name_the_later_one_delivers_and_the_earlier_says_so(rig, make_server, services):
    one = rig()
    settings = {**one.server.settings, "privacy": {"keys_file": one.server.settings["privacy"]["keys_file"]}}
    kept = {name: settings[name] for name in ("instance", "sinks", "privacy", "log")}
    kept["sinks"] = {**kept["sinks"], "postgres": {"enabled": False}}
    later = make_server(kept)
    traffic = Traffic(later)
    traffic.sender.vin = "1M8GDM9AXKP042789"
    one.down(f"another vsocd runs with the same instance name '{settings['instance']}' and has taken over")
    traffic.more()
    wait_until(lambda: later.metric("vsocd_sink_lag_events", KAFKA) < 100 and later.metric("vsocd_sink_up", KAFKA) == 1, 60, "the later one's delivery")
    told_later = traffic.end()
    later.wait_for_sinks()
    assert "another vsocd" not in later.log()
    assert later.metric("vsocd_kafka_producer_recreated_total") == 0
    # As it says: each its own name, and a start. The position is found under the old name.
    assert one.server.terminate() == 0
    one.server.settings["instance"] += "-other"
    one.server.write_config()
    one.server.start()
    one.passed()
    told = one.traffic.end()
    one.server.wait_for_sinks()
    check({**told, **told_later}, [kafka_store(services.bootstrap, one.stack.topics)], None, pseudonyms(settings["privacy"]["keys_file"]))
    check(told, [spool_store(one.server), postgres_store(one.stack.database)], None, pseudonyms(settings["privacy"]["keys_file"]), True)
