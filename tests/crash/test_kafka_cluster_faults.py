"""Faults of a Kafka of three brokers under a server with both sinks and traffic: leaders and the coordinator go, replicas are missing, a broker is
lost for good. Nothing is lost, doubled or reordered.

VSOCD_ALL_VERSIONS=1 runs all of it on every supported version of Kafka.
"""

import os
import shutil

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from harness import wait_until
from kafka_rig import KafkaServices, Rig

VERSIONS = ("3.9", "4.1") if os.environ.get("VSOCD_ALL_VERSIONS") else ("4.1",)
BROKERS = (1, 2, 3)


@pytest.fixture(scope="module", params=VERSIONS)
def services(request, services, tmp_path_factory):
    started = KafkaServices(tmp_path_factory.mktemp("cluster"), services, f"--version={request.param}", "--brokers=3")
    started.bootstrap
    yield started
    started.stop()


@pytest.fixture
def admin(services):
    services.act("kafka", "start")
    return AdminClient({"bootstrap.servers": services.bootstrap})


@pytest.fixture
def one(admin, make_stack):
    rig = Rig(make_stack({"sinks": {"kafka": {"properties": {"transaction.timeout.ms": "10000"}}}}))
    rig.traffic.more()
    rig.back()
    rig.log()
    yield rig
    rig.traffic.ended.set()


def leaders(admin, topic):
    """{partition: broker}"""
    return {number: one.leader for number, one in admin.list_topics(topic, timeout=20).topics[topic].partitions.items()}


def coordinator(admin, instance):
    """The broker that leads the transactions of an instance: that of a partition by Java's hash of the id."""
    code = 0
    for letter in f"vsocd-{instance}":
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    found = leaders(admin, "__transaction_state")
    return found[min(code, 2**32 - code) % len(found)]


def replicated(admin, topics):
    """All replicas are in step."""
    found = admin.list_topics(timeout=20).topics
    return all(len(p.isrs) == len(BROKERS) for name in topics for p in found[name].partitions.values())


def stop_and_start(services, admin, one, broker, *how):
    services.act("kafka", "stop", f"--broker={broker}", *how)
    one.others_go_on()
    one.back()
    services.act("kafka", "start", f"--broker={broker}")
    wait_until(lambda: replicated(admin, [one.stack.topics["events"], "__transaction_state"]), 90, "replicas in step")


def test_coordinator_of_the_transactions_is_killed(one, services, admin):
    stop_and_start(services, admin, one, coordinator(admin, one.server.settings["instance"]), "--kill")
    one.passed()
    one.end()


def test_leaders_are_killed_in_turn(one, services, admin):
    killed = set()
    while killed != set(BROKERS):
        broker = next(b for b in leaders(admin, one.stack.topics["events"]).values() if b not in killed)
        stop_and_start(services, admin, one, broker, "--kill")
        killed.add(broker)
    one.passed()
    one.end()


def test_rolling_restart_of_all_brokers(one, services, admin):
    for broker in BROKERS:
        stop_and_start(services, admin, one, broker)
    one.passed()
    one.end()


def test_replicas_that_are_missing_are_waited_for(one, services, admin):
    topic = ConfigResource(ConfigResource.Type.TOPIC, one.stack.topics["events"], {"min.insync.replicas": "3"})
    admin.alter_configs([topic])[topic].result(20)
    services.act("kafka", "stop", "--broker=3")
    one.down("the brokers did not accept all messages of a load", 90)
    services.act("kafka", "start", "--broker=3")
    one.passed()
    one.end()


def test_broker_that_is_lost_for_good_is_done_without_and_replaced(one, services, admin):
    services.act("kafka", "stop", "--broker=2", "--kill")
    folder = services.folder_of_kafka / "broker-2"
    shutil.rmtree(folder / "data")
    (folder / "state" / "created").unlink()
    one.others_go_on()
    one.back()
    services.act("kafka", "start", "--broker=2")  # a new one, empty, of the same number
    wait_until(lambda: replicated(admin, [one.stack.topics["events"]]), 90, "replicas in step")
    one.passed()
    one.end()
