"""Disks that are really full: refusals before anything fails, cursors that still move, and recovery without a restart."""

import json
import os
import resource

import pytest

from harness import deep_update, wait_until
from ledger import Entry, Store, check, content_of, pseudonyms, spool_store
from load import Sender
from small_disk import SmallDisk

MIB = 1 << 20
SETTINGS = {"spool": {"segment_bytes": "1MiB", "reserve_bytes": "1MiB"}, "log": {"level": "info"}}


@pytest.fixture
def make_disk(tmp_path):
    disks = []

    def make(size):
        disks.append(SmallDisk(tmp_path / f"disk{len(disks)}", size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


def on(disk, **extra):
    """Settings of a server whose data is there."""
    return deep_update({**{key: dict(value) for key, value in SETTINGS.items()}, "data_dir": str(disk.path / "data")}, extra)


def large(sender, number=3):
    """Events of half a MiB in all: two such batches do not fit one segment."""
    return sender.events(number, attributes={"noise": os.urandom(45_000).hex()})


def is_full(server):
    return server.metric("vsocd_spool_full") == 1


def tells(server):
    """Whether its admin listener answers."""
    try:
        return server.get("/livez").status == 200
    except OSError:
        return False


def send_until_full(server, sender):
    """Batches until one is refused; the refusal."""
    for _ in range(100):
        reply = sender.send(large(sender), seconds=0)
        if reply.status != 200:
            return reply
    raise AssertionError("the disk does not get full")


def export(server, disk):
    """What the spool holds, read in the disk's namespace."""
    lines = server.run("spool", "export", disk.path / "data" / "spool").stdout.splitlines()
    for one in map(json.loads, lines):
        yield Entry(one["source_event_id"], content_of(one), f"{one['vin_key_id']}:{one['vehicle_pid']}", one["batch_uid"])


def lines_of(*paths):
    for path in paths:
        for one in map(json.loads, path.read_text().splitlines()):
            if "audit_uid" in one:  # a record of the audit log
                continue
            yield Entry(one["source_event_id"], content_of(one), f"{one['vin_key_id']}:{one['vehicle_pid']}", path.name)


def compare(sender, server, *stores):
    check(sender.told, stores, sender.sent, pseudonyms(server.settings["privacy"]["keys_file"]))


def test_batches_are_refused_before_the_disk_is_full_and_taken_again_when_there_is_room(make_server, make_disk):
    disk = make_disk(12 * MIB)
    ballast = disk.fill(leave=6 * MIB)
    server = make_server(on(disk), enter=disk.enter)
    sender = Sender(server)
    reply = send_until_full(server, sender)
    assert (reply.status, reply.json["code"]) == (503, "spool_full") and int(reply.headers["Retry-After"]) > 0
    assert disk.free_bytes() >= 1 * MIB - 64 * 1024
    assert is_full(server) and server.get("/readyz").status == 503
    ballast.unlink()
    wait_until(lambda: not is_full(server), 30, "room again")
    assert server.get("/readyz").status == 200
    assert sender.send(large(sender)).status == 200
    server.terminate()
    compare(sender, server, Store("spool", export(server, disk)))


def test_cursors_move_on_a_full_disk_and_room_comes_back_when_the_sink_has_caught_up(make_server, make_disk, tmp_path):
    disk = make_disk(6 * MIB)
    lines = tmp_path / "lines"
    lines.mkdir()
    path = lines / "events.ndjson"
    path.mkdir()  # the sink can't write there
    server = make_server(on(disk, sinks={"file": {"enabled": True, "path": str(path)}}, evidence={"max_bytes": "1MiB", "when_full": "evict"}), enter=disk.enter)
    sender = Sender(server)
    send_until_full(server, sender)
    assert "restore the sinks" in server.get("/readyz").body.decode()
    position = server.metric("vsocd_spool_position")
    disk.fill()  # the reserve, too: somebody else writes there
    path.rmdir()
    wait_until(lambda: server.metric("vsocd_sink_position", "file") == position, 60, "the sink catching up")
    wait_until(lambda: not is_full(server) or (disk.seen / "ballast").unlink(missing_ok=True), 30, "room again")
    assert sender.send(large(sender)).status == 200
    server.wait_for_sinks()
    assert server.terminate() == 0
    compare(sender, server, Store("file", lines_of(path)))


def test_a_disk_that_evidence_fills_is_told_at_start_in_the_log_and_in_readyz(make_server, make_disk):
    disk = make_disk(6 * MIB)
    settings = on(disk, evidence={"max_bytes": "64MiB"})
    server = make_server(settings, enter=disk.enter)
    assert "no room for evidence.max_bytes" in server.log()
    sender = Sender(server)
    send_until_full(server, sender)
    wait_until(lambda: "full of evidence" in server.get("/readyz").body.decode(), 30, "the reason in /readyz")
    assert "set evidence.when_full to evict" in server.get("/readyz").body.decode()
    reply = sender.send(large(sender), seconds=0)
    assert (reply.status, reply.json["code"]) == (503, "evidence_full") and "sinks back" not in reply.json["detail"]
    assert int(reply.headers["Retry-After"]) >= 60
    # What the texts say helps: to give it up, restart.
    assert server.terminate() == 0
    server.settings["evidence"] = {"max_bytes": "2MiB", "when_full": "evict"}
    server.write_config()
    server.start()
    assert sender.send(large(sender)).status == 200
    assert "no room for evidence.max_bytes" not in server.log().rpartition("vsocd starts")[2]


def test_a_large_enough_disk_is_not_complained_about(make_server):
    server = make_server({"spool": {"segment_bytes": "1MiB", "max_bytes": "8MiB"}, "evidence": {"max_bytes": "4MiB"}})
    assert "no room for" not in server.log()


def test_a_full_disk_of_the_file_sink_does_not_stop_accepting(make_server, make_disk):
    disk = make_disk(1 * MIB)
    server = make_server({**SETTINGS, "sinks": {"file": {"enabled": True, "path": str(disk.path / "events.ndjson")}}}, enter=disk.enter)
    sender = Sender(server)
    ballast = disk.fill(leave=256 * 1024)
    for _ in range(4):
        assert sender.send(large(sender)).status == 200
    wait_until(lambda: server.metric("vsocd_sink_up", "file") == 0, 30, "the sink being down")
    assert "No space left" in server.get("/readyz?verbose").body.decode() and server.get("/readyz").status == 200
    ballast.unlink()
    disk.remount("size=16m")
    server.wait_for_sinks()
    compare(sender, server, Store("file", lines_of(disk.seen / "events.ndjson")))


def test_a_disk_that_becomes_read_only_ends_the_process_and_loses_nothing(make_server, make_disk):
    disk = make_disk(16 * MIB)
    server = make_server(on(disk), enter=disk.enter)
    sender = Sender(server)
    for _ in range(3):
        assert sender.send(large(sender)).status == 200
    # A file system that is open for writing can't be remounted; one that has failed behaves so. The next segment can't be made.
    disk.run("mount", "--bind", disk.path, disk.path)
    disk.run("mount", "-o", "remount,bind,ro", disk.path)
    assert server.terminate() == 0
    before = len(server.log())
    server.start(wait=False)
    assert server.ended() == 74
    assert "Read-only file system" in server.log()[before:]
    disk.run("umount", disk.path)
    server.start()
    assert sender.send(large(sender)).status == 200
    assert server.terminate() == 0
    compare(sender, server, Store("spool", export(server, disk)))


def limited(kind, value):
    """Words that set a limit before the command."""
    return ["prlimit", f"--{kind}={value}", "--"]


def test_a_limit_of_file_size_is_a_full_disk_and_not_the_end(make_server):
    server = make_server(SETTINGS, enter=limited("fsize", f"{900 * 1024}:"), start=False)
    server.start(wait=False)  # not ready: the record of the start has no room either
    wait_until(lambda: tells(server) and is_full(server), what="the full spool being told")
    sender = Sender(server)
    reply = sender.send(large(sender), seconds=0)
    assert (reply.status, reply.json["code"]) == (503, "spool_full")
    assert is_full(server) and server.get("/readyz").status == 503
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limits[1], limits[1]))
    wait_until(lambda: not is_full(server), 30, "room again")
    assert sender.send(large(sender)).status == 200
    assert server.terminate() == 0
    compare(sender, server, spool_store(server))


def test_running_out_of_descriptors_refuses_and_recovers(make_server):
    server = make_server(SETTINGS, enter=limited("nofile", 64))
    sender = Sender(server)
    assert sender.send(large(sender)).status == 200
    sockets = [server.connect() for _ in range(80)]
    wait_until(lambda: "open files" in server.log(), 30, "the limit in the log")
    for one in sockets:
        one.close()
    for _ in range(4):
        assert sender.send(large(sender)).status == 200
    assert server.terminate() == 0
    compare(sender, server, spool_store(server))


def test_a_log_that_can_not_be_written_stops_nothing(make_server):
    server = make_server({**SETTINGS, "log": {"level": "debug"}}, start=False)
    server.log_path = type(server.log_path)("/dev/full")
    server.start()
    sender = Sender(server)
    assert sender.send(sender.events(3)).status == 200
    assert server.terminate() == 0
    compare(sender, server, spool_store(server))
    server.log_path = server.folder / "none"
