"""The event catalogue of a running server: read, reloaded under load, kept when a file is wrong, and asked for what it lacks."""

import base64
import hashlib
import itertools
import json
import signal
import subprocess
import threading

import pytest

from harness import ROOT, event, ndjson, wait_until

TITLES = "id,name,category,severity\n"
UNKNOWN = "/api/v1/catalog/unknown"


@pytest.fixture
def catalog(make_server, tmp_path):
    """(server, file, reload): a server with one catalogue file that names 0x8001 OLD. When reload returns the worker has been told."""
    file = tmp_path / "fleet.csv"
    file.write_text(TITLES + "0x8001,OLD,physical,4\n")
    server = make_server({"ingest": {"catalogs": [str(file)], "workers": "1"}})

    def reload(text):
        before = server.metric("vsocd_config_last_reload_success_timestamp_seconds")
        file.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: server.metric("vsocd_config_last_reload_success_timestamp_seconds") > before
            or server.metric("vsocd_config_last_reload_successful") == 0,
            what="the reload",
        )

    return server, file, reload


def named(n, sev_id=0x8001):
    """A native event whose name is the catalogue's."""
    one = event(n, sev_id=sev_id)
    for field in ("event_name", "event_category", "severity_id"):
        one.pop(field, None)
    return one


def names(server):
    return [one["event_name"] for one in server.export()]


FRESH = itertools.count(1000000)


def wait_named(server, name):
    """The worker takes a new catalogue at its next turn: until then events have the old names."""

    def is_named():
        assert server.post(ndjson([named(next(FRESH))])).status == 200
        return names(server)[-1] == name

    wait_until(is_named, what=f"an event that is named {name}")


def test_reload_under_load_names_every_event_by_one_catalogue_and_loses_none(make_server, tmp_path):
    file = tmp_path / "fleet.csv"
    file.write_text(TITLES + "0x8001,OLD,physical,4\n")
    server = make_server({"ingest": {"catalogs": [str(file)], "workers": "2"}})
    numbers, replies, stop = itertools.count(), [], threading.Event()

    def load():
        while not stop.is_set():
            reply = server.post(ndjson(named(next(numbers)) for _ in range(20)))
            replies.append((reply.status, reply.json["accepted"]))

    senders = [threading.Thread(target=load, daemon=True) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        wait_until(lambda: "OLD" in names(server), what="the first catalogue")
        for turn in range(5):
            file.write_text(TITLES + f"0x8001,NEW{turn},physical,{turn}\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: f"NEW{turn}" in names(server), what="the next catalogue")
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    events = server.export()
    by_batch = {}
    for one in events:
        by_batch.setdefault(one["batch_uid"], set()).add((one["event_name"], one["severity_id"]))
    assert all(len(said) == 1 for said in by_batch.values()), "a batch has one catalogue"
    assert set.union(*by_batch.values()) == {("OLD", 4)} | {(f"NEW{turn}", turn) for turn in range(5)}
    assert set(replies) == {(200, 20)}
    assert sorted(one["source_event_id"] for one in events) == sorted(named(n)["id"] for n in range(next(numbers)))


def test_a_wrong_file_leaves_the_catalogue_in_force_and_is_told(catalog):
    server, file, reload = catalog
    reload(TITLES + "0x8001,NEW,physical,4\n\n0x8002,BAD,nosuch,4\n0x8003,BAD,other,7\n")
    assert server.metric("vsocd_config_last_reload_successful") == 0
    server.post(ndjson([named(1)]))
    assert names(server) == ["OLD"]
    log = server.log()
    assert str(file) in log and "line=4" in log.replace('"', "").replace(":", "=") and "no such category" in log
    assert "severity must be" in log, "all mistakes are told"
    reload(TITLES + "0x8001,GOOD,physical,4\n")
    assert server.metric("vsocd_config_last_reload_successful") == 1
    wait_named(server, "GOOD")


def test_files_that_are_added_and_removed_take_effect_on_reload(catalog, tmp_path):
    server, file, reload = catalog
    over = tmp_path / "over.csv"
    over.write_text(TITLES + "0x8001,OVER,physical,4\n")
    server.settings["ingest"]["catalogs"] = [str(file), str(over)]
    server.write_config()
    reload(file.read_text())
    wait_named(server, "OVER")
    server.settings["ingest"]["catalogs"] = []
    server.write_config()
    reload(file.read_text())
    wait_named(server, "unknown:0x8001")


def test_what_is_in_force_can_be_proved(catalog):
    server, file, reload = catalog
    old = hashlib.sha256(file.read_bytes()).hexdigest()
    reload(TITLES + "0x8001,NEW,physical,4\n")
    new = hashlib.sha256(file.read_bytes()).hexdigest()
    log = server.log()
    assert log.index(old) < log.index(new)
    assert server.get(UNKNOWN).json["files"] == [{"path": str(file), "sha256": new}]


def test_a_start_with_a_wrong_file_is_refused(make_server, tmp_path):
    file = tmp_path / "fleet.csv"
    file.write_text(TITLES + "0x8001,X,nosuch,4\n")
    server = make_server({"ingest": {"catalogs": [str(file)]}}, start=False)
    server.start(wait=False)
    assert server.ended() == 78
    assert "no such category" in server.log()


def test_unknown_ids_are_counted_until_the_catalogue_has_them(catalog):
    server, _, reload = catalog
    server.post(ndjson([named(n, 0x9000) for n in range(7)] + [named(n, 0x9001) for n in range(3)] + [named(1)]))
    cef = b"CEF:0|Example|IDS|1|4711|x|5|\n"
    for n, sid in enumerate((1, 1, 2)):
        alert = {"flow_id": n, "timestamp": "2026-11-22T10:15:02.250000+0000", "event_type": "alert",
                 "alert": {"gid": 1, "signature_id": sid, "rev": 3, "signature": "s", "severity": 2}}
        assert server.post(json.dumps(alert).encode(), path="/v1/events/eve").status == 200
    assert server.post(cef * 4, content_type="text/plain", path="/v1/events/cef").status == 200
    page = server.get(UNKNOWN).json
    assert [(one["format"], one["id"], one["count"], one["error"]) for one in page["ids"]] == [
        ("", "0x9000", 7, 0), ("cef", "Example|IDS|4711", 4, 0), ("", "0x9001", 3, 0), ("eve", "1:1", 2, 0), ("eve", "1:2", 1, 0)]
    assert page["events"] == 17 == server.metric("vsocd_catalog_unknown_events")
    assert page["others_at_most"] == 0
    assert page["rows"] == server.metric("vsocd_catalog_rows") > 50
    reload(TITLES + "0x9000,KNOWN,physical,4\n")
    wait_until(lambda: server.get(UNKNOWN).json["events"] == 0, what="the workers' new tables")
    server.post(ndjson([named(10, 0x9000), named(11, 0x9001)]))
    assert [one["id"] for one in server.get(UNKNOWN).json["ids"]] == ["0x9001"]


def test_a_flood_of_ids_stays_within_the_table(server):
    for start in range(0, 3000, 1000):
        lines = b"".join(b"CEF:0|V|P|1|%d|x|5|\nCEF:0|V|P|1|often|x|5|\n" % n for n in range(start, start + 1000))
        assert server.post(lines, content_type="text/plain", path="/v1/events/cef").status == 200
    page = server.get(UNKNOWN).json
    assert len(page["ids"]) == 256 and page["events"] == 6000
    first = page["ids"][0]
    assert first["id"] == "V|P|often" and first["count"] - first["error"] <= 3000 <= first["count"]


def vsocd(build, *words, body=b""):
    done = subprocess.run([build / "vsocd", *map(str, words)], input=body, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_check_config_names_every_mistake_with_file_and_line(build, tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(TITLES + "1,x,other,1\n")
    bad.write_text("format,id,name,category,severity,r155\n,0x10000,x,other,1,\n,2,x,other,1,11.1 33.3\nfoo,3,x,,,\n")
    config = tmp_path / "vsocd.yaml"
    text = "listen: {{ingest: {{tls: false}}}}\nsinks: {{postgres: {{enabled: false}}, kafka: {{enabled: false}}}}\ningest: {{catalogs: [{}]}}\n"
    config.write_text(text.format("good.csv"))
    assert vsocd(build, "check-config", "-c", config)[0] == 0
    config.write_text(text.format("good.csv, bad.csv"))
    code, out, err = vsocd(build, "check-config", "-c", config)
    assert (code, out) == (78, "")
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{bad}:2:2", f"{bad}:3:14", f"{bad}:4:1"]
    assert "sev_id" in err and "R155" in err and "no such format" in err


def test_parse_takes_catalogues_and_a_tenant(build, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text(TITLES + "0x8001,ONE,physical,4\n")
    two.write_text("id,name,category,severity,tenant,layout\n0x8001,TWO,other,1,oem-a,context.door:u8 speed_kmh:u8\n")
    record = json.dumps({"sev_id": 0x8001, "context_raw": base64.b64encode(b"\x02\x50").decode()}).encode()

    def parsed(*words):
        code, out, err = vsocd(build, "parse", "--format", "vsoc_json", *words, body=record)
        assert code == 0, err
        return json.loads(out)

    assert parsed("--catalog", one, "--catalog", two)["event_name"] == "ONE"
    own = parsed("--catalog", one, "--catalog", two, "--tenant", "oem-a")
    assert own["event_name"] == "TWO" and own["speed_kmh"] == 80 and own["attributes"] == {"context": {"door": 2}}
    one.write_text("nonsense")
    code, _, err = vsocd(build, "parse", "--format", "vsoc_json", "--catalog", one, body=record)
    assert code == 78 and err.startswith(f"{one}:1:1: ")


def test_the_example_file_is_good(build):
    record = json.dumps({"sev_id": 0x8001, "context_raw": base64.b64encode(b"\x01\x02\xff\xff").decode()}).encode()
    code, out, err = vsocd(build, "parse", "--format", "vsoc_json", "--catalog", ROOT / "deploy/catalog.csv", body=record)
    assert code == 0, err
    assert json.loads(out)["attributes"] == {"context": {"door": 1, "state": 2}}
