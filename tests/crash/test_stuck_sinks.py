"""A client library that never comes back from a call: deliveries go on where they can, and the process ends when it is told to."""

import os
import signal

import pytest

import proc
from harness import wait_until
from load import Sender


@pytest.fixture
def stuck(build, make_stack):
    """stuck(function, settings) → Stack whose server's first call of the function never returns."""

    def make(function, settings=None):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return make_stack(settings, environment={
            "LD_PRELOAD": str(build / "unit" / "stuck_kafka.so"), "STUCK_KAFKA": function, "ASAN_OPTIONS": sanitizer.lstrip(":")})

    return make


def hang(server):
    """A batch is acknowledged and the Kafka sink hangs. Returns the sender."""
    sender = Sender(server)
    assert sender.send(sender.events(10)).status == 200
    wait_until(lambda: "rd_kafka_flush is stuck" in server.log(), what="the sink's hanging")
    return sender


def start_again(server):
    server.environment = {}
    server.start()


def test_client_that_never_ends_is_left_behind(stuck):
    stack = stuck("rd_kafka_destroy_flags")
    sender = Sender(stack.server)
    assert sender.send(sender.events(10)).status == 200
    stack.compare(sender.told)
    assert stack.server.metric("vsocd_kafka_clients_left_total") == 1
    assert "a Kafka client does not stop" in stack.server.log()
    assert stack.server.terminate() == 0


def test_process_ends_without_a_sink_that_hangs(stuck):
    stack = stuck("rd_kafka_flush", {"timeouts": {"drain": "1s"}})
    sender = hang(stack.server)
    assert stack.server.terminate() == 1
    assert "sink does not stop, although it was interrupted" in stack.server.log()
    start_again(stack.server)
    stack.compare(sender.told)


def test_second_signal_ends_the_process_while_a_sink_hangs(stuck):
    stack = stuck("rd_kafka_flush")
    sender = hang(stack.server)
    stack.server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not any(name.startswith("vsoc-wk") for name in proc.thread_names(stack.server.process.pid)), what="the stop of all but the sinks")
    assert stack.server.terminate(10) == -signal.SIGTERM
    start_again(stack.server)
    stack.compare(sender.told)
