"""Scenario `growth`: does an event cost the same however many there are, over however many connections, in however many segments?"""

import machine
from bench import results, rounds
from bench.rounds import Run
from bench.vsocd import Vsocd
from rig import Rig

QUESTION = "Does an event cost the same as their number, the connections and the segments of the spool grow?"
BOUND = 0.10
CONNECTIONS = (10, 100, 1000, 10000)
SEGMENT_MIB = (1, 4, 16, 64, 256)
REUSE = 5000  # bodies: half a million different events


def powers(largest):
    count, found = 100_000, []
    while count <= largest:
        found.append(count)
        count *= 10
    return found


def points(options, build):
    """[(point, run)] of all sweeps."""

    def run(settings=(), **load):
        base = {"events": options.events, "batch": 100, "connections": 32, "vehicles": 1000, "encoding": "gzip", "reuse": REUSE, "timeout": options.timeout}
        return Run(build, base | load, settings=[*settings, "limits.connections=20000", *options.set])

    found = [({"events": count}, run(events=count)) for count in powers(options.up_to)]
    found += [({"connections": count}, run(connections=count)) for count in CONNECTIONS if count <= options.connections]
    return found + [({"segment_mib": size}, run([f"spool.segment_bytes={size}MiB"])) for size in SEGMENT_MIB]


def flatness(summary):
    """[(what grows, smallest and largest median, greatest distance from their middle as a share)]."""
    groups = {}
    for row in summary:
        groups.setdefault(next(iter(row["point"])), []).append(row["us_per_event"]["median"])
    return [(name, min(costs), max(costs), (max(costs) - min(costs)) / (max(costs) + min(costs))) for name, costs in groups.items()]


def flatness_table(summary):
    lines = [f"| grows | least µs an event | most | ± | within {BOUND:.0%} |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [f"| {name.replace('_', ' ')} | {low:.2f} | {high:.2f} | {share:.1%} | {'yes' if share <= BOUND else 'no'} |" for name, low, high, share in flatness(summary)]
    return "\n".join(lines)


def measure(options):
    build = options.build.resolve()
    vsocd = Vsocd(build=build)
    with Rig((), options.keep) as rig:
        facts = machine.facts(build, rig.folder)
    records = rounds.sweep("growth", vsocd, points(options, build), options.rounds)
    load = {"events": options.events, "batch": 100, "connections": 32}
    doc = results.document("growth", QUESTION, load, [vsocd], records, "vsocd", facts, options.command)
    doc["notes"].append(flatness_table(doc["summary"]))
    return doc


def run(options):
    return results.finish(measure(options), options.write)
