"""One life of vsocd in which one call fails, and the proof that nothing acknowledged was lost by it. See fail_calls.c."""

import contextlib
import errno
import http.client
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import time
from typing import NamedTuple

from harness import SLOWEST, Vsocd, event, ndjson, wait_until
from ledger import Entry, Store, Told, check, content_of, content_of_sent, pseudonyms, spool_store

EXITS = {0, 1, 69, 74, 78}
class Fault(NamedTuple):
    """The nth call of a kind fails, and times - 1 calls after it (0: all)."""

    kind: str
    nth: int
    error: str
    times: int = 1
    how: str = ""

    @property
    def text(self):
        return f"{self.kind}:{self.nth}:{getattr(errno, self.error)}:{self.times}" + (f":{self.how}" if self.how else "")

    @property
    def stay_s(self):
        """What fails for good is watched for a while: it may spin."""
        return 0 if self.times else 0.5


END_S = 60  # on an idle machine nothing takes so long
STAY_MOST_S = 2
FAILED_MOST = 2000  # a call that fails for good and is repeated more often than this in one life is a spin


class Batch:
    """A batch with its name, and what its sender is told of its events."""

    def __init__(self, name, padding=0):
        noise = random.Random(name).randbytes(padding // 2).hex()
        self.name = name
        events = [event(id=f"{name}-{n}", event_name="SEV_IO", attributes={"noise": noise[n::3]}) for n in range(3)]
        self.body = ndjson(events)
        self.told = {one["id"]: Told("accepted", content_of_sent(one), one["vin"], name) for one in events}


def batches(name):
    """Small ones, and large ones of which two do not fit one segment of 1 MiB."""
    return [Batch(f"{name}{n}", 300_000 if n % 3 == 1 else 0) for n in range(9)]


EARLIER, LATER, LAST = batches("earlier"), batches("later"), Batch("last")


def settings(folder, extra=()):
    made = {
        "instance": "io",
        "data_dir": str(folder / "disk" / "data"),
        "privacy": {"keys_file": str(folder / "disk" / "vin.keys")},
        "ingest": {"workers": "1"},
        "spool": {"segment_bytes": "1MiB", "reserve_bytes": "0", "commit_interval": "0ms"},
        "evidence": {"max_bytes": "2200KiB", "when_full": "evict"},
        "sinks": {"file": {"enabled": True, "path": str(folder / "disk" / "events.ndjson"), "rotate_bytes": "600KiB", "keep": 100}},
        "timeouts": {"drain": "5s"},
    }
    made.update(extra)
    return made


class Life:
    """A vsocd on a folder, and who was told what."""

    def __init__(self, build, folder, extra=()):
        self.build, self.folder, self.extra = pathlib.Path(build), pathlib.Path(folder), extra
        self.acknowledged, self.sent, self.problems = {}, {}, []  # acknowledged: {name of the batch: its position}
        self.server = None

    def make(self, fault=None):
        environment = {}
        if fault is not None:
            environment = {
                "LD_PRELOAD": str(self.build / "unit" / "fail_calls.so"),
                "FAIL_CALLS": fault,
                "FAIL_CALLS_BELOW": str(self.folder / "disk"),
                "FAIL_CALLS_COUNTS": str(self.folder / "counts"),
            }
            if "asan" in str(self.build):
                environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        (self.folder / "disk").mkdir(parents=True, exist_ok=True)
        self.server = Vsocd(self.build, self.folder, settings(self.folder, self.extra), environment)
        self.server.log_path = self.folder / f"vsocd-{'fault' if fault else 'clean'}.log"
        self.server.start(wait=False)
        return self.server

    def problem(self, text):
        self.problems.append(text)

    def is_up(self):
        return self.server.process.poll() is None

    def wait_for_start(self):
        """False: it has ended instead."""
        with contextlib.suppress(Exception):
            wait_until(lambda: not self.is_up() or "ready" in self.server.log(), END_S, "start", interval=0.01)
            return self.is_up()
        self.problem("neither ready nor ended")
        return False

    def post(self, batch):
        """True when it was acknowledged. No answer, or a 503, is an answer too."""
        self.sent[batch.name] = batch
        try:
            reply = self.server.post(batch.body, Idempotency_Key=batch.name)
        except TimeoutError:
            self.problem(f"{batch.name}: no answer")
            return False
        except (OSError, http.client.HTTPException):
            return False
        if reply.status == 200:
            self.acknowledged[batch.name] = reply.json["position"]
        elif reply.status != 409 and (reply.status != 503 or not reply.headers.get("Retry-After")):
            self.problem(f"{batch.name}: {reply!r}")
        return reply.status == 200

    def load(self, load):
        """Each batch, three times when need be; goes on with the next."""
        for batch in load:
            for _ in range(3):
                if not self.is_up() or self.post(batch):
                    break

    def stay(self, seconds):
        """Watches it for so long at least; at most STAY_MOST_S for its sinks, which a fault may hold back for good."""
        started = time.monotonic()
        with contextlib.suppress(Exception):
            while (stayed := time.monotonic() - started) < max(STAY_MOST_S, seconds):
                if stayed >= seconds and self.server.metric("vsocd_sink_lag_events") == 0:
                    return
                time.sleep(0.05)

    def stop(self, seconds=END_S):
        """Asks it to end, unless it has; looks at how it did and how much it had worked."""
        process = self.server.process
        if self.is_up():
            ticks = sum(map(int, pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()[11:13]))
            if ticks / os.sysconf("SC_CLK_TCK") > 5:
                self.problem(f"used {ticks} ticks of CPU time")
            process.terminate()
        try:
            process.wait(seconds * SLOWEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.problem("does not end")
        if process.returncode not in EXITS:
            self.problem(f"ended with {process.returncode}: {self.server.log()[-1500:]}")
        try:
            self.server.check_log()
        except Exception as error:
            self.problem(str(error))
        return process.returncode

    # What it kept

    def file_store(self):
        path = self.folder / "disk" / "events.ndjson"
        for part in (path, *path.parent.glob("events.ndjson.[0-9]*")):
            for line in part.read_text().splitlines() if part.exists() else ():
                one = json.loads(line)
                if "audit_uid" not in one:
                    yield Entry(one["source_event_id"], content_of(one), f"{one['vin_key_id']}:{one['vehicle_pid']}", part.name)

    def told(self, since=0):
        """Events of the batches that were acknowledged, from a position on."""
        names = sorted(self.acknowledged, key=self.acknowledged.get)
        return {key: told for name in names if self.acknowledged[name] >= since for key, told in self.sent[name].told.items()}

    def compare(self):
        """Every acknowledged event is in the file once; in the spool too, from the oldest segment that is kept, in an unbroken chain."""
        spool = json.loads(self.server.run("spool", "verify", "--json", self.server.spool_dir, check=False).stdout)
        assert spool["chain_broken_at"] is None, spool
        sent = {key: told for batch in self.sent.values() for key, told in batch.told.items()}
        pseudonym = pseudonyms(self.server.settings["privacy"]["keys_file"])
        check(self.told(), [Store("file", self.file_store())], sent, pseudonym)
        check(self.told(since=spool["first_position"]), [spool_store(self.server)], sent, pseudonym)

    def end_well(self):
        """A life without faults: takes what was not acknowledged and one more, and everything is there."""
        try:
            self.make()
            if not self.wait_for_start():
                return self.problem(f"does not start any more: {self.server.log()[-1500:]}")
            for batch in [*self.sent.values(), LAST]:
                if batch.name not in self.acknowledged and not self.post(batch):
                    self.problem(f"{batch.name} is not taken any more")
            self.server.wait_for_sinks(END_S)
            if self.stop() != 0:
                self.problem(f"did not stop well: {self.server.log()[-1500:]}")
            self.compare()
        except Exception as error:
            self.problem(f"{type(error).__name__}: {error}"[:3000] + self.server.log()[-1500:])
        finally:
            if self.is_up():
                self.server.kill()


def counts_of(path):
    """{kind: (calls, failed calls)}"""
    rows = {}
    for name, seen, failed in struct.iter_unpack("16sQQ", pathlib.Path(path).read_bytes()):
        rows[name.rstrip(b"\0").decode()] = (seen, failed)
    return rows


def make_earlier(build, folder):
    """The folder of a server that was killed: segments, the first with bytes behind its end and the last with a torn tail."""
    life = Life(build, folder)
    life.make()
    assert life.wait_for_start(), life.server.log()
    life.load(EARLIER)
    life.server.wait_for_sinks()
    life.server.kill()
    assert not life.problems and len(life.acknowledged) == len(EARLIER), life.problems
    segments = sorted((folder / "disk/data/spool").glob("*.seg"))
    for path in (segments[0], segments[-1]):
        content = path.read_bytes()
        end = len(content.rstrip(b"\0"))
        with open(path, "r+b") as file:
            file.seek((end + 7) // 8 * 8)
            file.write(b"VREC" + bytes(range(1, 250)))
    return life


def run(build, folder, earlier, fault, extra=(), stay_s=0):
    """One life with the fault and one without. earlier: a life whose folder it begins with, or None. → (counts, problems)"""
    life = Life(build, folder, extra)
    if earlier:
        shutil.copytree(earlier.folder / "disk", life.folder / "disk")
        life.acknowledged, life.sent = dict(earlier.acknowledged), dict(earlier.sent)
    try:
        life.make(fault)
        if life.wait_for_start():
            life.load(LATER)
            life.stay(stay_s)
            life.stop()
        elif life.is_up():
            life.server.kill()
        else:
            life.stop()
            if life.server.process.returncode == 0:
                life.problem("ended well without having started")
            if not life.server.log().strip():
                life.problem("ends without a word")
    finally:
        if life.is_up():
            life.server.kill()
    counts = counts_of(life.folder / "counts")
    failed = sum(row[1] for row in counts.values())
    if failed > FAILED_MOST:
        life.problem(f"{failed} failed calls: it spins")
    life.end_well()
    if not life.problems:
        shutil.rmtree(life.folder)
    return counts, life.problems
