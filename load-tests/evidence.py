"""Scenario `evidence`: what tree, commitments, encryption and audit log cost at the door, beside a build that has none of them; how fast
everything is checked, beside reading the same files; what a proof costs."""

import json
import os
import pathlib
import statistics
import subprocess
import time

import machine
import start
from bench import figures, results, rounds
from bench.rounds import Run
from bench.vsocd import Vsocd
from compare import build_of
from rig import Rig, RigError

QUESTION = "What does evidence cost: of a batch accepted, of checking all of it, of one proof?"
WITHOUT = "without evidence"
LOADS = (  # (what, load): both builds in turn
    ("batches of 100", {"batch": 100, "connections": 32}),
    ("batches of 1", {"batch": 1, "connections": 200}),
)
EVENTS_OF_ONE = 20  # so many times fewer events in batches of one
PROOFS = 200
BLOCK = 1 << 20


def timed(command):
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"{' '.join(map(str, command))} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return time.monotonic() - began, done.stdout


def read_segments(spool):
    """Seconds to read the segments once, in order: the floor of every check."""
    began = time.monotonic()
    for path in sorted(pathlib.Path(spool).glob("*.seg")):
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while os.read(fd, BLOCK):
            pass
        os.close(fd)
    return time.monotonic() - began


def checks(server, spool_bytes, rounds_):
    """{what: [MB/s]}; the pages of the spool are dropped before each."""
    program, data = server.program, server.folder / "data"
    found = {}
    for number in range(1, rounds_ + 1):
        for what, run in (
            ("reading the segments", lambda: read_segments(data / "spool")),
            ("spool verify", lambda: timed([program, "spool", "verify", data])[0]),
            ("evidence audit", lambda: timed([program, "evidence", "audit", "-c", server.config])[0]),
        ):
            start.forget_pages(data / "spool")
            seconds = run()
            found.setdefault(what, []).append(spool_bytes / 1e6 / seconds)
            rounds.progress(f"evidence {number}: {what}: {seconds:.2f} s, {found[what][-1]:.0f} MB/s")
    return found


def batch_ids(server, count):
    """The newest `count` ids, and one more."""
    _, out = timed([server.program, "spool", "list", "--json", server.folder / "data"])
    last = json.loads(out)["last_position"]
    _, out = timed([server.program, "spool", "export", server.folder / "data", "-c", server.config, "--from", str(last - 2 * count)])
    ids = list(dict.fromkeys(json.loads(line)["batch_uid"] for line in out.splitlines()))
    if len(ids) <= count:
        raise RigError(f"{len(ids)} batches near the end of the spool; {count + 1} are needed")
    return ids[-count - 1 :]


def exports(server, rounds_):
    """Milliseconds of a bundle of one record, and of each further one of PROOFS: opened, proven, written."""
    ids, found = batch_ids(server, PROOFS), []
    for number in range(1, rounds_ + 1):
        seconds = []
        for some in (ids[-1:], ids):
            out = server.folder / f"bundle-{number}-{len(some)}.tar"
            words = ["evidence", "export", "-c", server.config, "--batch", ",".join(some), "--reason", "load test", "--by", "load test", "-o", out]
            seconds.append(timed([server.program, *words])[0])
        found.append((seconds[0] * 1e3, (seconds[1] - seconds[0]) / PROOFS * 1e3))
        rounds.progress(f"evidence {number}: a bundle of one record {found[-1][0]:.0f} ms, each further record {found[-1][1]:.3f} ms")
    return found


def shares_table(summary):
    """Events a CPU second with evidence as a share of those without."""
    lines = ["| load | µs an event | without evidence | share of events a CPU second |", "| --- | ---: | ---: | ---: |"]
    cost = {(row["contender"], row["point"]["load"]): row["us_per_event"]["median"] for row in summary}
    for what, _ in LOADS:
        ours, base = cost["vsocd", what], cost[WITHOUT, what]
        lines.append(f"| {what} | {ours:.2f} | {base:.2f} | {base / ours:.2f} |")
    return "\n".join(lines)


def checks_table(found, spool_bytes):
    floor = statistics.median(found["reading the segments"])
    lines = [f"| pass over {spool_bytes / 2**30:.2f} GiB, pages dropped before | MB/s | of reading |", "| --- | ---: | ---: |"]
    for what, speeds in found.items():
        lines.append(f"| {what} | {results.cell(figures.spread(speeds), 0)} | {statistics.median(speeds) / floor:.2f} |")
    return "\n".join(lines)


def exports_table(found):
    one, more = (results.cell(figures.spread([pair[i] for pair in found]), digits) for i, digits in ((0, 0), (1, 3)))
    return f"| bundle | ms |\n| --- | ---: |\n| of one record, whole command | {one} |\n| each of {PROOFS:,} further records: opened, proven, written | {more} |"


def measure(options):
    build, records = options.build.resolve(), []
    contenders = [Vsocd(build=build), Vsocd(name=WITHOUT, build=build_of(options.without))]
    base = {"vehicles": 1000, "encoding": "gzip", "timeout": options.timeout}
    with Rig((), options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        for what, load in LOADS:
            events = options.events if load["batch"] > 1 else options.events // EVENTS_OF_ONE
            records += rounds.alternate("evidence", contenders, Run(build, base | load | {"events": events}, settings=options.set), options.rounds, point={"load": what})
        events = max(200_000, int(options.gib * 2**30 / start.EVENT_BYTES) // 100 * 100)
        load = base | {"batch": 100, "connections": 32, "reuse": start.REUSE, "events": events, "timeout": 3600}
        server = start.fill(rig, build, "filled", load, ["spool.max_bytes=1TiB", *options.set])
        size = sum(path.stat().st_size for path in (server.folder / "data/spool").glob("*.seg"))
        speeds, bundles = checks(server, size, options.rounds), exports(server, options.rounds)
    doc = results.document("evidence", QUESTION, {"events": options.events, "gib": options.gib}, contenders, records, "vsocd", facts, options.command)
    doc["notes"] += [shares_table(doc["summary"]), checks_table(speeds, size), exports_table(bundles)]
    return doc


def run(options):
    return results.finish(measure(options), options.write)
