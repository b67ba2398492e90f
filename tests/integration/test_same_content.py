"""A key means its content, however that is packed; a body whose coding no header names is sent back, not put away."""

import gzip
import itertools
import pathlib
import subprocess
import zlib

import pytest

from harness import event, ndjson, query, wait_until

EVENTS = ndjson(event(n) for n in range(20))


def zstd(body, level=3):
    return subprocess.run(["zstd", f"-{level}", "-c"], input=body, stdout=subprocess.PIPE, check=True).stdout


PACKED = {
    "the same gzip": ("gzip", gzip.compress(EVENTS, mtime=1)),
    "gzip of another time": ("gzip", gzip.compress(EVENTS, mtime=2)),
    "gzip of another level": ("gzip", gzip.compress(EVENTS, 1, mtime=1)),
    "gzip of two members": ("gzip", gzip.compress(EVENTS[:100]) + gzip.compress(EVENTS[100:])),
    "deflate": ("deflate", zlib.compress(EVENTS)),
    "zstd": ("zstd", zstd(EVENTS)),
    "identity": ("identity", EVENTS),
}


@pytest.mark.parametrize("restart", [False, True])
def test_same_key_and_content_is_the_repeat_however_it_is_packed(server, restart):
    def post(name):
        coding, body = PACKED[name]
        return server.post(body, Idempotency_Key="batch 1", Content_Encoding=coding)

    first = post("the same gzip")
    assert first.status == 200 and first.json["accepted"] == 20
    if restart:
        server.kill()
        server.start()
    for name in PACKED:
        again = post(name)
        assert (again.status, again.json) == (200, {**first.json, "duplicate": True}), name
    other = server.post(gzip.compress(EVENTS + b"\n"), Idempotency_Key="batch 1", Content_Encoding="gzip")
    assert (other.status, other.json["code"]) == (409, "key_reused") and "Retry-After" not in other.headers
    assert len(server.export()) == 20


def test_repeat_of_a_batch_whose_segment_was_removed_gets_the_first_report(make_server, tmp_path):
    """dedup.window outlives the segments, also over restarts, orderly or not."""
    server = make_server({
        "spool": {"segment_bytes": "1MiB", "max_bytes": "6MiB", "reserve_bytes": "0"}, "evidence": {"retention": "0s", "max_bytes": "0"},
        "sinks": {"file": {"enabled": True, "path": str(tmp_path / "events.ndjson")}},
    })
    bad = EVENTS + b'{"vin": 5}\n'

    def post(level, key="batch 1"):
        return server.post(gzip.compress(bad, level, mtime=level), Idempotency_Key=key, Content_Encoding="gzip", VSOC_Ack="all")

    first = post(1)
    assert first.status == 200 and first.json["errors"] and first.json["accepted"] == 20

    numbers = itertools.count()

    def removed():
        server.post(ndjson([event(next(numbers))]) + b" " * 400_000 + b"\n", VSOC_Ack="all")
        return not (server.spool_dir / "00000000000000000001.seg").exists()

    wait_until(removed, 60, "the first segment's end")
    for again in ("at once", "after a stop", "after a kill"):
        if again == "after a stop":
            server.terminate()
            server.start()
        if again == "after a kill":
            server.kill()
            server.start()
        for level in (1, 9):
            reply = post(level)
            assert (reply.status, reply.json) == (200, {**first.json, "duplicate": True}), again
        other = server.post(EVENTS, Idempotency_Key="batch 1")
        assert (other.status, other.json["code"]) == (409, "key_reused"), again
    assert list(server.spool_dir.glob("*.keys"))


@pytest.mark.parametrize("restart", [False, True])
def test_small_request_with_the_key_of_a_large_batch_reads_little(server, restart):
    """Else one sender of small requests would keep the disk busy, and everybody's repeats waiting."""
    large = ndjson([event(i) for i in range(4000)]) + b'{"vin": 5}\n'
    first = server.post(large, Idempotency_Key="large")
    assert first.status == 200 and first.json["errors"] and len(large) > 500_000
    if restart:
        server.terminate()
        server.start()

    def bytes_read():
        return int(pathlib.Path(f"/proc/{server.process.pid}/io").read_text().split("rchar: ")[1].split()[0])

    before = bytes_read()
    other = server.post(EVENTS, Idempotency_Key="large")
    assert (other.status, other.json["code"]) == (409, "key_reused")
    assert bytes_read() - before < 200_000
    again = server.post(large, Idempotency_Key="large")
    assert (again.status, again.json) == (200, {**first.json, "duplicate": True})


def test_damaged_repeat_is_damaged_not_a_conflict(server):
    packed = gzip.compress(EVENTS, mtime=1)
    assert server.post(packed, Idempotency_Key="k", Content_Encoding="gzip").status == 200
    reply = server.post(gzip.compress(EVENTS, mtime=2)[:-3], Idempotency_Key="k", Content_Encoding="gzip")
    assert (reply.status, reply.json["code"]) == (400, "truncated_body")
    assert server.post(packed, Idempotency_Key="k", Content_Encoding="gzip").json["duplicate"] is True


def test_other_dialects_say_that_a_key_is_taken_for_good(server):
    otlp = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"%s"}}]}]}]}'
    hec = '{"event":"%s"}'
    for path, body in (("/v1/logs", otlp), ("/services/collector/event", hec)):
        assert server.post(body % "a", "application/json", path, Idempotency_Key=path).status == 200
        reply = server.post(body % "b", "application/json", path, Idempotency_Key=path)
        assert reply.status == 400 and "Retry-After" not in reply.headers and b"Idempotency-Key" in reply.body, reply


def test_two_instances_load_one_content_once(make_server, database, tmp_path):
    keys = str(tmp_path / "vin.keys")
    settings = {"sinks": {"postgres": {"enabled": True, "dsn": database}}, "privacy": {"keys_file": keys}}
    servers = [make_server(settings) for _ in range(2)]
    for number, one in enumerate(servers):
        reply = one.post(gzip.compress(EVENTS, mtime=number), Idempotency_Key="shared", Content_Encoding="gzip")
        assert reply.status == 200 and reply.json["accepted"] == 20
        one.wait_for_sinks()
    assert query(database, "select count(*) from vsoc.events") == [(20,)]


UNDECLARED = {"gzip": gzip.compress(EVENTS), "gzip with a name": b"\x1f\x8b\x08\x08" + bytes(6) + b"a\0" + gzip.compress(EVENTS)[10:], "zstd": zstd(EVENTS)}
ROUTES = [
    ("/v1/events", "application/x-ndjson"),
    ("/v1/events", "application/json"),
    ("/v1/events", "text/plain"),
    ("/v1/events", "application/octet-stream"),
    ("/v1/events", "application/vnd.autosar.idsm"),
    ("/v1/events", "application/vnd.covesa.dlt"),
    ("/v1/events", "application/cloudevents+json"),
    *[(f"/v1/events/{name}", "text/plain") for name in ("syslog", "cef", "leef", "candump", "auditd", "eve", "qsev", "dlt", "vsoc_json")],
    ("/v1/logs", "application/json"),
    ("/v1/logs", "application/x-protobuf"),
    ("/services/collector/event", "application/json"),
    ("/services/collector/raw", "text/plain"),
]


@pytest.mark.parametrize("packed", UNDECLARED)
def test_undeclared_coding_is_sent_back_and_named(server, packed):
    """Quarantined it would be an answer that says: never send that again."""
    coding = packed.split()[0]
    for path, kind in ROUTES:
        reply = server.post(UNDECLARED[packed], kind, path)
        assert reply.status == 415 and reply.headers["Accept-Encoding"] == "gzip, deflate, zstd, identity", (path, kind, reply)
        assert f"Content-Encoding: {coding}".encode() in reply.body, (path, kind, reply)
    assert server.export() == []
    assert server.metric("vsocd_refusals_total", 'reason="undeclared_encoding"') == len(ROUTES)
    if packed != "gzip with a name":
        assert server.post(UNDECLARED[packed], Content_Encoding=coding).json["accepted"] == 20


def test_body_that_is_packed_twice_is_sent_back(server):
    for twice, coding in ((gzip.compress(gzip.compress(EVENTS)), "gzip"), (zstd(gzip.compress(EVENTS)), "zstd"), (gzip.compress(zstd(EVENTS)), "gzip")):
        reply = server.post(twice, Content_Encoding=coding)
        assert (reply.status, reply.json["code"]) == (415, "undeclared_encoding") and "compress it once" in reply.json["detail"], reply


def test_bytes_that_only_look_like_a_coding_are_read(server):
    """A QSEv may begin as gzip does; what reads as events is events."""
    for body in (b"\x1f\x8b", b"\x1f\x8b\x09" + b"x" * 50, b"\x28\xb5\x2f", b"a\x1f\x8b\x08\x00"):
        assert server.post(body, "text/plain", "/v1/events/syslog").status in (200, 422)
    assert server.post(b"\x1f\x8b\x08\xff" + b"x" * 50, "text/plain").status == 422  # reserved flags: no gzip
