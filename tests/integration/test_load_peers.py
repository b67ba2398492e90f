"""Peers of the load tests without any peer: configurations, events in each protocol, counters, and the sender."""

import gzip
import http.server
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import types

import pytest
import yaml
from harness import ROOT, free_port

sys.path.insert(0, str(ROOT / "load-tests"))

from bench import bodies, far_side, peer, registry, rounds  # noqa: E402
from bench.peers import benthos, collector, fluent_bit, rsyslog, syslog_ng, vector  # noqa: E402
from rig import RigError  # noqa: E402

EVENTS = [
    {"id": f"e{i}", "vin": "KNAGH4A03V5000000", "time": "2026-11-30T02:06:14.737Z", "sensor_kind": "diag", "severity_id": 4, "speed_kmh": 83.5,
     "is_moving": True, "message": "tester authenticated"}
    for i in range(3)
]
LINES = [json.dumps(event, separators=(",", ":")).encode() for event in EVENTS]


# What is configured


class FakeServices:
    """Stands for PostgreSQL and Kafka, which rendering a configuration does not need."""

    bootstrap, dsn = "127.0.0.1:9", "host=/run/a folder port=5432 dbname=vsoc user=postgres"

    def fresh(self):
        return "round-1"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(far_side.Topic, "__init__", lambda self, bootstrap, name: setattr(self, "name", name))
    monkeypatch.setattr(far_side.Table, "_sql", lambda self, statement: "")
    monkeypatch.setattr(peer.Peer, "path", lambda self: f"/usr/sbin/{self.program}")
    services = FakeServices()
    services.dsn = "host=/run/folder port=5432 dbname=vsoc user=postgres"
    return types.SimpleNamespace(load={"events": 200, "batch": 100, "connections": 32}, services=services)


def test_every_peer_says_what_it_promises_and_how_it_is_set():
    found = registry.peers()
    assert {one.package for one in found} == {"rsyslog", "syslog-ng", "collector", "victorialogs", "benthos", "fluent-bit", "vector"}
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert one.durability and one.settings and one.scenarios and one.form in bodies.FORMATS, one.name


def test_every_configuration_is_rendered_whole(run, tmp_path):
    for one in registry.peers():
        folder = tmp_path / one.name
        folder.mkdir()
        one.folder = folder
        command = one.command(4711, folder, run)
        files = [path for path in folder.iterdir() if path.is_file()]
        text = " ".join(command) + "".join(path.read_text() for path in files)
        assert "4711" in text, one.name
        assert not re.search(r"@[a-z_]+@", text), one.name
        for path in files:
            if path.suffix == ".yaml":
                assert yaml.safe_load(path.read_text()), one.name
        for side in one.far:
            isinstance(side, far_side.LineSink) and side.close()


def test_a_template_and_its_values_must_match():
    with pytest.raises(RigError, match="no place for colour"):
        peer.render("vector/vector.yaml", {"colour": "red"})
    with pytest.raises(RigError, match="no value for"):
        peer.render("vector/vector.yaml", {"port": 1})


def test_a_synced_rsyslog_queue_syncs_and_the_other_does_not(run, tmp_path):
    texts = []
    for one in (rsyslog.DiskSynced(), rsyslog.Disk()):
        one.folder = tmp_path
        one.command(1, tmp_path, run)
        texts.append((tmp_path / "rsyslog.conf").read_text())
    assert 'queue.syncQueueFiles="on"' in texts[0] and "syncQueueFiles" not in texts[1]


def test_the_collector_queue_is_on_disk_and_synced(run, tmp_path):
    one = collector.Queue()
    one.command(1, tmp_path, run)
    config = yaml.safe_load((tmp_path / "collector.yaml").read_text())
    assert config["extensions"]["file_storage"]["fsync"] is True
    assert config["exporters"]["debug"]["sending_queue"]["storage"] == "file_storage"
    assert config["service"]["extensions"] == ["file_storage"]


def test_a_peer_that_is_not_here_is_a_sentence(monkeypatch):
    monkeypatch.setattr(peer.shutil, "which", lambda name: None)
    monkeypatch.setattr(peer.Peer, "installed", lambda self: None)
    assert "load-tests/peers/install rsyslog" in rsyslog.Memory().about()["unavailable"]
    assert "on PATH" in fluent_bit.Memory().about()["unavailable"]


def test_install_refuses_an_unknown_name_and_says_what_cannot_be_got():
    command = [ROOT / "load-tests/peers/install"]
    done = subprocess.run([*command, "nosuch"], capture_output=True, text=True)
    assert done.returncode == 64 and "unknown: nosuch" in done.stderr
    done = subprocess.run([*command, "fluent-bit", "vector"], capture_output=True, text=True)
    assert done.returncode == 69 and done.stdout.count("not available: ") == 2


# What is counted


def test_counters_of_the_peers_are_read():
    page = 'otelcol_exporter_sent_log_records_total{exporter="debug"} 1200\notelcol_exporter_sent_log_records_total{exporter="kafka"} 3e+02\nother 7\n'
    assert collector.total(page, "otelcol_exporter_sent_log_records\\w*") == 1500
    stats = "SourceName;SourceId;SourceInstance;State;Type;Number\ndst.file;d_events#0;/dev/null;a;written;500\nsrc.syslog;s;tcp;a;written;9\ndst.file;d;x;a;processed;7\n"
    assert syslog_ng.written(stats) == 500
    assert benthos.sent('{"output_sent{label=\\"\\",path=\\"root.output\\"}": 300, "output_batch_sent{label=\\"\\"}": 3}') == 300
    assert fluent_bit.delivered('{"input": {"http.0": {"records": 9}}, "output": {"null.0": {"proc_records": 40}, "kafka.0": {"proc_records": 2}}}') == 42
    assert vector.sent('vector_component_sent_events_total{component_id="end",component_kind="sink"} 12 1\nvector_component_sent_events_total{component_id="own"} 9 1\n') == 12


def test_the_last_statistics_of_rsyslog_count_and_a_line_in_the_making_does_not(tmp_path):
    one = rsyslog.Memory()
    one.folder = tmp_path
    assert one.count() == 0
    lines = [f'Mon Nov 30 02:07:49 2026: {{ "name": "end", "origin": "core.action", "processed": {n} }}\n' for n in (100, 250)]
    (tmp_path / "stats.json").write_text("".join(lines) + 'Mon Nov 30 02:07:50 2026: { "name": "end", "proc')
    assert one.count() == 250


def test_a_very_slow_peer_gets_fewer_events():
    whole = rounds.Run(pathlib.Path("."), {"events": 1000000, "batch": 100})
    assert whole.for_contender(rsyslog.DiskSynced()).load["events"] == rsyslog.DiskSynced.events_most
    assert whole.for_contender(rsyslog.Memory()).load["events"] == 1000000


# What is sent


def fields(message):
    """(number, wire type, value) of a protobuf message."""
    at, found = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            value = varint()
        elif tag & 7 == 1:
            value, at = message[at : at + 8], at + 8
        else:
            size = varint()
            value, at = message[at : at + size], at + size
        found.append((tag >> 3, tag & 7, value))
    return found


def test_otlp_has_every_member_of_every_event():
    ((_, _, logs),) = fields(bodies.otlp(LINES))
    (_, _, resource), (_, _, scope) = fields(logs)
    assert b"KNAGH4A03V5000000" in resource
    records = [value for number, _, value in fields(scope) if number == 2]
    assert len(records) == 3
    for record, event in zip(records, EVENTS):
        parts = fields(record)
        assert struct.unpack("<Q", parts[0][2])[0] == 1796004374737000000
        assert parts[1] == (2, 0, 17)  # severity 4
        assert b"tester authenticated" in parts[2][2]
        names = {fields(value)[0][2].decode() for number, _, value in parts if number == 6}
        assert names == set(event) - {"vin", "time", "message"}


def test_otlp_keeps_types():
    assert fields(bodies.any_value(True)) == [(2, 0, 1)]
    assert fields(bodies.any_value(-1)) == [(3, 0, (1 << 64) - 1)]
    assert fields(bodies.any_value(1.5)) == [(4, 1, struct.pack("<d", 1.5))]
    assert fields(bodies.any_value("a")) == [(1, 2, b"a")]


def test_syslog_frames_have_the_length_that_they_say():
    stream, seen = bodies.syslog(LINES), []
    while stream:
        size, _, rest = stream.partition(b" ")
        seen.append(rest[: int(size)])
        stream = rest[int(size) :]
    assert len(seen) == 3
    for message, line in zip(seen, LINES):
        assert message.startswith(b"<134>1 2026-11-30T02:06:14.737Z KNAGH4A03V5000000 vsoc - diag - ") and message.endswith(line)


def written_bodies(folder, form, target="", coded=False, count=2):
    path = folder / "bodies"
    bodies.write(path, [LINES] * count, form, target, coded)
    return path


def test_a_request_is_whole(tmp_path):
    path = written_bodies(tmp_path, "ndjson", "/a?b=c", coded=True, count=1)
    size, events = struct.unpack("<II", path.read_bytes()[:8])
    head, _, body = path.read_bytes()[8:].partition(b"\r\n\r\n")
    assert events == 3 and size == len(head) + 4 + len(body)
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n") and b"Content-Encoding: gzip" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert gzip.decompress(body).splitlines() == LINES


def send(build, path, port, events, *words):
    command = [build / "peer_send", "--port", str(port), "--bodies", path, "--events", str(events), "--connections", "4", "--seconds", "20", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nok\r\n0\r\n\r\n")
            return
        if self.server.status != 204:
            self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"" if self.server.status == 204 else b"ok")

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("status", "chunked"), [(200, False), (204, False), (200, True)])
def test_the_sender_counts_what_is_acknowledged(build, tmp_path, status, chunked):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.seen, server.status, server.chunked = [], status, chunked
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = send(build, written_bodies(tmp_path, "ndjson", "/", coded=True), server.server_port, 30, "--http")
        server.shutdown()
    said = json.loads(done.stdout)
    assert done.returncode == 0 and said["events"] == 30 and said["requests"] == 10 and said["latency_ms"]["p50"] > 0
    assert len(server.seen) == 10 and all(gzip.decompress(body).splitlines() == LINES for body in server.seen)


def test_the_sender_fails_when_a_peer_refuses(build, tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.seen, server.status, server.chunked = [], 503, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = send(build, written_bodies(tmp_path, "ndjson", "/"), server.server_port, 6, "--http")
        server.shutdown()
    assert done.returncode == 1 and "answered 503" in done.stderr and json.loads(done.stdout)["refused"] == 6


def test_a_stream_arrives_whole(build, tmp_path):
    sink = far_side.LineSink()
    path = tmp_path / "bodies"
    bodies.write(path, [LINES] * 5, "syslog")
    text = path.read_bytes()
    done = send(build, path, sink.port, 3000)
    assert done.returncode == 0 and json.loads(done.stdout)["events"] == 3000
    assert json.loads(done.stdout)["bytes"] == (len(text) - 5 * 8) * 200
    sink.close()


def test_lines_are_counted_by_the_sink():
    sink = far_side.LineSink()
    with socket.create_connection(("127.0.0.1", sink.port)) as one:
        one.sendall(b"a\nb\nhalf")
        rounds.wait_until(lambda: sink.count() == 2, 10, "two lines")
    sink.close()


def test_the_sender_says_what_is_wrong(build, tmp_path):
    (tmp_path / "bad").write_bytes(b"\x10\0\0\0\x01\0\0\0short")
    assert "holds no batches" in send(build, tmp_path / "bad", 1, 3).stderr
    assert "No such file" in send(build, tmp_path / "none", 1, 3).stderr
    assert "Connection refused" in send(build, written_bodies(tmp_path, "ndjson", "/"), free_port(), 3).stderr
    assert subprocess.run([build / "peer_send"], capture_output=True).returncode == 64


def test_the_generator_gives_the_same_events(build):
    batches = bodies.capture(build, 10, events=50)
    assert sum(map(len, batches)) == 50
    assert all({"id", "vin", "time", "sensor_kind"} <= json.loads(line).keys() for lines in batches for line in lines)


# What a sync costs


def test_floor_sync_measures_so_many_blocks(build, tmp_path):
    done = subprocess.run([build / "floor_sync", "--folder", tmp_path, "--bytes", "4096", "--blocks", "20"], capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert (said["events"], said["syncs"], said["bytes_written"]) == (20, 20, 20 * 4096)
    assert 0 < said["latency_ms"]["p50"] <= said["latency_ms"]["p99"] <= said["latency_ms"]["p99_9"]
    assert list(tmp_path.iterdir()) == []


def test_floor_sync_says_what_is_wrong(build, tmp_path):
    assert subprocess.run([build / "floor_sync", "--bytes", "0"], capture_output=True).returncode == 64
    done = subprocess.run([build / "floor_sync", "--folder", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode == 1 and "No such file" in done.stderr
