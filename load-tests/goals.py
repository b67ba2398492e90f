"""Scenarios `goals` and `quick`: all that the table of goals needs, each scenario once, in one table with floors and peers.

`quick` is the same with small counts and without peers, in under a minute on an idle machine: it shows that all works and roughly where it
stands. A scenario that can't run here (no Java, say) leaves its rows out and says so.
"""

import argparse
import datetime
import json
import os
import sys
import time

import accept
import growth
import machine
import memory
import parse as parse_scenario
import start
from bench import goals_table, registry, results
from rig import ROOT, Rig, RigError

MARK = "<!-- vsocd goals: load-tests/run goals --docs -->\n"
WHOLE = {
    "accept": {"events": 300_000, "rounds": 2},
    "accept-tls": {"events": 1_000_000, "rounds": 2},
    "one-event": {"events": 100_000, "connections": 200, "rounds": 2},
    "half-load": {"events": 500_000, "rounds": 1, "seconds": 40},
    "kafka": {"events": 1_000_000, "rounds": 2},
    "postgres": {"events": 1_000_000, "rounds": 2},
    "end-to-end": {"events": 300_000, "rounds": 2},
    "start": {"gib": 2, "small": 100_000, "rounds": 1},
    "memory": {"events": 500_000, "batches": 1_000_000, "tls": 500, "rounds": 1},
    "growth": {"up_to": 1_000_000, "connections": 10000, "events": 1_000_000, "rounds": 1},
    "parse": {"seconds": 0.4},
}
QUICK = {
    "accept": {"events": 100_000, "rounds": 1},
    "accept-tls": {"events": 100_000, "rounds": 1},
    "one-event": {"events": 20_000, "connections": 200, "rounds": 1},
    "half-load": {"events": 100_000, "rounds": 1, "seconds": 2},
    "kafka": {"events": 150_000, "rounds": 1},
    "postgres": {"events": 150_000, "rounds": 1},
    "end-to-end": {"events": 50_000, "rounds": 1},
    "start": {"gib": 0.1, "small": 0, "rounds": 1},
    "memory": {"events": 0, "batches": 10_000, "tls": 100, "rounds": 1},
    "parse": {"seconds": 0.05},
}
NO_GOAL = ("floor: inflate", "floor: simdjson", "floor: producer, no headers", "floor: COPY, 2 connections, without keys")  # not for `quick`
SINKS = {name: kind.sinks for name, kind in accept.SCENARIOS.items() if kind.sinks}
ROWS = {
    "accept": goals_table.accept_rows,
    "accept-tls": goals_table.tls_rows,
    "one-event": goals_table.one_event_rows,
    "half-load": goals_table.latency_rows,
    "kafka": goals_table.kafka_rows,
    "postgres": goals_table.postgres_rows,
    "end-to-end": goals_table.end_to_end_rows,
    "start": goals_table.start_rows,
    "memory": goals_table.memory_rows,
    "growth": lambda doc: goals_table.growth_rows(growth.flatness(doc["summary"])),
    "parse": goals_table.parser_rows,
}


def options_of(options, sizes, scenario, names):
    """What the scenario finds as its command line."""
    given = {"batch": 100, "connections": 32, "vehicles": 1000, "encoding": "gzip", "rate": 0, "ack": None, "timeout": 300, "contenders": names}
    if options.divide > 1:
        sizes = {name: smaller(name, value, options.divide) for name, value in sizes.items()}
    return argparse.Namespace(**{**vars(options), **given, **sizes, "scenario": scenario})


def smaller(name, value, divide):
    """Counts of events and batches, and sizes; not rounds and connections."""
    if name in ("events", "batches", "small", "up_to"):
        return max(1000, value // divide) // 100 * 100 if value else 0
    return value / divide if name in ("gib", "seconds") and isinstance(value, float) else value


def one(scenario, options, rig):
    """The document of a scenario; of parse: its rows."""
    if scenario == "parse":
        build = options.build.resolve()
        names = parse_scenario.formats(build)
        return [parse_scenario.measure(build, path, options.seconds) for name in names for path in parse_scenario.samples_of(name)]
    if scenario in accept.SCENARIOS:
        return accept.measure(scenario, options, rig)
    return {"start": start, "memory": memory, "growth": growth}[scenario].measure(options)


def measure(options, sizes, names):
    """({scenario: document}, [why one is missing]); scenarios with sinks share PostgreSQL and Kafka."""
    docs, missing = {}, []
    alone = [name for name in sizes if name not in SINKS and name in options.only]
    with_sinks = [name for name in sizes if name in SINKS and name in options.only]

    def attempt(scenario, rig=None):
        began = time.monotonic()
        try:
            docs[scenario] = one(scenario, options_of(options, sizes[scenario], scenario, names), rig)
            print(f"{options.scenario}: {scenario} took {time.monotonic() - began:.0f} s", file=sys.stderr)
        except RigError as error:
            missing.append(f"{scenario}: {error}")
            print(f"{scenario} is left out: {error}", file=sys.stderr)

    for scenario in alone:
        attempt(scenario)
    if with_sinks:
        try:
            with Rig(sorted({sink for name in with_sinks for sink in SINKS[name]}), options.keep) as rig:
                for scenario in with_sinks:
                    attempt(scenario, rig)
        except RigError as error:
            missing.append(f"{', '.join(with_sinks)}: {error}")
    return docs, missing


def table(docs, folder=None):
    """Rows of all documents. folder: of results, where peers may be that were not part of a run."""
    found = {scenario: with_peers(doc, folder) if folder and isinstance(doc, dict) else doc for scenario, doc in docs.items()}
    return [line | {"scenario": scenario} for scenario, rows in ROWS.items() if scenario in found for line in rows(found[scenario])]


def with_peers(doc, folder):
    """The document, with the peers of another result of the same day and scenario if no peer ran in it."""
    own = peers_of(doc)
    if own[1]:
        return doc
    for path in sorted(folder.glob(f"{doc['date']}-*.json")):
        other = json.loads(path.read_text())
        contenders, summary = peers_of(other) if other.get("scenario") == doc["scenario"] else ([], [])
        if summary:
            rest = [one for one in doc["contenders"] if one["role"] != "peer"]
            return {**doc, "contenders": rest + contenders, "summary": doc["summary"] + summary}
    return doc


def peers_of(doc):
    """(its peers as contenders, their rows of the summary)"""
    peers = [one for one in doc["contenders"] if one["role"] == "peer"]
    return peers, [one for one in doc["summary"] if one["contender"] in {peer["name"] for peer in peers}]


def report(rows, missing, options, facts):
    reached = sum(1 for one_row in rows if one_row["reached"])
    known = sum(1 for one_row in rows if one_row["reached"] is not None)
    parts = [
        f"# goals, {datetime.date.today().isoformat()}",
        f"`{options.command}`: {reached} of {known} goals that were measured are reached. CPU is user + system of a contender's processes; all of a row "
        "come from one run, in turns.",
        goals_table.markdown(rows),
        "\n".join(f"- left out: {why}" for why in missing),
        "\n".join(f"- {what}: {value}" for what, value in facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def merged(rows, path):
    """The rows of the last run of this day, with those that were measured now in their places."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    now = {one_row["measure"]: one_row for one_row in rows}
    kept = [now.pop(one_row["measure"], one_row) for one_row in old]
    order = list(ROWS)
    return sorted(kept + list(now.values()), key=lambda one_row: order.index(one_row["scenario"]) if "scenario" in one_row else len(order))


def write(text, rows, docs):
    """The results of the scenarios, and the table as JSON and Markdown."""
    for doc in docs.values():
        if isinstance(doc, dict):
            results.write(doc)
    stem = machine.RESULTS / f"{datetime.date.today().isoformat()}-goals"
    stem.with_suffix(".md").write_text(text)
    stem.with_suffix(".json").write_text(json.dumps({"format": results.FORMAT, "scenario": "goals", "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {os.path.relpath(stem.with_suffix('.md'))}", file=sys.stderr)


def not_run(rows):
    """A row for each scenario that has none."""
    known = {one_row.get("scenario") for one_row in rows}
    return [goals_table.row(f"scenario {name}", "–", "–", None, why="not run") for name in ROWS if name not in known]


def update_pages(rows):
    """The tables of docs/performance.md (whole) and README.md (short)."""
    whole = [*rows, *not_run(rows)]
    for name, table_text in (("docs/performance.md", goals_table.markdown(whole)), ("README.md", goals_table.short(rows))):
        path = ROOT / name
        before, start_line, rest = path.read_text().partition(MARK)
        _, end, after = rest.partition("<!-- end -->\n")
        if not end:
            raise RigError(f"{name} has no place for the table: the lines {MARK.strip()} and <!-- end -->")
        path.write_text(f"{before}{start_line}\n{table_text}\n\n{end}{after}")


def run(options):
    build, quick = options.build.resolve(), options.scenario == "quick"
    facts = machine.facts(build, ROOT)
    names = [one_floor.name for one_floor in registry.floors(build)] if quick or options.no_peers else None
    names = [name for name in names if name not in NO_GOAL] if quick else names
    options.only = options.only or list(ROWS)
    docs, missing = measure(options, QUICK if quick else WHOLE, names)
    rows = table(docs, None if quick else machine.RESULTS)
    if options.write and not quick:
        rows = merged(rows, machine.RESULTS / f"{datetime.date.today().isoformat()}-goals.json")
    text = report(rows, missing, options, facts)
    print(text)
    if options.write:
        write(text, rows, docs)
    if options.docs:
        update_pages(rows)
    if not rows:
        raise RigError("nothing was measured: " + "; ".join(missing))
