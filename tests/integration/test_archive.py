"""The archive of evidence in a directory: what is sent, what comes back, and what is found when it was changed."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess

import pytest
import spool_reader
from harness import event, ndjson, wait_until

PADDING = b"\n" * 300_000  # three bodies to a segment
SMALL = {"spool": {"segment_bytes": "1MiB", "max_bytes": "8MiB", "reserve_bytes": "0"}, "evidence": {"retention": "0s", "max_bytes": "0"}}


def with_archive(folder, **more):
    return SMALL | {"evidence": SMALL["evidence"] | {"archive": {"url": f"file://{folder}"} | more}}


def fill(server, batches, start=0):
    """Posts batches; their ids by position."""
    told = {}
    for number in range(start, start + batches):
        reply = server.post(ndjson([event(number)]) + PADDING)
        assert reply.status == 200, reply
        told[reply.json["position"]] = reply.json["batch_id"]
    return told


def archived(server):
    return int(server.metric("vsocd_archive_position"))


def settle(server):
    """Everything that is sealed is archived, so that retention removes it; the position."""
    wait_until(lambda: server.metric("vsocd_archive_segments_behind") == 0 and server.metric("vsocd_archive_segments_total") > 0
               and len(spool_reader.segment_paths(server.spool_dir)) == 1, 30, "the archive catching up")
    return archived(server)


def objects(folder, suffix=".seg"):
    return sorted(path for path in folder.rglob("*" + suffix) if not path.name.startswith("."))


@pytest.fixture(scope="module")
def filled(build, tmp_path_factory):
    """A stopped server's data_dir, its archive, and the batches up to the position that is archived."""
    from harness import Vsocd

    folder = tmp_path_factory.mktemp("filled")
    archive = folder / "archive"
    archive.mkdir()
    server = Vsocd(build, folder / "server", with_archive(archive) | {"sinks": {"file": {"enabled": True, "path": str(folder / "events.ndjson")}}})
    server.start()
    told = fill(server, 20)
    position = settle(server)
    verbose = server.get("/readyz?verbose").body.decode()
    assert f"archive up position {position}, 0 segments behind" in verbose

    def status():
        return json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)

    wait_until(lambda: status()["archive_position"] == position, 30, "the stored position of the archive")
    assert status()["archive"] == f"file://{archive}" and status()["archive_segments_behind"] == 0
    server.stop_for_good()
    return server, archive, {p: uid for p, uid in told.items() if p <= position}


@pytest.fixture
def copy(filled, tmp_path):
    """A copy of the archive that a test may change."""
    folder = tmp_path / "archive"
    shutil.copytree(filled[1], folder)
    return folder


@pytest.fixture
def vsocd(build):
    def run(*arguments, code=0):
        done = subprocess.run([build / "vsocd", "archive", *map(str, arguments)], capture_output=True, text=True, timeout=300)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done
    return run


def test_every_sealed_segment_is_there_once_with_an_index_that_is_right(filled):
    _, archive, told = filled
    entries = [json.loads(path.read_text()) for path in objects(archive, ".json")]
    segments = objects(archive)
    assert len(entries) == len(segments) > 4
    for entry, path in zip(entries, segments, strict=True):
        data = path.read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest() and entry["bytes"] == len(data)
        assert path.name == f"{entry['segment']:020}-{entry['sha256'][:16]}.seg"
    assert sum(entry["records"] for entry in entries) >= len(told)
    assert not list(archive.rglob(".*.part"))


def test_retention_waits_for_the_archive(make_server, tmp_path):
    folder = tmp_path / "missing"
    server = make_server(with_archive(folder))
    fill(server, 10)
    wait_until(lambda: server.metric("vsocd_archive_failures_total") > 0, 30, "a failed attempt")
    assert server.metric("vsocd_archive_up") == 0
    assert "archive DOWN" in server.get("/readyz?verbose").body.decode()
    assert server.get("/readyz").status == 200
    assert spool_reader.segment_paths(server.spool_dir)[0].name == f"{1:020}.seg"
    folder.mkdir()  # the disk is mounted again
    settle(server)
    wait_until(lambda: spool_reader.segment_paths(server.spool_dir)[0].name != f"{1:020}.seg", 30, "the removal of a segment")
    assert "archive up" in server.get("/readyz?verbose").body.decode()


def test_lost_spool_is_rebuilt_and_goes_on(filled, make_server, vsocd):
    old, archive, told = filled
    lost = make_server({"spool": {"segment_bytes": "1MiB", "max_bytes": "64MiB"}, "evidence": {"max_bytes": "32MiB"}}, start=False)
    data = old.folder / "restored"
    report = json.loads(vsocd("restore", f"file://{archive}", "--to", data, "--json").stdout)
    assert report["key_areas"] > 0 and report["key_areas_found"] == 0
    assert report["segments"] == len(objects(archive)) and report["findings"] == []
    records = {r.position: str(r.batch_uid) for _, r in spool_reader.read_spool(data / "spool")}
    assert told.items() <= records.items()
    assert {r.state for _, r in spool_reader.read_spool(data / "spool")} == {"erased"}
    again = json.loads(vsocd("restore", f"file://{archive}", "--to", data, "--json").stdout)
    assert again["segments"] == 0 and again["present"] == report["segments"]
    shutil.move(data, lost.settings["data_dir"])
    lost.write_keys()
    lost.start(wait=False)  # without the key that signed the head that came back: it makes none
    assert lost.ended() == 78 and "head.key is missing, but it has signed heads" in lost.log()
    shutil.copy(old.spool_dir.parent / "evidence" / "head.key", lost.spool_dir.parent / "evidence" / "head.key")
    lost.start()
    wait_until(lambda: lost.metric("vsocd_evidence_head_size") == lost.metric("vsocd_evidence_leaves") > len(records), 30, "a head")
    assert lost.metric("vsocd_evidence_head_refused") == 0
    reply = lost.post(ndjson([event(1000)]))
    assert reply.status == 200 and reply.json["position"] > max(told) + 1_000_000
    verified = json.loads(lost.run("spool", "verify", "--json", lost.spool_dir, check=False).stdout)
    own = [r.position for _, r in spool_reader.read_spool(lost.spool_dir, kinds=range(2, 6)) if r.state == "erased"]
    kinds = [r.kind for _, r in spool_reader.read_spool(lost.spool_dir, kinds=range(1, 6))]
    assert verified["records"] == len(kinds) and kinds.count(1) == len(records) + 1
    # Without the keys that were kept, nothing says what audit records were, nor that batches were not erased.
    assert own and [f["position"] for f in verified["findings"]] == [*own, None]
    assert {f["kind"] for f in verified["findings"]} == {"keys_destroyed", "erased_unrecorded"}


def test_restored_records_open_with_the_keys_that_were_kept(filled, vsocd, tmp_path):
    """What the archive has can be read by nobody; the keys beside the spool open it, but for those that were erased."""
    old, archive, told = filled
    keys = spool_reader.read_keys(old.settings["privacy"]["keys_file"])
    kept = old.spool_dir.parent / "evidence"
    assert all(r.seed not in path.read_bytes() and r.data_key not in path.read_bytes()
               for _, r in spool_reader.read_spool(old.spool_dir, keys) for path in objects(archive))
    report = json.loads(vsocd("restore", f"file://{archive}", "--to", tmp_path / "data", "--keys", kept, "--json").stdout)
    assert report["key_areas"] == report["key_areas_found"] > 0
    records = {r.position: r for _, r in spool_reader.read_spool(tmp_path / "data" / "spool", keys)}
    assert {records[p].state for p in told} == {"open"}


def test_spool_commands_read_the_archive(filled, build):
    old, archive, told = filled
    keys, kept = old.settings["privacy"]["keys_file"], old.spool_dir.parent / "evidence"

    def spool(*words):
        done = subprocess.run([build / "vsocd", "spool", *map(str, words)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    url = f"file://{archive}"
    assert json.loads(spool("list", url, "--json"))["records"] >= len(told)
    verified = json.loads(spool("verify", url, "--keys", keys, "--evidence", kept, "--json"))
    assert verified["whole"]
    lines = [json.loads(line) for line in spool("export", url, "--keys", keys, "--evidence", kept).splitlines()]
    assert {line["batch_uid"] for line in lines} == set(told.values())
    counted = json.loads(spool("replay", url, "-c", old.config, "--json"))["sinks"]
    assert (counted[0]["put"], counted[0]["there"]) == (0, len(lines))


def test_looking_into_the_archive_with_a_running_servers_keys_is_recorded(make_server, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    server = make_server(with_archive(folder))
    fill(server, 6)
    settle(server)
    evidence, keys = server.spool_dir.parent / "evidence", server.settings["privacy"]["keys_file"]
    look = ("spool", "export", f"file://{folder}", "--evidence", evidence, "--keys", keys)
    assert server.run(*look).stdout
    assert [one["command"] for one in server.audit("--kind", "raw_viewed")] == ["spool export"]
    (evidence.parent / "audit.door").unlink()
    done = server.run(*look, check=False)
    assert done.returncode == 69 and b"nothing is done" in done.stderr and done.stdout == b""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda end: end.name)
def test_segments_with_their_keys_end_with_the_command(filled, build, tmp_path, end):
    """An erasure does not reach copies: there must be none when the command has ended."""
    old, archive, _ = filled
    reading, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, bytes(4096))
    os.set_blocking(full, True)
    command = [build / "vsocd", "spool", "export", f"file://{archive}", "--evidence", old.spool_dir.parent / "evidence", "--keys", old.settings["privacy"]["keys_file"]]

    def by_default():  # under nohup SIGHUP is ignored, and children inherit that
        if end != signal.SIGKILL:
            signal.signal(end, signal.SIG_DFL)

    with subprocess.Popen(command, stdout=full, env=os.environ | {"TMPDIR": str(tmp_path)}, preexec_fn=by_default) as export:
        wait_until(lambda: len(list(tmp_path.glob("*/*.seg"))) == len(objects(archive)), what="the segments")
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
        export.send_signal(end)
        assert export.wait(480) == -end
    os.close(reading)
    os.close(full)
    if end == signal.SIGKILL:
        assert all(os.readlink(path).startswith("/proc/self/fd/") for path in tmp_path.glob("*/*")), "links into a process that is gone"
    else:
        assert not list(tmp_path.iterdir())


def test_records_that_have_left_the_disk_are_exported_from_the_archive(make_server, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    server = make_server(with_archive(folder))
    told = fill(server, 10)
    settle(server)
    told |= fill(server, 1, start=50)
    policy = tmp_path / "policy"
    policy.write_text(f"log {(server.spool_dir.parent / 'evidence/head.vkey').read_text().strip()}\nquorum none\n")

    def export(name, *words, code=0):
        bundle = tmp_path / name
        done = server.run("evidence", "export", "-c", server.config, "-o", bundle, "--reason", "r", "--by", "b", *words, check=False)
        assert done.returncode == code, done
        if code:
            return done.stderr.decode()
        said = json.loads(server.run("evidence", "verify", bundle, "--policy", policy, "--json").stdout)
        return [record["position"] for record in said["records"]], done.stderr.decode()

    oldest = min(told)
    assert "--archive also reads" in export("a", "--batch", told[oldest], code=1)
    assert export("b", "--batch", told[oldest], "--archive") == ([oldest], "")
    on_disk, said = export("c", "--vehicle", event(0)["vin"])
    assert oldest not in on_disk and "have left the disk" in said
    assert export("d", "--vehicle", event(0)["vin"], "--archive") == (sorted(told), "")
    (tmp_path / "tmp").mkdir()
    server.environment = {"TMPDIR": str(tmp_path / "tmp")}
    objects(folder)[0].unlink()
    assert "missing" in export("e", "--vehicle", event(0)["vin"], "--archive", code=1)
    assert not list((tmp_path / "tmp").iterdir())


def test_changed_missing_and_foreign_objects_are_found(copy, vsocd, tmp_path):
    segments = objects(copy)
    assert json.loads(vsocd("verify", f"file://{copy}", "--json").stdout)["findings"] == []

    def kinds():
        return [f["kind"] for f in json.loads(vsocd("verify", f"file://{copy}", "--json", code=1).stdout)["findings"]]

    original = segments[1].read_bytes()
    segments[1].chmod(0o600)
    segments[1].write_bytes(original[:9000] + bytes([original[9000] ^ 1]) + original[9001:])
    assert kinds() == ["object"]
    partly = json.loads(vsocd("restore", f"file://{copy}", "--to", tmp_path / "partly", "--json", code=1).stdout)
    assert [f["kind"] for f in partly["findings"]] == ["object"] and partly["segments"] == len(segments) - 1
    segments[1].write_bytes(original[:-1])
    assert kinds() == ["object"]
    segments[1].unlink()
    assert kinds() == ["object"]
    index = segments[1].with_suffix(".json")
    index.unlink()
    assert kinds() == ["missing"]
    index.write_text("{}")
    assert kinds() == ["index", "missing"]


def test_lost_cursor_sends_nothing_again(filled, make_server, tmp_path):
    old, archive, _ = filled
    folder = tmp_path / "archive"
    shutil.copytree(archive, folder)
    before = {path: path.stat().st_mtime_ns for path in objects(folder)}
    server = make_server(with_archive(folder), start=False)
    shutil.copytree(old.settings["data_dir"], server.settings["data_dir"], symlinks=True)
    shutil.copy(old.settings["privacy"]["keys_file"], server.settings["privacy"]["keys_file"])
    (server.spool_dir / "cursors").unlink()
    server.start()
    fill(server, 4, start=100)
    settle(server)
    after = {path: path.stat().st_mtime_ns for path in objects(folder)}
    assert before.items() <= after.items()


def test_two_spools_in_one_archive_are_kept_apart(filled, make_server, copy, vsocd):
    server = make_server(with_archive(copy))
    fill(server, 6)
    settle(server)
    assert "several spools" in vsocd("list", f"file://{copy}", code=64).stderr
    names = sorted(path.name for path in copy.iterdir())
    assert len(names) == 2
    assert {json.loads(vsocd("list", f"file://{copy}", "--spool", name, "--json").stdout)["spool"] for name in names} == set(names)


def test_bandwidth_is_kept(make_server, tmp_path):
    """Two segments of about 1 MB at 1 MiB a second take a second each."""
    folder = tmp_path / "archive"
    folder.mkdir()
    server = make_server(with_archive(folder, bandwidth="1MiB"))
    fill(server, 7)
    wait_until(lambda: len(objects(folder)) >= 2, 30, "the second segment")
    times = [path.stat().st_mtime_ns for path in objects(folder)]
    assert times[1] - times[0] > 0.7e9


@pytest.mark.parametrize("url", ["http://bucket", "file://relative", "/plain"])
def test_wrong_url_is_refused(make_server, url):
    server = make_server({"evidence": {"archive": {"url": url}}}, start=False)
    server.start(wait=False)
    assert server.ended() == 78
