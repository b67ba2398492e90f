"""Runs a scenario: contenders in turn (A B C, A B C, …), so that what else the machine does meets all alike; a record for each run."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from rig import ROOT, RigError, wait_until

from . import usage
from .contender import Program

sys.path.insert(0, str(ROOT / "tests" / "support"))
from harness import free_port  # noqa: E402


class Run:
    """What a contender finds: load (a dict: events, batch, connections, encoding, …), services (bootstrap, dsn, pids; None where the scenario
    has none), settings (KEY=VALUE for vsocd), build (the folder with the programs) and store (a folder that lasts for all rounds)."""

    def __init__(self, build, load, services=None, settings=(), store=None):
        self.build, self.load, self.services, self.settings, self.store = build, load, services, list(settings), store

    def setting(self, key):
        """Of vsocd in this run: as given, else its default."""
        given = [word.partition("=")[2] for word in self.settings if word.startswith(key + "=")]
        if given:
            return given[-1]
        page = subprocess.run([str(self.build / "vsocd"), "reference", "config"], capture_output=True, text=True, check=True).stdout
        return re.search(rf"^\| `{re.escape(key)}` \|[^|]*\| `([^`]*)`", page, flags=re.M)[1]

    def with_load(self, **changes):
        return Run(self.build, {**self.load, **changes}, self.services, self.settings, self.store)

    def for_contender(self, contender):
        """The same run, with fewer events for one that is very slow."""
        return self.with_load(events=min(self.load["events"], contender.events_most)) if contender.events_most else self


@contextlib.contextmanager
def empty_folder():
    """On the disk of this tree: /tmp may be memory, where a sync costs nothing."""
    (ROOT / "run").mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(prefix="load-test-", dir=ROOT / "run")
    try:
        yield pathlib.Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Meter:
    """What processes, services and the disk use between begin() and end()."""

    def __init__(self, contender, run, folder):
        self.contender, self.run, self.folder = contender, run, folder

    def begin(self):
        usage.forget_peaks(self.contender.pids())
        self.before, self.services = usage.look(self.contender.pids()), self._services()
        self.syncs, self.flushes = self.contender.syncs(), usage.disk_flushes(self.folder)
        self.began = time.monotonic()

    def end(self, events):
        """The record's figures."""
        seconds = time.monotonic() - self.began
        used = usage.difference(self.before, usage.look(self.contender.pids()))
        found = figures(events, seconds, used)
        if self.services is not None:
            found["services"] = cpu_of(usage.difference(self.services, self._services()))
        syncs = self.contender.syncs()
        found["syncs"] = None if syncs is None else syncs - self.syncs
        found["disk_flushes"] = flushes_since(self.flushes, self.folder)
        return found

    def _services(self):
        return usage.look(self.run.services.pids()) if self.run.services else None


def flushes_since(before, folder):
    now = usage.disk_flushes(folder)
    return None if before is None or now is None else now - before


def cpu_of(used):
    return {name: used[name] for name in ("user", "system", "processes")}


def figures(events, seconds, used):
    return {
        "events": events,
        "seconds": seconds,
        "cpu": cpu_of(used),
        "rss_peak_bytes": used["rss_peak_bytes"],
        "bytes_written": used["written_bytes"],
        "latency_ms": None,
        "outliers": [],
        "generator": None,
        "services": None,
    }


def add_summary(found, summary):
    """What the generator saw goes into the record."""
    found["latency_ms"] = summary["latency_ms"]
    found["outliers"] = summary.get("outliers", [])
    found["generator"] = {name: summary[name] for name in ("cpu_seconds", "send_cpu_seconds", "seconds", "requests", "retries") if name in summary}
    return found


def post(contender, run, folder):
    """Driver: the generator posts all events; it is over when the contender has every one where it promises to bring it. Connecting (and
    TLS handshakes) come before."""
    meter = Meter(contender, run, folder)
    summary = contender.send(run, meter.begin)
    if contender.arrived() is not None:
        wait_for_all(contender, run)
        return add_summary(meter.end(run.load["events"]), summary)
    return {**add_summary(meter.end(run.load["events"]), summary), "seconds": summary["seconds"]}


def half_load(contender, run, folder):
    """Driver: first as fast as answers come, then for load["seconds"] at half that rate, each batch when it is due, whatever happened to
    those before it. What is measured is the second part."""
    full = contender.send(run.with_load(prebuilt="all"))
    rate = int(full["events_per_second"] / 2)
    batches = max(1, int(rate * run.load["seconds"]) // run.load["batch"])
    paced = run.with_load(rate=rate, events=batches * run.load["batch"], reuse=min(batches, 20000), timeout=run.load["seconds"] * 3 + 60)
    meter = Meter(contender, run, folder)
    summary = contender.send(paced, meter.begin)
    found = add_summary(meter.end(paced.load["events"]), summary)
    return {**found, "seconds": summary["seconds"], "rate": rate, "log_near_outliers": contender.log_near(found["outliers"])}


def drain(contender, run, folder):
    """Driver: the contender begins with a spool of all events; what is measured is the way to the sinks, from the first delivered load to
    the last. A contender of this scenario has filled the spool before it was started (Vsocd.start with load["spool"]). A peer has no spool
    that it could begin with: its figure is the whole way from the socket, as its settings say."""
    if contender.role == "peer":
        return post(contender, run, folder)
    seconds = run.load.get("timeout", 300)
    wait_until(lambda: contender.arrived() > 0, seconds, f"{contender.name} delivering", interval=0.05)
    meter = Meter(contender, run, folder)
    meter.begin()
    first = contender.arrived()
    wait_for_all(contender, run)
    return meter.end(run.load["events"] - first)


def wait_for_all(contender, run):
    events = run.load["events"]

    def all_there():
        have = contender.arrived()
        if have > events:
            raise RigError(f"{contender.name}: {have} events have arrived, {events} were sent")
        return have == events

    wait_until(all_there, run.load.get("timeout", 300), f"{contender.name} delivering {events} events", interval=0.1)


def run_program(program, run, folder):
    before = usage.look(run.services.pids()) if run.services else None
    flushes = usage.disk_flushes(folder)
    said = program.run_once(run, folder)
    user = said.get("user_seconds", said["cpu_seconds"] - said.get("system_seconds", 0.0))
    process = {"name": program.path.name, "count": 1, "user": user, "system": said.get("system_seconds", 0.0), "threads": {}}
    used = {"user": user, "system": process["system"], "processes": [process]}
    found = figures(said["events"], said["seconds"], {**used, "rss_peak_bytes": said.get("rss_peak_bytes"), "written_bytes": said.get("bytes_written")})
    found["latency_ms"], found["syncs"] = said.get("latency_ms"), said.get("syncs")
    found["disk_flushes"] = flushes_since(flushes, folder)
    if before is not None:
        found["services"] = cpu_of(usage.difference(before, usage.look(run.services.pids())))
    return found


def one(contender, run, driver):
    """One run of one contender: its figures. Whatever happens, its processes are gone afterwards."""
    run = run.for_contender(contender)
    with empty_folder() as folder:
        if isinstance(contender, Program):
            return run_program(contender, run, folder)
        try:
            contender.start(free_port(), folder, run)
            found = driver(contender, run, folder)
            contender.check(run)
            return found
        finally:
            contender.stop()


def line(record):
    """For people who wait."""
    cpu = record["cpu"]["user"] + record["cpu"]["system"]
    text = f"{record['scenario']} {record['round']}: {record['contender']}"
    text += "".join(f" {name}={value}" for name, value in record["point"].items())
    text += f": {record['events']} events, {record['events'] / record['seconds']:,.0f}/s, {cpu / record['events'] * 1e6:.2f} µs CPU an event"
    if record["latency_ms"]:
        text += f", p99 {record['latency_ms']['p99']:.1f} ms"
    return text


def progress(text):
    print(text, file=sys.stderr, flush=True)


def sweep(scenario, contender, points, rounds, driver=post):
    """Records of one contender over points [(point, run)]; each round goes through all of them."""
    records = []
    for number in range(1, rounds + 1):
        for point, run in points:
            records += [{**record, "round": number} for record in alternate(scenario, [contender], run, 1, driver, point)]
    return records


def alternate(scenario, contenders, run, rounds, driver=post, point=None, say=progress):
    """Records of so many rounds over those that are available. A contender that fails ends the run if it is ours, else it is left out from
    then on and said so."""
    records, out = [], set()
    for number in range(1, rounds + 1):
        for contender in contenders:
            if contender.name in out or contender.available() is not None:
                continue
            try:
                found = one(contender, run, driver)
            except (RigError, OSError, subprocess.SubprocessError) as error:
                if contender.role == "us":
                    raise
                out.add(contender.name)
                say(f"{scenario} {number}: {contender.name} is left out: {error}")
                continue
            records.append({"contender": contender.name, "scenario": scenario, "point": dict(point or {}), "round": number, **found})
            say(line(records[-1]))
    return records
