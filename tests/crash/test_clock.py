"""The wall clock is set while vsocd runs, and while it does not: no event is lost or doubled, no key or evidence goes early."""

import datetime
import json
import uuid

import pytest

from fake_clock import DAY_S, FakeClock
from harness import event, ndjson, query, wait_until
from load import Sender

AHEAD_AND_BACK = [0, DAY_S, 0, -DAY_S, 0]


@pytest.fixture
def clock(build, tmp_path):
    return FakeClock(build, tmp_path)


def check_times(database, reports, clock_steps):
    """Ids and time_received follow the clock, position does not; each row is in the partition of its day."""
    rows = query(
        database,
        "select b.position, e.event_uid, e.time_received, e.tableoid::regclass::text from vsoc.events e join vsoc.batches b"
        " using (batch_uid) order by 1, e.batch_index",
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    assert [row[0] for row in rows] == [report["position"] for report in reports for _ in range(10)]
    for (_, uid, received, partition), step in zip(rows, [step for step in clock_steps for _ in range(10)]):
        assert uuid.UUID(uid).int >> 80 == int(received.timestamp() * 1e6) // 1000
        assert abs((received - now).total_seconds() - step) < 600
        assert partition == f"vsoc.events_{received.astimezone(datetime.timezone.utc):%Y%m%d}"


@pytest.mark.parametrize("restart", [False, True], ids=["while running", "between stop and start"])
def test_clock_set_by_a_day_loses_and_doubles_nothing(make_stack, clock, restart):
    """Kafka takes no record of tomorrow: it waits until the clock is right, and then gets what came meanwhile."""
    stack = make_stack({"timeouts": {"ack": "60s"}}, environment=clock.environment)
    server, sender, batches, reports = stack.server, Sender(stack.server), [], []
    # A connection that is being made when the clock is set back waits as long: docs/kafka.md.
    wait_until(lambda: server.metric("vsocd_kafka_head_size") > 0, what="the connection for signed heads")
    for step, seconds in enumerate(AHEAD_AND_BACK):
        if restart:
            server.kill()
        clock.set(seconds)
        if restart:
            server.start()
        ack = "postgres" if seconds > 0 else "all"
        batches.append(sender.events(10))
        reports.append(sender.send(batches[-1], VSOC_Ack=ack, Idempotency_Key=f"step-{step}").json)
        assert reports[-1]["ack"] == ack
        if seconds > 0:
            wait_until(lambda: "ahead of the brokers'" in server.log(), what="Kafka's refusal being told")
        for earlier in range(step + 1):
            again = server.post(ndjson(batches[earlier]), Idempotency_Key=f"step-{earlier}").json
            assert again["duplicate"] is True and again["batch_id"] == reports[earlier]["batch_id"]
    positions = [report["position"] for report in reports]
    assert positions == sorted(set(positions))
    stack.compare(sender.told, waited=True)
    check_times(stack.database, reports, AHEAD_AND_BACK)


def test_what_came_while_the_clock_was_ahead_is_found_by_a_replay(make_stack, clock):
    """Its messages bear the time at which they could be delivered, which is before that at which it came."""
    stack = make_stack(environment=clock.environment)
    sender = Sender(stack.server)
    clock.set(DAY_S)
    sender.send(sender.events(10), VSOC_Ack="postgres")
    clock.set(0)
    stack.server.wait_for_sinks()
    report = stack.server.run("spool", "replay", stack.server.spool_dir, "-c", stack.server.config, "--sink", "kafka", "--json")
    assert json.loads(report.stdout)["sinks"][0]["there"] == 10
    stack.compare(sender.told)


def test_clock_that_is_ahead_for_a_while_removes_no_evidence(make_server, clock):
    server = make_server(
        {"evidence": {"retention": "1d"}, "spool": {"segment_bytes": "1MiB", "reserve_bytes": "1MiB"}}, environment=clock.environment
    )
    posted = 0

    def post(batches):
        nonlocal posted
        for posted in range(posted + 1, posted + 1 + batches):
            assert server.post(ndjson(event(1000 * posted + n, message="m" * 500) for n in range(100))).status == 200

    post(60)
    assert server.metric("vsocd_spool_segments") > 3
    for times, seconds in enumerate((3 * DAY_S, 400 * DAY_S), 1):
        server.kill()  # ahead from the start on, the second time
        server.start()
        post(2)  # once it has taken the second it has looked at its clock
        clock.set(seconds)
        wait_until(lambda: server.log().count("the clock was set") == times, what="the clock being noticed")
        post(1)
    assert len(server.export()) == 100 * posted
