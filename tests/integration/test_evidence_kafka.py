"""Signed heads in Kafka: all of them, in order, over an outage of the brokers and restarts; and against a server that was put back."""

import base64
import pathlib
import shutil

import pytest
import tlog
from harness import consume, event, ndjson, wait_until


@pytest.fixture
def topics(request):
    kinds = ("events", "quarantine", "health", "findings", "progress", "audit", "evidence_heads")
    return {kind: f"{kind}-{request.node.name[:40]}" for kind in kinds}


@pytest.fixture
def server(make_server, services, topics):
    return make_server({"sinks": {"kafka": {"enabled": True, "topics": topics, "properties": {"bootstrap.servers": services.bootstrap}}}})


def signed(server):
    """All heads once everything is signed, oldest first."""
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > 0 and server.metric("vsocd_evidence_unsigned_records") == 0, 60, "a head")
    return server.get("/evidence/heads").json["heads"][::-1]


def sent(services, topic, count):
    """Messages of the topic once `count` heads are there."""
    found = []

    def enough():
        found[:] = consume(services.bootstrap, topic)
        return len(found) >= count

    wait_until(enough, 90, f"{count} heads in the topic")
    return found


def check(server, messages):
    heads = signed(server)
    data = pathlib.Path(server.settings["data_dir"])
    verifier = tlog.Verifier((data / "evidence" / "head.vkey").read_text())
    assert [message.value().decode() for message in messages] == [head["note"] for head in heads]
    assert {message.key().decode() for message in messages} == {verifier.name}
    assert {message.partition() for message in messages} == {0}
    assert [verifier.open(message.value().decode()) for message in messages] == [(h["size"], base64.b64decode(h["root"])) for h in heads]


def test_topic_has_every_head_once_over_an_outage_and_restarts(server, services, topics):
    topic = topics["evidence_heads"]
    assert server.post(ndjson([event(1)])).status == 200
    check(server, sent(services, topic, len(signed(server))))
    services.act("kafka", "stop")
    try:
        assert server.post(ndjson([event(2)])).status == 200
        away = signed(server)
        server.kill()
        server.start()
        assert server.post(ndjson([event(3)])).status == 200
        assert signed(server)[-1]["size"] > away[-1]["size"]
    finally:
        services.act("kafka", "start")
    check(server, sent(services, topic, len(signed(server))))
    server.terminate()
    server.start()
    assert server.post(ndjson([event(4)])).status == 200
    check(server, sent(services, topic, len(signed(server))))


def test_server_that_was_put_back_signs_nothing(server, services, topics):
    topic = topics["evidence_heads"]
    data = pathlib.Path(server.settings["data_dir"])
    assert server.post(ndjson([event(1)])).status == 200
    sent(services, topic, len(signed(server)))
    server.terminate()
    shutil.copytree(data, server.folder / "copy")
    server.start()
    assert server.post(ndjson([event(2)])).status == 200
    sent(services, topic, len(signed(server)))
    server.terminate()
    messages = [message.value() for message in consume(services.bootstrap, topic)]
    shutil.rmtree(data)
    shutil.copytree(server.folder / "copy", data)
    server.start()
    wait_until(lambda: (data / "evidence" / "seen").exists(), 60, "the comparison with Kafka")
    server.post(ndjson([event(20)]))
    wait_until(lambda: server.metric("vsocd_evidence_head_refused") == 1, 60, "the refusal")
    assert [message.value() for message in consume(services.bootstrap, topic)] == messages


def test_heads_of_strangers_in_the_topic_do_not_count(server, services, topics):
    from confluent_kafka import Producer

    topic = topics["evidence_heads"]
    assert server.post(ndjson([event(1)])).status == 200
    before = sent(services, topic, len(signed(server)))
    server.terminate()
    origin, size, rest = before[-1].value().decode().split("\n", 2)
    producer = Producer({"bootstrap.servers": services.bootstrap})
    producer.produce(topic, key=origin, value=f"{origin}\n{int(size) + 1000}\n{rest}", partition=0)
    assert producer.flush(30) == 0
    server.start()
    assert server.post(ndjson([event(2)])).status == 200
    heads = signed(server)
    after = sent(services, topic, len(heads) + 1)
    assert [m.value().decode() for m in after if m.value().decode() in {h["note"] for h in heads}] == [h["note"] for h in heads]
    assert server.metric("vsocd_evidence_head_refused") == 0
