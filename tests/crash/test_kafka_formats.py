"""Each format and each choice of headers over a crash in the middle of a transaction: every event is once in the topic for a reader of committed
records. The crash points themselves, under load, are in test_points.py."""

import signal

import pytest

from harness import consume, ndjson, wait_until
from kafka_formats import FORMATS, HEADERS, by_id

BATCHES, EVENTS = 8, 25


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("headers", HEADERS)
def test_every_event_is_there_once_after_a_crash_before_and_in_the_commit(build, make_stack, form, headers):
    stack = make_stack({"sinks": {"kafka": {"format": form, "headers": headers}}}, postgres=False, start=False)
    server = stack.server
    program, server.program = server.program, build / "unit" / "vsocd_faults"
    sent = 0
    for fault in ("kafka_flushed", "kafka_commit_sent"):
        server.environment = {"VSOCD_FAULT": fault}
        server.start(wait=False)
        wait_until(server.is_ready, 30, "ready")
        for number in range(BATCHES):
            try:
                answer = server.post(ndjson({"id": f"{fault}-{number}-{i}", "event_name": "n"} for i in range(EVENTS)))
            except OSError:  # it has died in between
                break
            assert answer.status == 200
            sent += EVENTS
        assert server.ended() == -signal.SIGKILL
    server.program, server.environment = program, {}
    server.start()
    server.wait_for_sinks()
    known = [event["event_uid"] for event in server.export()]
    assert len(known) >= sent > 0 and len(set(known)) == len(known)
    assert by_id(consume(stack.services.bootstrap, stack.topics["events"]), form).keys() == set(known)
