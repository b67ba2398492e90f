"""Scenario `parse`: how fast each parser reads its sample, beside passes over the same bytes that do less.

No server: `parse_speed` runs the record loop of the server over a body in memory. Samples are those of deploy/samples, repeated.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import machine
from rig import ROOT, RigError

SAMPLES = ROOT / "deploy" / "samples"
BODY_BYTES = 1 << 20


def formats(build):
    done = subprocess.run([str(build / "vsocd"), "formats", "--json"], capture_output=True, text=True, check=True)
    return [json.loads(line)["name"] for line in done.stdout.splitlines()]


def samples_of(name):
    return sorted(SAMPLES.glob(f"{name}.*"))


def copies(path, count):
    """A body of so many copies of a sample."""
    text = path.read_bytes()
    if path.name == "otlp.json":  # one document: its list is made longer
        return json.dumps({key: value * count for key, value in json.loads(text).items()}).encode()
    if path.name == "auditd.log":  # records with one number are one event: each copy has numbers of its own
        return b"".join(
            re.sub(rb"(audit\(\d+\.\d+:)(\d+)", lambda m: m[1] + str(int(m[2]) + 1000 * i).encode(), text) for i in range(count)
        )
    return text * count


def measure(build, path, seconds):
    with tempfile.TemporaryDirectory() as folder:
        body = pathlib.Path(folder, path.name)
        body.write_bytes(copies(path, max(1, BODY_BYTES // path.stat().st_size)))
        done = subprocess.run([str(build / "parse_speed"), path.stem, body, str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(done.stderr.strip())
    result = json.loads(done.stdout)
    if result["quarantined"]:
        raise RigError(f"{path.name}: {result['quarantined']} of the copies' records were quarantined")
    return {**result, "sample": path.name}


def megabytes(rate):
    return f"{rate / 1e6:.0f}" if rate else "–"


def table(rows):
    lines = [
        "| sample | bytes an event | MB/s | events/s | µs an event | memchr MB/s | simdjson UTF-8 check MB/s | simdjson, every value MB/s | of it |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        share = f"{r['bytes_per_second'] / r['simdjson']:.0%}" if r["simdjson"] else "–"
        lines.append(
            f"| {r['sample']} | {r['body_bytes'] / r['events']:.0f} | **{megabytes(r['bytes_per_second'])}** | {r['events_per_second']:.0f} "
            f"| {1e6 / r['events_per_second']:.2f} | {megabytes(r['memchr'])} | {megabytes(r['utf8'])} | {megabytes(r['simdjson'])} | {share} |"
        )
    return "\n".join(lines)


def run(options):
    build = options.build.resolve()
    names = options.formats or formats(build)
    rows = [measure(build, path, options.seconds) for name in names for path in samples_of(name)]
    without = [name for name in names if not samples_of(name)]
    if without:
        print(f"without a sample: {', '.join(without)}", file=sys.stderr)
    head = (
        f"# parse, {datetime.date.today().isoformat()}\n\n"
        f"One thread, CPU time, at least {options.seconds:g} s a format: the record loop (split, parse, normalise, look for repeats) over a body of "
        "1 MiB made of\nthe format's sample, without inflating before and encoding after it. memchr and simdjson pass over the same bytes in cache.\n"
    )
    facts = [row for row in machine.facts(build, ROOT) if row[0] in ("CPU", "system", "vsocd", "tree", "build", "simdjson")]
    text = head + "\n" + table(rows) + "\n\n" + "\n".join(f"- {what}: {value}" for what, value in facts) + "\n"
    print(text)
    if options.write:
        machine.write_result("parse", text)
