"""Looks at a state with vsocd itself: starts it there, sends, stops it, and compares all that it keeps with what was sent and granted."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import spool_reader

from . import record
from .disk import write_tree


class LostError(AssertionError):
    """A state that breaks a promise; the text says which."""


def must(true, *words):
    if not true:
        raise LostError(" ".join(str(word) for word in words))


def start(server):
    """Until it says that it is ready; a power cut that it does not come back from is a broken promise."""
    with open(server.log_path, "wb") as log:
        server.process = subprocess.Popen([server.program, "serve", "-c", server.config], stdout=subprocess.DEVNULL, stderr=log,
                                          env={**os.environ, **server.environment})
    ports = {}
    deadline = time.monotonic() + 60
    while True:
        text = server.log()
        if "app: ready" in text:
            break
        must(server.process.poll() is None, "vsocd does not start:", text[-2000:])
        must(time.monotonic() < deadline, "vsocd does not become ready:", text[-2000:])
        time.sleep(0.002)
    for name, port in re.findall(r"listener=(\w+) address=127.0.0.1:(\d+)", text):
        ports[name] = int(port)
    server.port, server.admin_port = ports["ingest"], ports["admin"]


def lines_of_sink(folder):
    """Lines of the file sink's files, oldest first."""
    base = "events.ndjson"
    numbered = [path for path in folder.glob(base + ".*") if path.suffix[1:].isdigit()]
    paths = sorted(numbered, key=lambda path: -int(path.suffix[1:])) + [folder / base]
    return [json.loads(line) for path in paths if path.exists() for line in path.read_text().splitlines()]


def whole_records(spool):
    """Those in front of the first that is not whole."""
    with contextlib.suppress(spool_reader.SpoolError):
        for _, one in spool_reader.read_spool(spool, kinds=range(256)):
            yield one


def size_of_head(path):
    """Leaves of the newest whole head: the last line of digits in front of a root and an empty line."""
    sizes = re.findall(rb"/[^\n]*\n(\d+)\n[A-Za-z0-9+/=]{44}\n\n\xe2\x80\x94 [^\n]+\n", path.read_bytes()) if path.exists() else []
    return int(sizes[-1]) if sizes else 0


def first_kept(spool):
    return min((int(path.stem) for path in spool.glob("*.seg")), default=0)


class Check:
    """recording: what the states are of; wanted: {number of a batch: (batch id, position)} that were granted before the cut."""

    def __init__(self, build, recording, state, folder):
        self.state, self.recording, self.folder = state, recording, folder
        self.server = record.make_server(build, folder)
        if state.number % 2:  # the files of a state are new: every second start believes the indexes all the same
            self.server.program = pathlib.Path(build) / "unit/vsocd_faults"
            self.server.environment = {"VSOCD_INDEX_ANY_TIME": "1"}
        self.server.settings["listen"]["ingest"]["address"] = self.server.settings["listen"]["admin"]["address"] = "127.0.0.1:0"
        self.server.write_config()
        self.wanted = {recording.batches[uid]: (uid, position) for uid, position in state.granted.items()}
        self.fresh = recording.next_batch()

    def run(self):
        data = self.folder / "disk/data"
        write_tree(self.state.tree, self.folder / "disk")
        self.check_cursors(data)
        start(self.server)
        try:
            self.check_repeats(data / "spool")
            self.check_new()
            status = self.server.terminate()
            must(status == 0, "exit status", status, self.server.log()[-2000:])
        finally:
            if self.server.process.poll() is None:
                self.server.kill()
        self.server.check_log()
        must("is not signed: it does not continue" not in self.server.log(), "the tree does not continue:", self.server.log()[-3000:])
        must("records are missing" not in self.server.log(), "a false alarm:", self.server.log())
        in_spool = self.read_spool(data / "spool")
        self.check_spool(in_spool, first_kept(data / "spool"))
        self.check_sink(in_spool, lines_of_sink(data))
        self.check_chain(data / "spool")

    def check_cursors(self, data):
        """On disk no cursor is ahead of what the sink, or the tree's newest head, has on disk."""
        _, cursors = (spool_reader.read_cursors(data / "spool") if (data / "spool").is_dir() else None) or (0, {})
        signed = cursors.pop("evidence", 0)
        leaves = [record.leaf_index for record in whole_records(data / "spool") if record.position <= signed]
        size = size_of_head(data / "evidence/heads")
        must(not leaves or leaves[-1] < size, f"cursor evidence is at {signed}, leaf {leaves[-1:]}, the newest head has {size} leaves")
        record_path = data / "events.ndjson.position"
        position = int(re.search(r"^position (\d+)$", record_path.read_text(), re.M)[1]) if record_path.exists() and record_path.stat().st_size else 0
        for name, cursor in cursors.items():
            must(cursor <= position, f"cursor {name} is at {cursor}, the file at {position}")

    def check_repeats(self, spool):
        """The last granted batches, sent again, get the answer that they had."""
        for batch, (uid, position) in sorted(self.wanted.items(), key=lambda one: one[1][1])[-2:]:
            reply = record.post(self.server, batch)
            must(reply.status == 200 and reply.json.get("duplicate") is True, f"batch {batch} ({uid} at {position}) sent again:", reply)
            must((reply.json["batch_id"], reply.json["position"]) == (uid, position), f"batch {batch} was {uid} at {position}, sent again:", reply)

    def check_new(self):
        reply = record.post(self.server, self.fresh)
        must(reply.status == 200 and "duplicate" not in reply.json, "a new batch:", reply)
        highest = max((position for _, position in self.wanted.values()), default=0)
        must(reply.json["position"] > highest, "position given twice:", reply, "highest was", highest)
        self.wanted[self.fresh] = reply.json["batch_id"], reply.json["position"]

    def read_spool(self, spool):
        """{batch id: [events]}"""
        batches = collections.defaultdict(list)
        for line in self.server.run("spool", "export", spool).stdout.splitlines():
            one = json.loads(line)
            batches[one["batch_uid"]].append(one)
        return batches

    def check_events(self, where, batches):
        """{batch id: events}: each is what was sent in that batch, whole, once."""
        known = {**self.recording.batches, self.wanted[self.fresh][0]: self.fresh}
        pids = {}
        for uid, events in batches.items():
            if uid not in known:  # in flight at the end, its id never seen
                batch = int(re.match(r"b(\d+)-", events[0]["source_event_id"])[1])
                must(batch <= self.fresh and batch not in self.wanted, f"{where}: batch {batch} stands there as {uid} too")
                known[uid] = batch
            sent = record.events_of(known[uid])
            must([one["source_event_id"] for one in events] == [one["id"] for one in sent], f"{where}: batch {known[uid]} ({uid}) is altered:", events)
            for one, was in zip(events, sent):
                must(one["message"] == was["message"], f"{where}: altered:", one)
                must(pids.setdefault(was["vin"], one["vehicle_pid"]) == one["vehicle_pid"], f"{where}: another pseudonym for a vehicle: the key was lost")
        must(len(known) == len(set(known.values())), f"{where}: a batch twice")

    def check_spool(self, batches, first):
        self.check_events("spool", batches)
        for batch, (uid, position) in self.wanted.items():
            must(position < first or uid in batches, f"spool: lost batch {batch} ({uid} at {position}; the first kept is {first})")

    def check_sink(self, in_spool, lines):
        batches, order = collections.defaultdict(list), []
        for one in (line for line in lines if "audit_uid" not in line):
            if one["batch_uid"] not in batches:
                order.append(one["batch_uid"])
            batches[one["batch_uid"]].append(one)
        self.check_events("file", batches)
        for batch, (uid, position) in self.wanted.items():
            must(uid in batches, f"file: lost batch {batch} ({uid} at {position})")
        for uid in in_spool:
            must(uid in batches, f"file: lacks batch {uid} of the spool")
        positions = {uid: position for uid, position in self.wanted.values()}
        granted = [positions[uid] for uid in order if uid in positions]
        must(granted == sorted(granted), "file: out of order:", granted)

    def check_chain(self, spool):
        """All that stands there is whole. The chain breaks only where recovery kept a whole record behind a torn one of the same group."""
        result = json.loads(self.server.run("spool", "verify", "--json", spool, check=False).stdout)
        for finding in result["findings"]:
            data = (spool / finding["file"]).read_bytes()
            salvaged = spool_reader.read_segment_header(finding["file"], data).flags & 1
            must(salvaged and finding["kind"] in ("chain_broken", "out_of_order"), "verify:", finding)


def check(build, recording, state, folder):
    """LostError when the state breaks a promise; the folder is gone when it does not."""
    folder = pathlib.Path(folder)
    Check(build, recording, state, folder).run()
    shutil.rmtree(folder)
