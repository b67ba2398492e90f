"""Recordings: what vsocd with recorder.c did to its disk under a small load. A recording is a folder that can be kept."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil

from harness import Vsocd, event, ndjson, wait_until

from .disk import read_tree, write_tree
from .journal import read_journal

VINS = ["1M8GDM9AXKP042788", "WVWZZZ1JZXW000001", "5YJSA1E26HF000337"]
EVENTS = 2  # of a batch
SENDERS = 4


def events_of(batch):
    return [event(id=f"b{batch}-{n}", vin=VINS[(batch + n) % len(VINS)], message=f"batch {batch}, event {n}: " + "x" * (batch % 97)) for n in range(EVENTS)]


def body_of(batch):
    """Quickly parsed, and large on disk: a few of them fill a segment."""
    return ndjson(events_of(batch)) + b" " * (20_000 + 7919 * batch % 150_000) + b"\n"


def post(server, batch, **headers):
    return server.post(body_of(batch), Idempotency_Key=f"key-{batch}", **headers)


def make_server(build, folder):
    """vsocd whose disk is FOLDER/disk: the smallest segments and files, one worker, the file sink."""
    disk = folder / "disk"
    disk.mkdir(parents=True, exist_ok=True)
    settings = {
        "data_dir": str(disk / "data"),
        "privacy": {"keys_file": str(disk / "vin.keys")},
        "ingest": {"workers": "1"},
        "spool": {"segment_bytes": "1MiB", "reserve_bytes": "0"},
        "evidence": {"max_bytes": "1MiB", "when_full": "evict"},
        "sinks": {"file": {"enabled": True, "path": str(disk / "data/events.ndjson"), "rotate_bytes": "4KiB", "keep": 1000}},
        "log": {"format": "text", "level": "info"},
    }
    return Vsocd(build, folder, settings)


class Recording:
    """tree: the disk at its start; inodes: of its files; notes; batches: {batch id: number} of all that it and those before it sent;
    granted: {batch id: position} before its start."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.name = self.folder.name
        story = json.loads((self.folder / "story.json").read_text())
        self.inodes, self.batches, self.granted = story["inodes"], story["batches"], story["granted"]
        self.tree = read_tree(self.folder / "tree")
        self.notes = read_journal(self.folder / "journal")

    def next_batch(self):
        return max(self.batches.values(), default=0) + 1


@contextlib.contextmanager
def recorded(build, folder):
    """A server whose start(die=n) records into FOLDER/journal and, if n is given, dies instead of its n-th sync of a segment."""
    server = make_server(build, folder)
    start = server.start

    def start_recorded(die=0, wait=True):
        server.environment = {
            "LD_PRELOAD": str(pathlib.Path(build) / "unit/power_recorder.so"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",  # the recorder comes before it
            "VSOCD_RECORD": str(folder / "journal"),
            "VSOCD_RECORD_ROOT": str(folder / "disk"),
            **({"VSOCD_RECORD_DIE": str(die)} if die else {}),
        }
        start(wait)

    server.start = start_recorded
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.kill()


class Load:
    """Sends batches from several threads, each until it has its answer."""

    def __init__(self, server, first):
        self.server, self.numbers = server, itertools.count(first)
        self.pool = concurrent.futures.ThreadPoolExecutor(SENDERS)
        self.batches = {}  # {batch id: number}

    def _send(self, batch, **headers):
        reply = wait_until(lambda: self._try(batch, headers), 60, f"an answer to batch {batch}", interval=0.005)
        assert reply.status == 200, reply
        self.batches[reply.json["batch_id"]] = batch

    def _try(self, batch, headers):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return post(self.server, batch, **headers)

    def begin(self, count):
        return [self.pool.submit(self._send, next(self.numbers)) for _ in range(count)]

    def send(self, count):
        """In waves, each until the file has it, so that the sink commits often."""
        for _ in range(count // SENDERS):
            for done in self.begin(SENDERS - 1):
                done.result()
            self._send(next(self.numbers), VSOC_Ack="all")


def set_evidence(server, size):
    server.settings["evidence"]["max_bytes"] = size
    server.write_config()


def has_retired(server):
    return not (server.spool_dir / "00000000000000000001.seg").exists()


def record_run(build, folder):
    """From nothing: segments roll and go, several at once; files rotate; a kill between a write and its sync, orderly stops, a kill."""
    with recorded(build, folder) as server:
        load = Load(server, 1)
        set_evidence(server, "64MiB")
        server.start(die=6)
        answers = load.begin(6 * SENDERS)  # at least six groups
        server.process.wait(60)
        server.start()
        for one in answers:
            one.result()
        load.send(16)
        server.terminate()
        set_evidence(server, "1MiB")
        server.start()
        load.send(8)
        wait_until(lambda: has_retired(server), 30, "the first segments' end")
        server.terminate()
        server.start()
        load.send(16)
        server.kill()
    return keep(folder, load.batches)


def record_recovery(build, folder, state, recording):
    """From a state that a power cut left: recovery and a little more."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    write_tree(state.tree, disk)
    write_tree(state.tree, folder / "tree")
    inodes = {path: (disk / path).stat().st_ino for path in state.tree if (disk / path).is_file()}
    with recorded(build, folder) as server:
        load = Load(server, recording.next_batch())
        server.start()
        load.send(4)
        server.kill()
    return keep(folder, {**recording.batches, **load.batches}, state.granted, inodes)


def keep(folder, batches, granted=None, inodes=None):
    (folder / "tree").mkdir(exist_ok=True)
    (folder / "story.json").write_text(json.dumps({"batches": batches, "granted": granted or {}, "inodes": inodes or {}}))
    return Recording(folder)


def copy(recording, folder):
    """For somebody to look at later: all but the disk itself."""
    shutil.copytree(recording.folder, folder, ignore=shutil.ignore_patterns("disk"), dirs_exist_ok=True)


def without(recording, forgotten):
    """The same run as if some of its notes had not been: what a vsocd with a fault would have left."""
    faulty = Recording(recording.folder)
    faulty.notes = [note for note in recording.notes if not forgotten(note)]
    return faulty
