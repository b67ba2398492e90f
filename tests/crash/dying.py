"""A server with crash points under a small mixed load: it dies where a test wants, again and again, and what it was asked to keep is compared.

Used by test_points.py.
"""

import json
import signal
import threading
import time
import uuid

import tree_check
from harness import HarnessError, Vsocd, deep_update, wait_until
from ledger import Store, check, pseudonyms
from ledger.stores import entry_of, reject_entry
from load import Sender
from stack import Stack

PACE_S = 0.02  # between two batches of a sender
SENDERS = {"1M8GDM9AXKP042788": {}, "WVWZZZ1JZXW000001": {"VSOC_Ack": "all"}, "WBA3A5C51CF256551": {}}


class PaddedSender(Sender):
    """Bodies end with so many empty lines: they fill segments and cost nothing else."""

    padding = 0

    def _post(self, body, headers):
        return super()._post(body + b"\n" * self.padding, headers)


class Traffic:
    """Each sender: ordinary batches, batches with a record that is quarantined, and repeats, one after the other."""

    def __init__(self, server, padding):
        self.stopping = threading.Event()
        self.failures = []
        self.senders = []
        for vin in SENDERS:
            sender = PaddedSender(server, vin)
            sender.padding = padding
            self.senders.append(sender)
        self.threads = []

    def start(self):
        if any(thread.is_alive() for thread in self.threads):
            return
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._run, args=(sender,), daemon=True) for sender in self.senders]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Every batch that was begun has its answer."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, sender):
        number = 0
        try:
            while not self.stopping.wait(PACE_S):
                number += 1
                self._send(sender, number)
        except Exception as failure:  # told by stop
            self.failures.append(failure)

    def _send(self, sender, number):
        events = sender.events(2)
        if number % 4 == 0:
            events[1]["severity_id"] = 99  # quarantined
        key = uuid.uuid4().hex
        first = self._accepted(sender, events, Idempotency_Key=key, **SENDERS[sender.vin])
        if number % 3 == 0:
            again = self._accepted(sender, events, Idempotency_Key=key)
            same = ("batch_id", "accepted", "duplicates", "quarantined")
            if not again["duplicate"] or [again[name] for name in same] != [first[name] for name in same]:
                raise HarnessError(f"the repeat of {first} was told {again}")

    def _accepted(self, sender, events, **headers):
        reply = sender.send(events, **headers)
        if not reply or reply.status != 200:
            raise HarnessError(f"a batch was not taken: {reply}")
        return reply.json

    @property
    def told(self):
        return {key: one for sender in self.senders for key, one in sender.told.items()}

    @property
    def sent(self):
        return {key: one for sender in self.senders for key, one in sender.sent.items()}


def file_store(path):
    """Lines of the file sink, the oldest file first."""
    events, rejects = [], []
    rotated = [one for one in path.parent.glob(path.name + ".*") if one.suffix[1:].isdigit()]
    for file in [*sorted(rotated, key=lambda one: -int(one.suffix[1:])), path]:
        for number, line in enumerate(file.read_text().splitlines()):
            one, where = json.loads(line), f"{file.name}, line {number + 1}"
            if "quarantine" in one:
                rejects.append(reject_entry(one["quarantine"], where))
            elif "audit_uid" not in one:
                events.append(entry_of(one, where))
    return Store("file", events, rejects, ordered=True)


class DyingStack(Stack):
    """vsocd_faults with PostgreSQL, Kafka and a file, and Traffic to it; not started."""

    def __init__(self, build, services, folder, settings=None, padding=0):
        self.file = folder / "events.ndjson"
        quick = {
            "spool": {"segment_bytes": "1MiB", "reserve_bytes": "0"},
            "sinks": {
                "kafka": {"transaction": {"interval": "10ms"}},
                "postgres": {"batch": {"interval": "10ms"}},
                "file": {"enabled": True, "path": str(self.file), "rotate_bytes": "16KiB", "keep": 10000},
            },
        }
        super().__init__(lambda all_settings: Vsocd(build, folder, all_settings), services, deep_update(quick, settings or {}), True, True)
        self.server.program = build / "unit" / "vsocd_faults"
        self.traffic = Traffic(self.server, padding)
        self.lost_in_spool = set()  # ids of what a test has damaged there
        self.good = True

    def stop(self):
        """End of its tests: an orderly stop, unless a test has failed."""
        self.traffic.stopping.set()
        if self.good and self.server.process:
            self.server.stop_for_good()
        elif self.server.process:
            self.server.kill()

    def start(self, point=None, turn=1, wait=None):
        """wait: until it is ready; else only without a point."""
        self.server.environment = {"VSOCD_FAULT": f"{point}:{turn}"} if point else {}
        self.server.start(wait=point is None if wait is None else wait)

    def await_death(self, point, seconds=30, urge=lambda: None):
        """The server has died at its point; else the point was not reached."""
        def dead():
            if self.server.process.poll() is None:
                urge()
            return self.server.process.poll() is not None

        wait_until(dead, seconds, f"passing {point}", interval=0.01)
        life = self.server.log().rpartition("vsocd starts")[2]  # other threads may log between the point's line and death
        assert self.server.process.returncode == -signal.SIGKILL and f"\ncrash point {point}," in life, \
            f"ended with {self.server.process.returncode} instead of at {point}: {self.server.log()[-3000:]}"

    def die(self, point, turn=1, **options):
        self.start(point, turn)
        self.await_death(point, **options)

    def settle(self):
        """Runs without a fault until every sink has all of it."""
        if self.server.process is None or self.server.process.poll() is not None:
            self.start()
        self.traffic.stop()
        position = self.server.metric("vsocd_spool_position")
        wait_until(lambda: all(self.server.metric("vsocd_sink_position", f'sink="{sink}"') >= position for sink in ("kafka", "postgres", "file")),
                   60, "the sinks catching up", interval=0.02)

    def stores(self):
        yield from super().stores()
        yield file_store(self.file)

    def compare(self, spool=True):
        """spool: it still has all of it, but for what a test has damaged."""
        told, sent = self.traffic.told, self.traffic.sent
        pseudonym = pseudonyms(self.server.settings["privacy"]["keys_file"])
        in_spool, *others = self.stores()
        check(told, others, sent, pseudonym, waited=True)
        if not self.lost_in_spool:
            self.server.run("spool", "verify", self.server.spool_dir)
        tree_check.check(self.server)
        if spool:
            kept = {key: one for key, one in told.items() if key not in self.lost_in_spool}
            check(kept, [in_spool], sent, pseudonym, waited=True)
