"""What becomes of measured runs: load-tests/results/<date>-<scenario>.json and .md. The JSON's shape is described in load-tests/README.md."""

import datetime
import json
import os
import sys

import machine
import plot

from . import figures

FORMAT = 1
OWN_TABLES = ("start", "memory")


def document(scenario, question, load, contenders, records, reference, facts, command, notes=()):
    return {
        "format": FORMAT,
        "scenario": scenario,
        "question": question,
        "date": datetime.date.today().isoformat(),
        "command": command,
        "reference": reference,
        "load": load,
        "machine": dict(facts),
        "contenders": [contender.about() for contender in contenders],
        "records": records,
        "summary": figures.summarize(records, reference),
        "notes": list(notes),
    }


def cell(spread, digits=2, scale=1.0):
    """median (min–max), or a dash."""
    if not spread:
        return "–"
    low, middle, high = (f"{spread[key] / scale:,.{digits}f}" for key in ("min", "median", "max"))
    return middle if low == high else f"**{middle}** ({low}–{high})"


def point_text(point):
    return ", ".join(f"{value:,} {name.replace('_', ' ')}" if isinstance(value, int) else f"{name.replace('_', ' ')} {value}" for name, value in point.items())


def summary_table(summary):
    points = any(row["point"] for row in summary)
    latency = any(row["latency_ms"] for row in summary)
    services = any(row["service_us_per_event"] for row in summary)
    head = ["contender"] + ["at"] * points + ["runs", "CPU µs an event"] + ["of services"] * services + ["events/s", "cost beside the reference", "peak MiB", "bytes written an event"]
    head += ["p50 ms", "p99 ms", "p99.9 ms", "max ms"] * latency
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * (1 + points) + " ---: |" * (len(head) - 1 - points)]
    for row in summary:
        cost = (row["ratio"] or {}).get("cost")
        cells = [row["contender"]] + [point_text(row["point"])] * points
        cells += [str(row["runs"]), cell(row["us_per_event"])] + [cell(row["service_us_per_event"])] * services
        cells += [cell(row["events_per_second"], 0), f"{cost:.2f}" if cost else "–"]
        cells += [cell(row["rss_peak_bytes"], 0, 1 << 20), cell(row["bytes_per_event"], 0)]
        if latency:
            cells += [cell((row["latency_ms"] or {}).get(share)) for share in ("p50", "p99", "p99_9", "max")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cpu_table(records):
    """Where the CPU went: the last record of each contender and point, by process and thread."""
    last = {figures.key_of(record): record for record in records if record["contender"]}
    rows = []
    for record in last.values():
        parts = [(record["cpu"], "")] + ([(record["services"], " (service)")] if record["services"] else [])
        for cpu, mark in parts:
            for process in cpu["processes"]:
                rows += process_rows(record, process, mark)
    return "\n".join(["| contender | process | thread | CPU µs an event |", "| --- | --- | --- | ---: |", *rows])


def process_rows(record, process, mark, least=0.01):
    def row(thread, seconds):
        return f"| {record['contender']} | {process['name']}{mark} | {thread} | {seconds / record['events'] * 1e6:.3f} |"

    rows = [row(f"all ({process['count']} process{'es' if process['count'] > 1 else ''})", process["user"] + process["system"])]
    threads = sorted(process["threads"].items(), key=lambda item: -item[1])
    return rows + [row(name, seconds) for name, seconds in threads if len(threads) > 1 and seconds / record["events"] * 1e6 >= least]


def tables(doc):
    """A scenario that derives its own figures (notes) from records that are no runs over events (start, memory) shows only those."""
    if doc["scenario"] in OWN_TABLES:
        return doc["notes"]
    found = [summary_table(doc["summary"]), *doc["notes"]]
    if not any(row["point"] for row in doc["summary"]):
        found += ["Where the CPU went in the last run:", cpu_table(doc["records"])]
    return found


def markdown(doc):
    load = ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in doc["load"].items())
    parts = [
        f"# {doc['scenario']}, {doc['date']}",
        doc["question"],
        f"`{doc['command']}`: {load}. Median (smallest–largest) of the runs; contenders alternate. The reference is {doc['reference']}.",
        *tables(doc),
        "\n".join(contender_line(one) for one in doc["contenders"]),
        "\n".join(f"- {what}: {value}" for what, value in doc["machine"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def contender_line(one):
    if one["unavailable"]:
        return f"- {one['name']} ({one['role']}): not measured: {one['unavailable']}"
    version = f" {one['version']}" if one["version"] else ""
    return f"- {one['name']} ({one['role']}){version}: {one['durability']}. Settings: {one['settings'] or 'its defaults'}"


def write(doc, text=None):
    """JSON, Markdown and the charts; the JSON first."""
    machine.RESULTS.mkdir(exist_ok=True)
    stem = machine.RESULTS / f"{doc['date']}-{doc['scenario']}"
    stem.with_suffix(".json").write_text(json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    stem.with_suffix(".md").write_text(text or markdown(doc))
    for suffix in (".json", ".md"):
        print(f"written: {os.path.relpath(stem.with_suffix(suffix))}", file=sys.stderr)
    for chart in plot.draw(stem.with_suffix(".json"), machine.RESULTS):
        print(f"written: {os.path.relpath(chart)}", file=sys.stderr)


def finish(doc, write_it):
    """Prints the document and stores it if that is wanted."""
    print(markdown(doc))
    if write_it:
        write(doc)
    return doc
