"""The Kafka sink against real brokers of every supported version, driven through the sink ABI by tests/support/kafkadrive.c."""

import contextlib
import json
import random
import subprocess
import threading
import time
import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from harness import SLOWEST, Services, await_leaders, consume, wait_until

VERSIONS = ("3.9", "4.1")


@pytest.fixture(scope="module", params=VERSIONS)
def brokers(request, tmp_path_factory):
    started = Services(tmp_path_factory.mktemp("kafka"), kafka_options=(f"--version={request.param}",))
    started.bootstrap
    yield started
    started.stop()


class Lane:
    """One lane of the sink in a process of its own."""

    def __init__(self, build, bootstrap, prefix, instance="vsocd-0", spool=1, delivery="exactly_once", **properties):
        words = [f"{name.replace('_', '.')}={value}" for name, value in properties.items()]
        self.prefix = prefix
        self.process = subprocess.Popen(
            [str(build / "unit" / "kafkadrive"), instance, str(spool), delivery, prefix, f"bootstrap.servers={bootstrap}", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        answer = self.process.stdout.readline()
        assert answer, f"kafkadrive ended with {self.process.wait(10)}"
        return json.loads(answer)

    def connect(self):
        return self.ask("connect")

    def connected(self):
        answer = self.connect()
        assert answer["result"] == "delivered", json.dumps(answer)  # all of it: the text says why
        return answer

    def load(self, first, count, events, **options):
        words = "".join(f" {key}={value}" for key, value in options.items())
        return self.ask(f"load {first} {count} {events}{words}")

    def delivered(self, *numbers, **options):
        answer = self.load(*numbers, **options)
        assert answer["result"] == "delivered", json.dumps(answer)

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def prefix():
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def make_lane(build, brokers, prefix):
    lanes = []

    def make(**options):
        lanes.append(Lane(build, brokers.bootstrap, prefix, **options))
        return lanes[-1]

    yield make
    for lane in lanes:
        lane.close()


@pytest.fixture
def admin(brokers):
    return AdminClient({"bootstrap.servers": brokers.bootstrap})


def create_topic(admin, bootstrap, name, partitions=1, **config):
    admin.create_topics([NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()})])[
        name
    ].result(20)
    await_leaders(bootstrap, name)


def ids(brokers, topic):
    return [dict(message.headers())["ce_id"] for message in consume(brokers.bootstrap, topic, 30)]


def assert_each_once(brokers, topic, count):
    """The brokers answer a commit before every partition's readers can see it, so this may need a moment."""
    wait_until(lambda: len(ids(brokers, topic)) >= count, 30, f"{count} messages in {topic}")
    found = ids(brokers, topic)
    assert len(found) == len(set(found)) == count


def test_missing_topics_are_created_fit_for_their_use(make_lane, admin, prefix):
    make_lane().connected()
    topics = admin.list_topics(timeout=10).topics
    assert len(topics[f"{prefix}.events"].partitions) == 6
    assert len(topics[f"{prefix}.progress"].partitions) == 1
    assert f"{prefix}.quarantine" in topics and f"{prefix}.health" in topics
    resource = ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}.progress")
    assert admin.describe_configs([resource])[resource].result(10)["cleanup.policy"].value == "compact"


def test_load_and_position_are_committed_together(make_lane, brokers, prefix):
    lane = make_lane()
    assert lane.connected()["known"] is False
    lane.delivered(1, 10, 100, rejects=2, health=3)
    lane.delivered(11, 5, 10)
    again = lane.connected()
    assert again["known"] is True and again["position"] == 15
    assert_each_once(brokers, f"{prefix}.events", 1050)
    assert_each_once(brokers, f"{prefix}.quarantine", 20)
    assert_each_once(brokers, f"{prefix}.health", 10)
    values = [json.loads(message.value()) for message in consume(brokers.bootstrap, f"{prefix}.progress")]
    assert [value.get("position") for value in values] == [None, 10, 15]  # first the claim of the name


def test_position_belongs_to_the_spool_under_whatever_name(make_lane, brokers, prefix):
    """A killed process that comes back with another name doubles nothing, however old its local cursor is."""
    lane = make_lane()
    lane.connected()
    lane.delivered(1, 1, 10)
    lane.close()
    assert make_lane(spool=2).connected()["known"] is False
    renamed = make_lane(instance="another")
    assert renamed.connected()["position"] == 1
    renamed.delivered(2, 1, 10)
    renamed.close()
    assert make_lane().connected()["position"] == 2
    assert_each_once(brokers, f"{prefix}.events", 20)


def test_position_is_found_among_many_records_of_others(make_lane, brokers, prefix):
    lane = make_lane()
    lane.connected()
    lane.delivered(1, 7, 1)
    producer = Producer({"bootstrap.servers": brokers.bootstrap})
    for number in range(20000):
        while True:
            try:
                producer.produce(f"{prefix}.progress", b"{}", f"other-{number % 7}", partition=0)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(30)
    assert make_lane().connected()["position"] == 7


def test_position_waits_for_open_transactions_of_others(make_lane, brokers, prefix):
    """What is committed behind an open transaction is not readable yet: the old position would repeat a load."""
    lane = make_lane()
    lane.connected()
    lane.delivered(1, 1, 10)
    other = Producer({"bootstrap.servers": brokers.bootstrap, "transactional.id": f"other-{prefix}", "transaction.timeout.ms": 60000})
    other.init_transactions(20)
    other.begin_transaction()
    other.produce(f"{prefix}.progress", b"{}", b"other", partition=0)
    other.flush(20)
    lane.delivered(2, 3, 10)
    lane.kill()
    successor = make_lane()
    answer = successor.connect()
    assert answer["result"] == "later" and "transaction of another instance is open" in answer["text"], json.dumps(answer)
    other.abort_transaction(20)
    assert successor.connected()["position"] == 4


def test_killed_sink_leaves_nothing_half_done(make_lane, brokers, prefix):
    """Loads until it is killed, ten times at any moment; each successor goes on where the brokers say."""
    goal, position, chance = 120, 0, random.Random(1)
    for kill in range(11):
        lane = make_lane()
        answer = lane.connect()
        while answer["result"] != "delivered":
            answer = lane.connect()
        assert not answer["known"] or answer["position"] >= position
        position = answer["position"]
        if kill < 10 and position < goal:
            timer = threading.Timer(0.05 + chance.random() * 0.4, lane.kill)
            timer.start()
            with contextlib.suppress(AssertionError, BrokenPipeError, json.JSONDecodeError):
                for first in range(position + 1, goal + 1):
                    lane.delivered(first, 1, 200, vehicles=20)
            timer.join()
            lane.kill()
    for first in range(position + 1, goal + 1):
        lane.delivered(first, 1, 200, vehicles=20)
    assert_each_once(brokers, f"{prefix}.events", goal * 200)


def test_brokers_that_pause_only_delay(make_lane, brokers, prefix):
    lane = make_lane()
    lane.connected()
    lane.delivered(1, 1, 10)
    brokers.act("kafka", "pause")
    try:
        lane.tell("load 2 10 100")
        time.sleep(3)
    finally:
        brokers.act("kafka", "resume")
    assert json.loads(lane.process.stdout.readline())["result"] == "delivered"
    assert_each_once(brokers, f"{prefix}.events", 1010)


def test_brokers_that_die_lose_and_repeat_nothing(make_lane, brokers, prefix):
    lane = make_lane()
    lane.connected()
    lane.tell("load 1 100 200 repeat=6")
    time.sleep(0.7)
    brokers.act("kafka", "stop", "--kill")
    time.sleep(2)
    brokers.act("kafka", "start")
    answer = json.loads(lane.process.stdout.readline())

    def all_delivered():
        """The rest is loaded again, as often as slow brokers want it later."""
        nonlocal answer
        if answer["result"] == "delivered":
            return True
        assert answer["result"] == "later", json.dumps(answer)
        wait_until(lambda: lane.connect()["result"] == "delivered", 90, "the sink's recovery")
        position = lane.connected()["position"]
        assert position % 100 == 0
        if position < 600:
            answer = lane.load(position + 1, 100, 200, repeat=(600 - position) // 100)
        return position == 600

    wait_until(all_delivered, 120, "all loads being delivered")
    assert_each_once(brokers, f"{prefix}.events", 120000)


def test_second_process_with_the_same_name_wins_and_the_first_gives_up(make_lane):
    first = make_lane()
    first.connected()
    first.delivered(1, 1, 10)
    second = make_lane()
    assert second.connected()["position"] == 1
    answer = first.load(2, 1, 10)
    assert answer["result"] == "later" and "took over" in answer["text"], json.dumps(answer)
    for _ in range(2):
        answer = first.connect()
        assert answer["result"] == "broken" and "another vsocd runs with the same instance name" in answer["text"], json.dumps(answer)
    second.delivered(2, 1, 10)
    third = make_lane()
    assert third.connected()["position"] == 2
    third.delivered(3, 1, 10)


def test_progress_topic_that_is_not_compacted_is_refused(make_lane, brokers, admin, prefix):
    create_topic(admin, brokers.bootstrap, f"{prefix}.progress", cleanup_policy="delete")
    answer = make_lane().connect()
    assert answer["result"] == "broken", json.dumps(answer)
    assert f"topic {prefix}.progress (sinks.kafka.topics.progress) has cleanup.policy=delete" in answer["text"]
    assert "--add-config cleanup.policy=compact" in answer["text"]


def test_topic_that_takes_small_messages_only_gets_small_batches(make_lane, brokers, admin, prefix):
    create_topic(admin, brokers.bootstrap, f"{prefix}.events", max_message_bytes="20000")
    lane = make_lane(compression_type="none")
    lane.connected()
    lane.delivered(1, 10, 100)
    answer = lane.load(11, 2, 10, large=7, large_bytes=30000)
    assert (answer["result"], answer["marked"]) == ("delivered", 1), answer
    assert lane.connected()["position"] == 12
    assert_each_once(brokers, f"{prefix}.events", 1019)
    (message,) = consume(brokers.bootstrap, f"{prefix}.quarantine")
    refused = json.loads(message.value())
    assert refused["index"] == 7 and refused["code"] == "too_large" and "over the 20000 of max.message.bytes" in refused["detail"]


def test_any_number_of_events_that_are_too_large_is_one_pass(make_lane, brokers, prefix):
    """Each refusal once cost a new producer, half a second, in which nobody's events moved."""
    lane = make_lane(message_max_bytes="100000")
    lane.connected()
    lane.delivered(1, 1, 10)
    answer = lane.load(2, 5, 60, large=10, large_events=40, large_bytes=200000)
    assert (answer["result"], answer["marked"]) == ("delivered", 200), answer
    assert lane.ask("recreated") == {"recreated": 0}
    assert lane.connected()["position"] == 6
    assert_each_once(brokers, f"{prefix}.events", 110)
    assert_each_once(brokers, f"{prefix}.quarantine", 200)


def test_sizes_are_those_that_brokers_count(make_lane, brokers, admin, prefix):
    """Byte by byte around the topic's limit: the broker takes all that is handed over, and nothing that it would take is held back."""
    limit = 3000
    create_topic(admin, brokers.bootstrap, f"{prefix}.events", max_message_bytes=str(limit))
    lane = make_lane(compression_type="none")
    lane.connected()
    largest = None
    for position, size in enumerate(range(800, 1700), 1):
        answer = lane.load(position, 1, 1, large=0, large_bytes=size)
        assert answer["result"] == "delivered", json.dumps(answer)
        if answer["marked"]:
            break
        largest = size
    assert largest, "the limit is within"
    (refused,) = (json.loads(m.value()) for m in consume(brokers.bootstrap, f"{prefix}.quarantine"))
    assert f"message of {limit + 1} bytes" in refused["detail"], refused


def test_limit_that_is_lowered_while_running_holds_back_only_what_is_over_it(make_lane, brokers, admin, prefix):
    """The refusal makes the lane read the limits once more; then events of every size under it still go."""
    create_topic(admin, brokers.bootstrap, f"{prefix}.events", max_message_bytes="50000")
    lane = make_lane(compression_type="none")
    lane.connected()
    lane.delivered(1, 2, 10, large=5, large_bytes=20000)
    resource = ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}.events", set_config={"max.message.bytes": "2000"})
    admin.alter_configs([resource])[resource].result(10)
    described = ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}.events")
    wait_until(lambda: admin.describe_configs([described])[described].result(10)["max.message.bytes"].value == "2000", 10, "the new limit")
    assert lane.load(3, 2, 10, large=5, large_bytes=20000)["result"] == "later"
    assert lane.connected()["position"] == 2
    answer = lane.load(3, 2, 10, large=5, large_bytes=20000)
    assert (answer["result"], answer["marked"]) == ("delivered", 1), answer
    (refused,) = (json.loads(m.value()) for m in consume(brokers.bootstrap, f"{prefix}.quarantine"))
    assert refused["index"] == 5 and "over the 2000 of max.message.bytes" in refused["detail"]
    assert_each_once(brokers, f"{prefix}.events", 39)  # those of about 1,240 bytes too


def test_at_least_once_needs_no_transactions(make_lane, brokers, prefix):
    lane = make_lane(delivery="at_least_once")
    lane.connected()
    lane.delivered(1, 10, 100)
    assert lane.connected()["position"] == 10
    assert_each_once(brokers, f"{prefix}.events", 1000)


def test_transaction_timeout_over_the_brokers_limit_says_what_to_set(make_lane):
    answer = make_lane(transaction_timeout_ms="900001").connect()
    assert answer["result"] == "broken" and "transaction.max.timeout.ms" in answer["text"], json.dumps(answer)


def test_interrupt_ends_a_wait_for_paused_brokers(make_lane, brokers):
    lane = make_lane(transaction_timeout_ms="600000")
    lane.connected()
    brokers.act("kafka", "pause")
    try:
        lane.ask("interrupt 0.5")
        start = time.monotonic()
        assert lane.load(1, 1, 10)["result"] == "later"
        assert time.monotonic() - start < 30 * SLOWEST  # a hang: without the interrupt it waits for the transaction's 600 s
    finally:
        brokers.act("kafka", "resume")
