"""Scenario `soak`: a fleet, senders of the other formats, and faults, for as long as asked; then the ledger.

One fleet a minute, each with a ledger of its own, so that latency is known by the minute. Beside it syslog, CEF and QSEv. Every
few seconds a fault, all from one seed: a sink stopped, killed or halted, vsocd killed, stopped or reloaded with other limits, the
clock moved; days pass, so that partitions change, and the spool gives up old segments. At the end the events of all fleets
are compared, by content, with PostgreSQL, Kafka and what is left of the spool, and the first quarter with the last.
"""

import datetime
import http.client
import itertools
import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

import machine
from bench import generator
from rig import ROOT, Rig, RigError
from sampler import Sampler

sys.path[0:0] = [str(ROOT / "tests" / "crash"), str(ROOT / "tests" / "support")]

from fake_clock import DAY_S, FakeClock  # noqa: E402
from harness import free_port  # noqa: E402
from ledger import Store, check, kafka_store, postgres_store, pseudonyms, read_told, spool_store  # noqa: E402

SINKS = ("postgres", "kafka")
METRICS = ("vsocd_spool_bytes", "vsocd_spool_position")
BATCH = 50
DAYS_BEHIND = 4  # the clock begins there and comes up to now; brokers keep 7 days and take nothing of the future
FAULT_EVERY_S = (8, 20)
FAULT_LASTS_S = (1, 8)
FAULTS = ["sink stop", "sink kill", "sink pause", "vsocd kill", "vsocd stop", "reload", "clock"]
LIMITS = {"connections_per_address": (200, 20000), "body_bytes": (4 << 20, 8 << 20), "sender_events_per_second": (0, 50000)}
OTHERS = {"syslog": ("syslog.txt", "text/plain"), "cef": ("cef.txt", "text/plain"), "qsev": ("qsev.bin", "application/vnd.autosar.idsm"),
          "dlt": ("dlt.dlt", "application/vnd.covesa.dlt")}


class Others:
    """Posts the samples of the other formats, each until it is answered; .accepted counts what the reports said."""

    def __init__(self, url):
        self.url, self.accepted, self.retries, self.problem = url, 0, 0, None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for name in itertools.cycle(OTHERS):
                if self.over.wait(0.5):
                    return
                file, content_type = OTHERS[name]
                self._post(name, content_type, (ROOT / "deploy" / "samples" / file).read_bytes())
        except Exception as error:
            self.problem = error

    def _post(self, name, content_type, body):
        headers = {"Content-Type": content_type, "Idempotency-Key": uuid.uuid4().hex, "VSOC-Vehicle": "1M8GDM9AXKP042788"}
        while True:
            request = urllib.request.Request(f"{self.url}/v1/events/{name}", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:
                    report = json.load(reply)
                if report["quarantined"] or report["duplicates"]:
                    raise RigError(f"samples of {name} are not all taken: {report}")
                self.accepted += report["accepted"]
                return
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in (408, 409, 429):
                    raise
            except (OSError, http.client.HTTPException):
                pass
            self.retries += 1
            time.sleep(0.1)  # between two tries

    def finish(self):
        self.over.set()
        self.thread.join()
        if self.problem:
            raise self.problem


class Faults:
    """What goes wrong, one after the other, from the seed alone; .counts by name."""

    def __init__(self, rig, server, clock, options):
        self.rig, self.server, self.clock = rig, server, clock
        self.random, self.seconds = random.Random(options.seed), options.minutes * 60
        self.counts, self.offset, self.problem = dict.fromkeys(FAULTS, 0), -DAYS_BEHIND * DAY_S, None
        self.clock.set(self.offset)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.started = time.monotonic()
        self.thread.start()

    def _run(self):
        try:
            while time.monotonic() - self.started < self.seconds - FAULT_EVERY_S[1]:
                time.sleep(self.random.uniform(*FAULT_EVERY_S))
                name = self.random.choice(FAULTS)
                self._do(name, self.random.choice(SINKS), self.random.uniform(*FAULT_LASTS_S))
                self.counts[name] += 1
        except Exception as error:
            self.problem = error

    def _do(self, name, sink, lasts):
        target, _, how = name.partition(" ")
        if target == "sink":
            begin = {"stop": ["stop"], "kill": ["stop", "--kill"], "pause": ["pause"]}[how]
            self.rig.service(sink, *begin)
            time.sleep(lasts)
            self.rig.service(sink, "resume" if how == "pause" else "start")
        elif target == "vsocd":
            self.server.kill() if how == "kill" else self.server.stop()
            self.server.start()
        elif target == "reload":
            limits = {limit: self.random.choice(values) for limit, values in LIMITS.items()}
            self.server.reload(limits)
        else:
            self._move_clock()

    def _move_clock(self):
        """Up to an hour back or ahead of the day that the run has come to; never later than now."""
        passed = (time.monotonic() - self.started) / self.seconds
        day = -DAYS_BEHIND * DAY_S + int(passed * (DAYS_BEHIND + 1)) * DAY_S
        self.offset = min(0, day + self.random.uniform(-3600, 3600))
        self.clock.set(self.offset)

    def finish(self):
        self.thread.join()
        if self.problem:
            raise self.problem


def fleets(build, server, folder, options):
    """Runs a fleet a minute; their summaries as dicts."""
    summaries = []
    for minute in range(options.minutes):
        load = {"events": options.rate * 60, "rate": options.rate, "batch": BATCH, "connections": options.connections, "vehicles": 500}
        load |= {"seed": options.seed + minute, "timeout": 600, "prebuilt": 0}
        words = ("--ledger", str(folder / f"ledger-{minute}.tsv"), "--bad-every", "500")
        summaries.append(generator.run(build, server.url, load, words))
        print(f"minute {minute + 1} of {options.minutes}", file=sys.stderr, flush=True)
    return summaries


def read_ledgers(folder):
    told = {}
    for path in sorted(folder.glob("ledger-*.tsv")):
        told |= read_told(path)
    return told


def of_the_fleet(store, told, others):
    """The store without events of the other formats; their number goes into others[name]."""
    def events():
        for entry in store.events:
            if entry.event_id in told:
                yield entry
            else:
                others[store.name] = others.get(store.name, 0) + 1

    return store._replace(events=events())


def compare(server, rig, folder, accepted):
    """Raises when a store lacks, doubles or changes an event; the spool may lack what it gave up. How many were told, and the spool still has."""
    told, others = read_ledgers(folder), {}
    pseudonym = pseudonyms(server.folder / "vin.keys")
    full = [postgres_store(rig.dsn), kafka_store(rig.bootstrap, "vsoc.*.v1")]
    check(told, [of_the_fleet(store, told, others) for store in full], pseudonym=pseudonym)
    for name, count in others.items():
        if count != accepted:
            raise RigError(f"{name} has {count} events of the other formats, {accepted} were acknowledged")
    spool = (server.program, server.folder / "data" / "spool")
    done = subprocess.run([str(server.program), "spool", "verify", str(spool[1])], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"spool verify: {done.stdout}{done.stderr}")
    kept = spool_store(spool)
    events = [entry for entry in kept.events if entry.event_id in told]
    left = {entry.event_id: told[entry.event_id] for entry in events}
    check(left, [Store("spool", events, [], ordered=True)], pseudonym=pseudonym)
    return len(told), len(events)


def quarters(samples, summaries):
    """Rows of figures of the four quarters of the run."""
    end, rows = samples[-1]["seconds"], []
    for quarter in range(4):
        part = [one for one in samples if quarter <= 4 * one["seconds"] / end <= quarter + 1]
        fleet = summaries[quarter * len(summaries) // 4 : max(quarter * len(summaries) // 4 + 1, (quarter + 1) * len(summaries) // 4)]
        batches = part[-1]["vsocd_spool_position"] - part[0]["vsocd_spool_position"]
        rows.append(
            {
                "resident mean MiB": sum(one["resident"] for one in part) / len(part),
                "resident most MiB": max(one["resident"] for one in part),
                "open files": max(one["files"] for one in part),
                "threads": max(one["threads"] for one in part),
                f"CPU us a batch of {BATCH}": 1e6 * (part[-1]["cpu"] - part[0]["cpu"]) / max(batches, 1),
                "p50 ms": sorted(one["latency_ms"]["p50"] for one in fleet)[len(fleet) // 2],
                "p99 ms": sorted(one["latency_ms"]["p99"] for one in fleet)[len(fleet) // 2],
                "spool MiB": part[-1]["vsocd_spool_bytes"] / 2**20,
            }
        )
    return rows


def table(rows):
    names = list(rows[0])
    lines = ["| quarter | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    lines += [f"| {n} | " + " | ".join(f"{row[name]:.1f}" for name in names) + " |" for n, row in enumerate(rows, 1)]
    lines.append("| last to first | " + " | ".join(f"{rows[3][name] / max(rows[0][name], 1e-9):.2f}" for name in names) + " |")
    return "\n".join(lines)


def run(options):
    build = options.build.resolve()
    with Rig(SINKS, options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        folder = rig.folder / "ledgers"
        folder.mkdir()
        clock = FakeClock(build, rig.folder)
        settings = [f"listen.ingest.address=127.0.0.1:{free_port()}", f"listen.admin.address=127.0.0.1:{free_port()}"]
        settings += ["spool.segment_bytes=4MiB", "evidence.max_bytes=32MiB", "evidence.when_full=evict", *options.set]
        clock.set(-DAYS_BEHIND * DAY_S)
        server = rig.server(build, "server", SINKS, settings, clock.environment)
        others, faults = Others(server.url), Faults(rig, server, clock, options)
        with Sampler(server, METRICS) as sampler:
            faults.start()
            summaries = fleets(build, server, folder, options)
            samples = list(sampler.samples)  # what comes after is the end of the backlog, not the run
            faults.finish()
            others.finish()
            server.wait_for_sinks(600)
        told, kept = compare(server, rig, folder, others.accepted)
    report(options, facts, samples, summaries, faults, others, told, kept)


def report(options, facts, samples, summaries, faults, others, told, kept):
    rows = quarters(samples, summaries)
    counts = ", ".join(f"{name} {count}" for name, count in faults.counts.items())
    retries = sum(one["retries"] for one in summaries)
    minutes = ["| minute | p50 ms | p99 ms | max ms | repeats |", "| ---: | ---: | ---: | ---: | ---: |"]
    for n, one in enumerate(summaries, 1):
        latency = one["latency_ms"]
        minutes.append(f"| {n} | {latency['p50']:.1f} | {latency['p99']:.1f} | {latency['max']:.0f} | {one['retries']} |")
    text = "\n\n".join(
        [
            f"# soak, {datetime.date.today().isoformat()}",
            f"{options.minutes} minutes, {options.rate} events/s of {options.connections} connections beside syslog, CEF and QSEv; "
            f"`--seed={options.seed}`. Faults: {counts}.",
            f"Ledger: {told} events of the fleet and {others.accepted} of the other formats are once and unaltered in PostgreSQL and Kafka; "
            f"{kept} of them are still in the spool, whose chain is whole. Repeats: {retries + others.retries}.",
            table(rows),
            "\n".join(minutes),
            "\n".join(f"- {what}: {value}" for what, value in facts),
        ]
    )
    print(text)
    if options.write:
        machine.write_result("soak", text + "\n")
