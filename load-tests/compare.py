"""Scenario `compare`: do instructions an event grow against another build? Callgrind counts, so it shows on a noisy machine too.

Parsing and encoding each format's sample (`body_cost`, all within pipeline_run), and accepting in the whole server: two runs of different
length are subtracted, so what a start costs is not in it. Callgrind counts 2,040 instructions for a block of SHA-256 that takes about 100
cycles natively, and no misses of branches and caches: a change that counts well is measured natively too.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from bench import generator
from parse import copies, formats, samples_of
from rig import ROOT, Rig, RigError, wait_until

BODY_BYTES = 200_000
ACCEPT_EVENTS = (1000, 4000)  # of the two runs
SEED, START_MS = 7, 1795342505000


def build_of(base):
    """A folder with programs: as given, or built from the git ref in a work tree of its own."""
    if (pathlib.Path(base) / "vsocd").exists():
        return pathlib.Path(base).resolve()
    found = subprocess.run(["git", "rev-parse", "--verify", f"{base}^{{commit}}"], capture_output=True, text=True, cwd=ROOT)
    if found.returncode != 0:
        raise RigError(f"{base} is neither a build folder nor a git ref")
    tree = ROOT / "build" / f"base-{found.stdout[:12]}"
    if not (tree / "build/release/vsocd").exists():
        steps = [["git", "worktree", "add", "--force", "--detach", str(tree), found.stdout.strip()]] if not tree.exists() else []
        steps += [["cmake", "--preset", "release"], ["cmake", "--build", "build/release", "--target", "vsocd", "body_cost"]]
        for step in steps:
            print(f"compare: {' '.join(step)}", file=sys.stderr)
            where = ROOT if step[0] == "git" else tree
            if subprocess.run(["nice", *step], cwd=where, stdout=subprocess.DEVNULL).returncode != 0:
                raise RigError(f"{' '.join(step)} failed")
    return tree / "build/release"


def counted(words, out, more=()):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *more, *map(str, words)]


def instructions(out):
    """The total of a callgrind file."""
    found = re.search(r"^(?:summary|totals): (\d+)", pathlib.Path(out).read_text(), flags=re.M)
    if not found:
        raise RigError(f"{out} has no total: callgrind counted nothing")
    return int(found[1])


def parse_cost(build, path, folder):
    """Instructions an event of parsing and encoding the sample; None: that build does not know the format."""
    body, out = folder / path.name, folder / "callgrind.out"
    body.write_bytes(copies(path, max(1, BODY_BYTES // path.stat().st_size)))
    words = [build / "body_cost", path.stem, "identity", body, "0.000001"]
    done = subprocess.run(counted(words, out, ["--toggle-collect=pipeline_run"]), capture_output=True, text=True)
    if done.returncode != 0:
        return None
    items = int(re.search(r'"items":(\d+)', done.stdout)[1])
    return instructions(out) / items if items else None


def accept_instructions(build, generator_build, events, out):
    """Of a whole server's life that accepts so many events, one batch after the other."""
    with Rig(()) as rig:
        folder = rig.folder / "server"
        folder.mkdir()
        server = rig.prepared(build, folder, ())
        real, wrapper = server.program, folder / "counted"
        wrapper.write_text("#!/bin/sh\nexec " + " ".join(counted([real], out)) + ' "$@"\n')
        wrapper.chmod(0o755)
        server.program = wrapper
        server.start()
        load = {"events": events, "batch": 100, "connections": 1, "vehicles": 1000, "seed": SEED, "time": START_MS, "timeout": 300}
        generator.run(generator_build, server.url, load)
        server.stop()
        wait_until(lambda: out.exists() and out.stat().st_size, 30, "callgrind's file")
    return instructions(out)


def accept_cost(build, generator_build, folder):
    short, long = (accept_instructions(build, generator_build, events, folder / f"accept-{events}.out") for events in ACCEPT_EVENTS)
    return (long - short) / (ACCEPT_EVENTS[1] - ACCEPT_EVENTS[0])


def rows(base, build, options):
    """[(what, before, after)]"""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for path in [path for form in options.formats or formats(build) for path in samples_of(form)]:
            row = path.name, parse_cost(base, path, folder), parse_cost(build, path, folder)
            print(f"compare: {text_of(row)}", file=sys.stderr)
            yield row
        if options.accept:
            yield "accept, whole server", accept_cost(base, build, folder), accept_cost(build, build, folder)


def change(before, after):
    return None if not before or not after else 100 * (after - before) / before


def text_of(row):
    what, before, after = row
    grown = change(before, after)
    return f"{what}: " + (f"{before:,.0f} → {after:,.0f}, {grown:+.1f} %" if grown is not None else "not in both builds")


def table(found, limit):
    lines = ["| instructions an event | before | now | change | |", "| --- | ---: | ---: | ---: | --- |"]
    for what, before, after in found:
        grown = change(before, after)
        cells = [f"{value:,.0f}" if value else "–" for value in (before, after)] + [f"{grown:+.1f} %" if grown is not None else "–"]
        lines.append(f"| {what} | {' | '.join(cells)} | {'**grown**' if grown is not None and grown > limit else ''} |")
    return "\n".join(lines)


def run(options):
    if not shutil.which("valgrind"):
        raise RigError("valgrind is needed (deploy/install-deps --test)")
    base, build = build_of(options.base), options.build.resolve()
    found = list(rows(base, build, options))
    print(table(found, options.limit))
    grown = [what for what, before, after in found if (change(before, after) or 0) > options.limit]
    if grown:
        raise RigError(f"grown by more than {options.limit:g} %: {', '.join(grown)}")
