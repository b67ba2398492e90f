"""From a posted batch to rows in PostgreSQL and records in Kafka: each event once, with what it said."""

import json
import signal

import pytest

from event_out import VALIDATOR
from harness import consume, event, ndjson, query, topics_of, wait_until
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store
from load import Sender


@pytest.fixture
def names(tmp_path):
    """Topics of the test's own."""
    prefix = "t" + str(abs(hash(str(tmp_path))))
    return topics_of(prefix)


@pytest.fixture
def both(make_server, services, database, names):
    """A server with both sinks."""

    def make(headers="minimal", **settings):
        return make_server(
            {
                "sinks": {
                    "kafka": {"enabled": True, "headers": headers, "topics": names, "properties": {"bootstrap.servers": services.bootstrap}},
                    "postgres": {"enabled": True, "dsn": database},
                },
                **settings,
            }
        )

    return make


def test_every_event_is_in_both_sinks_and_the_spool_once(both, services, database, names):
    server = both()
    sender = Sender(server)
    for _ in range(20):
        assert sender.send(sender.events(100)).json["accepted"] == 100
    server.wait_for_sinks()
    stores = [spool_store(server), postgres_store(database), kafka_store(services.bootstrap, names)]
    check(sender.told, stores, sender.sent, pseudonyms(server.settings["privacy"]["keys_file"]), waited=True)
    assert query(database, "select count(*), sum(accepted) from vsoc.batches") == [(20, 2000)]


def test_row_and_record_say_what_the_event_said(both, services, database, names):
    server = both(headers="full")
    sent = event(
        7, bus_type="can", bus_id="can0", can_id=1808, count=4, src_ip="192.0.2.1", dst_port=443, is_moving=True, speed_kmh=52.5,
        message="Prüfung €", r155_threat=["11.3"], attributes={"attempt": 4, "deep": {"a": [1, None, True]}}, extra="kept",
    )
    report = server.post(ndjson([sent]), VSOC_Ack="all").json
    assert report["ack"] == "all"
    columns = "batch_uid, batch_index, tenant_id, source_event_id, sev_id, event_name, severity_id, count, can_id, host(src_ip), dst_port, is_moving, speed_kmh, message, r155_threat, attributes, time_event_ns, wmi, encode(vehicle_pid, 'hex'), parser_name, raw_offset, raw_size"
    values = list(query(database, f"select {columns} from vsoc.events")[0])
    assert values[0] == report["batch_id"] and values[1] == 0 and values[2] == "default" and values[3] == sent["id"]
    assert values[4:14] == [103, "SEV_UDS_SECURITY_ACCESS_FAILED", 3, 4, 1808, "192.0.2.1", 443, True, 52.5, "Prüfung €"]
    assert values[14] == ["11.3"] and values[15] == {"attempt": 4, "deep": {"a": [1, None, True]}, "extra": "kept"}
    assert values[16] == 1795342502250000000 and values[17] == "1M8" and len(values[18]) == 64
    assert values[19] == "vsoc_json"
    (message,) = consume(services.bootstrap, names["events"])
    record = json.loads(message.value())
    VALIDATOR.validate(record)
    assert record["can_id"] == 1808 and record["severity"] == "medium" and record["time_event"] == "2026-11-22T10:15:02.250000Z"
    headers = dict(message.headers())
    assert message.key().decode() == values[18] == record["vehicle_pid"]
    assert record["time_event_ns"] == "1795342502250000000" and record["message"] == "Prüfung €" and record["attributes"] == values[15]
    assert headers["ce_specversion"] == b"1.0" and headers["ce_id"].decode() == record["event_uid"]
    assert headers["content-type"] == b"application/json" and headers["tenant"] == b"default" and headers["format"] == b"vsoc_json"
    assert query(database, "select event_uid::text from vsoc.events") == [(record["event_uid"],)]


def test_quarantined_record_is_in_both_sinks_with_bytes_and_reason(both, services, database, names):
    server = both()
    assert server.post(b'{"id":"x","severity_id":"high","message":"m"}\n' + ndjson([event(1)]), VSOC_Ack="all").status == 200
    ((code, detail, raw),) = query(database, "select code, detail, raw from vsoc.quarantine")
    assert code == "wrong_type" and "severity_id" in detail and bytes(raw).startswith(b'{"id":"x"')
    (message,) = consume(services.bootstrap, names["quarantine"])
    assert json.loads(message.value())["code"] == "wrong_type"


def test_repeat_of_a_batch_reaches_the_sinks_once(both, services, database, names):
    server = both()
    body = ndjson(event(n) for n in range(10))
    server.post(body, VSOC_Ack="all")
    server.kill()
    server.start()
    assert server.post(body, VSOC_Ack="all").json["duplicate"] is True
    server.wait_for_sinks()
    assert sorted(postgres_store(database).ids()) == sorted(kafka_store(services.bootstrap, names).ids())
    assert len(postgres_store(database).ids()) == 10


def test_two_instances_that_get_the_same_batch_store_it_once_in_postgresql(make_server, database, tmp_path):
    keys = {"keys_file": str(tmp_path / "shared.keys")}  # the key of a batch is an HMAC
    servers = [make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}, "privacy": keys}) for _ in range(2)]
    body = ndjson(event(n) for n in range(10))
    for server in servers:
        assert server.post(body, VSOC_Ack="postgres", Idempotency_Key="one").json["ack"] == "postgres"
    assert len(postgres_store(database).ids()) == 10


def test_ack_says_spool_when_the_sink_does_not_answer_in_time(both, services, database):
    server = both(timeouts={"ack": "500ms"})
    server.post(ndjson([event(1)]), VSOC_Ack="all")
    services.act("kafka", "pause")
    try:
        assert server.post(ndjson([event(2)]), VSOC_Ack="kafka").json["ack"] == "spool"
        assert server.post(ndjson([event(3)]), VSOC_Ack="all").json["ack"] == "postgres"
        assert server.post(ndjson([event(4)]), VSOC_Ack="postgres").json["ack"] == "postgres"
    finally:
        services.act("kafka", "resume")
    server.wait_for_sinks(90)


def test_stop_delivers_what_is_durable_before_it_ends(both, services, database):
    server = both()
    for n in range(50):
        server.post(ndjson(event(n * 100 + k) for k in range(100)))
    assert server.terminate() == 0
    assert len(postgres_store(database).ids()) == 5000


def test_schema_that_is_missing_is_said_and_mended_by_migrate(make_server, services, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database, "allow_superuser": True}}}, start=False)
    import subprocess

    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen([str(server.program), "serve", "-c", str(server.config)], stdout=log, stderr=log)
    wait_until(server.is_ready, what="a ready server")
    assert server.post(ndjson([event(1)])).status == 200
    wait_until(lambda: "vsocd migrate" in server.log(), what="the advice in the log")
    assert server.metric("vsocd_sink_up", "postgres") == 0
    server.migrate()
    server.wait_for_sinks(90)
    assert len(postgres_store(database).ids()) == 1


def test_reload_does_not_disturb_the_sinks(both, services, database):
    server = both()
    for n in range(10):
        server.post(ndjson([event(n)]))
        server.process.send_signal(signal.SIGHUP)
    server.wait_for_sinks()
    assert len(postgres_store(database).ids()) == 10
