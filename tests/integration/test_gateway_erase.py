"""One of 50 vehicles of a gateway's batch is erased: nobody can read it, the 49 others are read, proven and delivered as before."""

import gzip
import importlib.util
import json
import pathlib
import shutil
import zlib

import pytest
import spool_reader
from harness import Vsocd, event, ndjson, wait_until

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "verify_bundle.py"
VEHICLES, EACH = 50, 4
GONE = 17  # the vehicle that is erased


def vin(n):
    return f"WVWZZZ1JZXW{100_000 + n:06d}"


def secret(n):
    """What only this vehicle says, in each of its records."""
    return f"seen-by-{n:03d}-{n * 7919 % 10007:05d}-only"


def line(n, k):
    return ndjson([event(1000 * n + k, vin=vin(n), message=secret(n), attributes={"note": secret(n) + "-too"})])


# As it arrives: record by record of ever other vehicles, then one that names no vehicle, and one that is no event.
LINES = [line(n, k) for k in range(EACH) for n in range(VEHICLES)] + [b'{"vin": "not one", "broken\n']
BODY = gzip.compress(b"".join(LINES))
ALL = VEHICLES * EACH


def passed(server, position):
    _, cursors = spool_reader.read_cursors(server.spool_dir) or (0, {})
    return cursors and min(cursors.values()) >= position


def data_dir(server):
    return pathlib.Path(server.settings["data_dir"])


def run_json(server, *words, code=0):
    done = server.run(*words, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def python_says(bundle, policy):
    spec = importlib.util.spec_from_file_location("verify_bundle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.verify(bundle.read_bytes(), policy.read_bytes()))


class Erased:
    """A running server from whose gateway batch a vehicle was erased, and what was kept from before."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.single = server.post(ndjson([event(9_000_000, vin=vin(GONE), message="alone")]), VSOC_Vehicle=vin(GONE)).json
        self.report = server.post(BODY, Content_Encoding="gzip").json
        self.position = self.report["position"]
        server.wait_for_sinks()
        wait_until(lambda: passed(server, self.position), 20, "stored cursors")
        self.before = server.export()
        self.policy = folder / "policy.txt"
        self.policy.write_text(f"log {(data_dir(server) / 'evidence' / 'head.vkey').read_text().strip()}\nquorum none\n")
        self.export("before.tar")
        self.head = shutil.copy(data_dir(server) / "evidence" / "head", folder / "head")
        assert json.loads(server.run("spool", "verify", "--reparse", "--json", server.spool_dir).stdout)["reparsed"]["differ"] == 0
        (whole,) = self.batches()
        assert whole.body == BODY and len(whole.parts) == VEHICLES + 2
        self.dry = run_json(server, "vehicle", "erase", "-c", server.config, "--json", "--vehicle", vin(GONE), "--reason", "test", "--dry-run")
        self.counts = run_json(server, "vehicle", "erase", "-c", server.config, "--json", "--vehicle", vin(GONE), "--reason", "test")

    def batches(self):
        return [r for _, r in spool_reader.read_spool(self.server.spool_dir) if r.position == self.position]

    def export(self, name, *options):
        bundle = self.folder / name
        words = options or ("--batch", self.report["batch_id"])
        self.server.run("evidence", "export", "-c", self.server.config, "-o", bundle, "--reason", "test", "--by", "A. Auditor", *words)
        return bundle


@pytest.fixture(scope="module")
def erased(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    server = Vsocd(build, folder / "server", {"sinks": {"file": {"enabled": True, "path": str(folder / "out.ndjson")}}})
    server.start()
    yield Erased(server, folder)
    server.stop_for_good()


def test_the_command_says_what_it_erases(erased):
    assert erased.report["accepted"] == ALL and erased.report["quarantined"] == 1
    for counts in (erased.dry, erased.counts):
        assert (counts["erased"], counts["erased_in_part"], counts["unattributed"], counts["held"]) == (1, 1, 0, 0)
    again = run_json(erased.server, "vehicle", "erase", "-c", erased.server.config, "--json", "--vehicle", vin(GONE), "--reason", "again")
    assert (again["erased"], again["erased_in_part"], again["erased_before"]) == (0, 0, 2)


def test_49_vehicles_are_read_and_one_is_not(erased):
    events = [e for e in erased.server.export() if "message" in e]
    assert [e["event_uid"] for e in events] == [e["event_uid"] for e in erased.before if e.get("message") not in (None, secret(GONE), "alone")]
    assert {e["message"] for e in events} == {secret(n) for n in range(VEHICLES) if n != GONE} and len(events) == ALL - EACH
    done = erased.server.run("spool", "export", erased.server.spool_dir)
    assert f"{EACH + 1} events and quarantined records in 1 batches of several vehicles were erased".encode() in done.stderr
    listed = json.loads(erased.server.run("spool", "list", "--json", erased.server.spool_dir).stdout)
    assert listed["records"] >= 3


def test_records_of_49_vehicles_are_kept_as_received(erased, tmp_path):
    (record,) = erased.batches()
    assert record.body == b"" and [p.state for p in record.parts].count("erased") == 2
    inflated = b"".join(LINES)
    for n, part in enumerate(record.parts[2:]):
        assert [inflated[at : at + len(raw)] for at, raw in part.records] == [raw for _, raw in part.records]
        assert b"".join(raw + b"\n" for _, raw in part.records) == (b"" if n == GONE else b"".join(line(n, k) for k in range(EACH)))
    erased.server.run("spool", "export", erased.server.spool_dir, "--bodies", tmp_path)
    files = [path for path in tmp_path.iterdir() if ".part-" in path.name]
    assert len(files) == VEHICLES - 1 and not list(tmp_path.glob("*.body.gz"))


def test_chain_head_and_evidence_are_whole(erased):
    server = erased.server
    report = json.loads(server.run("spool", "verify", "--json", "--reparse", server.spool_dir).stdout)
    assert report["whole"] and (report["erased"], report["erased_parts"]) == (1, 1)
    text = server.run("spool", "verify", server.spool_dir, "--head", erased.head).stdout.decode()
    assert "1 vehicles were erased in batches of several" in text
    audit = run_json(server, "evidence", "audit", "-c", server.config, "--json")
    assert (audit["findings"], audit["erased"], audit["erased_parts"]) == (0, 1, 1)


def test_bundles_from_before_and_after_are_proven(erased):
    server, policy = erased.server, erased.policy
    after = erased.export("after.tar")
    other = erased.export("other.tar", "--vehicle", vin(3))
    for bundle, gone in ((erased.folder / "before.tar", 0), (after, 2), (other, 2)):
        said = json.loads(server.run("evidence", "verify", bundle, "--policy", policy, "--json").stdout)
        assert [(r["position"], r["erased"], r["erased_parts"]) for r in said["records"]] == [(erased.position, False, gone)]
        assert (", 3 of" in python_says(bundle, policy)[0]) == bool(gone), "the body, part 1 and the vehicle"
    assert secret(GONE).encode() not in after.read_bytes() and secret(3).encode() in after.read_bytes()


def test_a_changed_part_is_found(erased, tmp_path):
    copy = tmp_path / "spool"
    shutil.copytree(erased.server.spool_dir, copy)
    (record,) = erased.batches()
    (segment,) = [p for p in spool_reader.segment_paths(copy) if record.table in p.read_bytes()]
    data = bytearray(segment.read_bytes())
    data[bytes(data).index(record.table) + len(record.table) + 9] ^= 1
    segment.write_bytes(data)
    assert erased.server.run("spool", "verify", copy, "--keys", erased.server.settings["privacy"]["keys_file"], check=False).returncode == 1


def test_a_fresh_sink_gets_49_vehicles_and_the_replay_says_what_is_missing(erased, tmp_path):
    out = tmp_path / "again.ndjson"
    config = tmp_path / "other.yaml"
    settings = json.loads(json.dumps(erased.server.settings))
    settings["sinks"]["file"]["path"] = str(out)
    config.write_text(json.dumps(settings))
    done = erased.server.run("spool", "replay", erased.server.spool_dir, "-c", config, "--json")
    (sink,) = json.loads(done.stdout)["sinks"]
    assert sink["erased"] == EACH + 1 + 1 and sink["put"] >= ALL - EACH
    lines = [json.loads(one) for one in pathlib.Path(f"{out}.replay").read_text().splitlines()]
    assert {e["message"] for e in lines if "message" in e} == {secret(n) for n in range(VEHICLES) if n != GONE}
    assert sum("message" in e for e in lines) == ALL - EACH


def test_nothing_on_disk_gives_the_erased_vehicle_away(erased):
    """With all keys that are left: each is tried on each part, and every byte of the directory is looked at."""
    server = erased.server
    words = [word for n in (vin(GONE), secret(GONE), "alone") for word in (n.encode(), n.encode().hex().encode())]
    (record,) = erased.batches()
    found = []
    for path in data_dir(server).rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        assert not [word for word in words if word in data], path
        at = data.find(b"\x1f\x8b\x08")
        while at >= 0:  # a body that is only compressed
            try:
                assert secret(GONE).encode() not in zlib.decompressobj(31).decompress(data[at:])
            except zlib.error:
                pass
            at = data.find(b"\x1f\x8b\x08", at + 1)
        found.append(path)
    assert found
    keys = [p.data_key for p in record.parts if p.state == "open"]
    assert len(keys) == VEHICLES
    stored = _stored_parts(server, record)
    for n, sealed in enumerate(stored):
        opens = [key for key in keys if _opens(key, sealed)]
        assert len(opens) == (0 if record.parts[n].state == "erased" else 1), n
    clear = record.events + b"".join(raw for p in record.parts for _, raw in p.records) + record.meta
    assert secret(GONE).encode() not in clear and secret(3).encode() in clear


def _stored_parts(server, record):
    """Ciphertext and tag of each part, from the bytes on disk."""
    for path in spool_reader.segment_paths(server.spool_dir):
        data = path.read_bytes()
        at = data.find(record.table)
        if at >= 0:
            break
    count, runs = int.from_bytes(record.table[:4], "little"), int.from_bytes(record.table[4:8], "little")
    at += len(record.table)
    parts = [b""] * count
    for k in range(runs):
        place = 8 + 48 * count + 8 * k
        part, size = (int.from_bytes(record.table[place + i : place + i + 4], "little") for i in (0, 4))
        parts[part] += data[at : at + size]
        at += size
    for n in range(count):
        size = int.from_bytes(record.table[44 + 48 * n : 48 + 48 * n], "little")
        parts[n] += data[at : at + size]
        at += size
    return [part + data[at + 16 * n : at + 16 * n + 16] for n, part in enumerate(parts)]


def _opens(key, sealed):
    try:
        spool_reader.AESGCM(key).decrypt(spool_reader.part_nonce(0), sealed, None)
        return True
    except spool_reader.InvalidTag:
        return False


def test_a_hold_of_one_vehicle_keeps_the_batch_whole(make_server):
    server = make_server()
    report = server.post(BODY, Content_Encoding="gzip").json
    pids = {e["vehicle_pid"] for e in server.export() if "vehicle_pid" in e}
    held = next(e["vehicle_pid"] for e in server.export() if e.get("message") == secret(3))
    server.run("hold", "add", "-c", server.config, "--pid", held, "--reason", "lawsuit")
    wait_until(lambda: passed(server, report["position"]), 20, "stored cursors")
    counts = run_json(server, "vehicle", "erase", "-c", server.config, "--json", "--vehicle", vin(GONE), "--reason", "test", code=1)
    assert (counts["held"], counts["erased_in_part"]) == (1, 0) and len(pids) == VEHICLES
    (record,) = [r for _, r in spool_reader.read_spool(server.spool_dir) if r.position == report["position"]]
    assert record.body == BODY


def test_keys_of_records_that_only_the_archive_has_are_destroyed(make_server, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    server = make_server({
        "spool": {"segment_bytes": "1MiB", "max_bytes": "8MiB", "reserve_bytes": "0"},
        "evidence": {"retention": "0s", "max_bytes": "0", "archive": {"url": f"file://{archive}"}},
        "sinks": {"file": {"enabled": True, "path": str(tmp_path / "out.ndjson")}},
    })
    server.post(ndjson([event(9_000_000, vin=vin(GONE), message="alone")]), VSOC_Vehicle=vin(GONE))
    position = server.post(BODY, Content_Encoding="gzip").json["position"]
    for n in range(12):  # segments of 1 MiB
        assert server.post(ndjson([event(n)]) + b"\n" * 300_000).status == 200
    wait_until(lambda: int(spool_reader.segment_paths(server.spool_dir)[0].stem) > position, 60, "the first segment to leave the spool")
    keys, kept, url = server.settings["privacy"]["keys_file"], data_dir(server) / "evidence", f"file://{archive}"

    def messages():
        done = server.run("spool", "export", url, "--keys", keys, "--evidence", kept)
        return [json.loads(one).get("message") for one in done.stdout.splitlines()]

    assert messages().count(secret(GONE)) == EACH and "alone" in messages()
    counts = run_json(server, "vehicle", "erase", "-c", server.config, "--json", "--vehicle", vin(GONE), "--reason", "test")
    assert (counts["erased"], counts["erased_in_part"], counts["archived"]["erased"], counts["archived"]["damaged_files"]) == (0, 0, 2, 0)
    left = messages()
    assert secret(GONE) not in left and "alone" not in left and all(left.count(secret(n)) == EACH for n in range(VEHICLES) if n != GONE)
    (entry,) = [json.loads(one) for one in server.run("audit", "list", server.spool_dir, "--kind", "vehicle_erased", "--json").stdout.splitlines()]
    assert '"records":2' in json.dumps(entry).replace(" ", "")
    assert json.loads(server.run("spool", "verify", url, "--keys", keys, "--evidence", kept, "--json").stdout)["whole"]
    again = run_json(server, "vehicle", "erase", "-c", server.config, "--json", "--vehicle", vin(GONE), "--reason", "again")
    assert again["archived"]["erased"] == 0
