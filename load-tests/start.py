"""Scenario `start`: how long until a server with a spool answers, after a clean stop and after kill -9, with the spool in memory or not."""

import os
import pathlib
import statistics
import time

import machine
from bench import generator, results, rounds, usage
from bench.vsocd import Vsocd
from rig import Rig

QUESTION = "How long does a server with a spool take until it is ready, and what does it read?"
EVENT_BYTES = 165  # in the spool, about
REUSE = 5000
LOOK_S = 0.002
ONE_BATCH = {"events": 100, "batch": 100, "connections": 1}


def fill(rig, build, name, load, settings):
    """A stopped server whose spool has all events."""
    server = rig.server(build, name, (), settings)
    generator.run(build, server.url, load)
    server.stop()
    return server


def forget_pages(folder):
    """The kernel drops what it keeps of these files."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_bytes(pid):
    """(by read calls, from the disk) so far."""
    io = usage.lines_of(f"/proc/{pid}/io")
    return int(io["rchar"]), int(io["read_bytes"])


def begin(server, cold):
    """Figures of one start; the server runs afterwards."""
    if cold:
        forget_pages(server.folder / "data")
    began = time.monotonic()
    server.start(LOOK_S)
    seconds = time.monotonic() - began
    used = usage.difference({}, usage.look([server.process.pid]))
    found = rounds.figures(int(server.total("vsocd_spool_events_total")), seconds, used)
    called, disk = read_bytes(server.process.pid)
    return {**found, "syncs": None, "disk_flushes": None, "read_bytes": called, "disk_read_bytes": disk, "spool_bytes": int(server.total("vsocd_spool_bytes"))}


def starts(server, events, what, rounds_):
    """Records: clean and killed, cold and warm, in turn."""
    records = []
    for number in range(1, rounds_ + 1):
        for end in ("clean stop", "kill -9"):
            for cache in ("cold", "warm"):
                server.start()
                generator.run(server.program.parent, server.url, ONE_BATCH)  # it is in the spool when the server ends
                (server.kill if end == "kill -9" else server.stop)()
                found = begin(server, cache == "cold")
                server.stop()
                point = {"spool": what, "after": end, "cache": cache}
                records.append({"contender": "vsocd", "scenario": "start", "point": point, "round": number, **found, "events": events})
                rounds.progress(f"start {number}: {what}, {end}, {cache}: {found['seconds']:.3f} s, {found['read_bytes'] / 2**20:.0f} MiB read")
    return records


def table(records):
    lines = ["| spool | MiB | after | pages | s until ready | CPU s | MiB read | of them from the disk |", "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: |"]
    groups = {}
    for record in records:
        groups.setdefault(tuple(record["point"].values()), []).append(record)
    for (what, end, cache), group in groups.items():
        middle = [statistics.median(value(r) for r in group) for value in (lambda r: r["seconds"], lambda r: r["cpu"]["user"] + r["cpu"]["system"])]
        sizes = [statistics.median(r[name] for r in group) / 2**20 for name in ("spool_bytes", "read_bytes", "disk_read_bytes")]
        lines.append(f"| {what} | {sizes[0]:.0f} | {end} | {cache} | **{middle[0]:.3f}** | {middle[1]:.2f} | {sizes[1]:.1f} | {sizes[2]:.1f} |")
    return "\n".join(lines)


def spools(options):
    """[(what, load)]"""
    base = {"connections": 32, "vehicles": 1000, "encoding": "gzip", "reuse": REUSE, "timeout": 600}
    events = max(100, int(options.gib * 2**30 / EVENT_BYTES) // 100 * 100)
    found = [(f"{options.gib:g} GiB, batches of 100", base | {"events": events, "batch": 100})]
    if options.small:
        found.append((f"{options.small:,} batches of one event", base | {"events": options.small, "batch": 1, "connections": 200}))
    return found


def measure(options):
    build, records = options.build.resolve(), []
    settings = ["spool.max_bytes=1TiB", *options.set]
    with Rig((), options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        for number, (what, load) in enumerate(spools(options)):
            server = fill(rig, build, f"spool-{number}", load, settings)
            records += starts(server, load["events"], what, options.rounds)
    doc = results.document("start", QUESTION, {"gib": options.gib, "small": options.small}, [Vsocd(build=build)], records, "vsocd", facts, options.command)
    doc["notes"].append(table(records))
    return doc


def run(options):
    return results.finish(measure(options), options.write)
