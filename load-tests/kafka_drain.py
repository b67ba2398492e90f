"""Scenario `kafka`: what a spool costs to drain into Kafka, exactly once, beside a bare transactional producer.

One server without sinks fills a spool. Then, in turns: a server on a copy of that spool drains it into Kafka, and
`floor_kafka` produces records that the sink has written, with their headers, in transactions of the same size, to the
same topic of the same broker. CPU is counted by thread from the first delivered load to the last.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

import accept
import machine
from rig import Rig, RigError, wait_until

TICK = os.sysconf("SC_CLK_TCK")
LOOK_EVERY_S = 0.1


def thread_seconds(pid):
    """CPU seconds of each thread, by name; threads of one name together."""
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            on_cpu_ns = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it has ended
        seconds[name] = seconds.get(name, 0) + on_cpu_ns / 1e9
    return seconds


def delivered(server):
    return server.total("vsocd_sink_events_total", 'sink="kafka"')


def settings_of(options, extra):
    return [f"sinks.kafka.transaction.events={options.transaction}", *options.set, *extra]


def fill(rig, build, options):
    """A spool with all events, made by a server without sinks."""
    rig.sinks = ()
    server = rig.server(build, "fill", (), options.set)
    accept.fleet(build, server, options)
    server.stop()
    rig.sinks = ("kafka",)
    return server.folder / "data"


def drain(rig, build, spool, number, options):
    """One server on a copy of the spool, until Kafka has every event."""
    folder = rig.folder / f"drain-{number}"
    folder.mkdir()
    shutil.copytree(spool, folder / "data")
    shutil.copy(spool.parent / "vin.keys", folder / "vin.keys")
    server = rig.prepared(build, folder, ("kafka",), settings_of(options, [f"sinks.kafka.topics.progress=progress.{number}"]))
    server.start()
    wait_until(lambda: delivered(server) > 0, 120, "the first delivery", LOOK_EVERY_S)
    first, started, before = delivered(server), time.monotonic(), thread_seconds(server.process.pid)
    wait_until(lambda: delivered(server) >= options.events, options.timeout, "the last delivery", LOOK_EVERY_S)
    seconds, after = time.monotonic() - started, thread_seconds(server.process.pid)
    peak = server.peak_memory_mib()
    server.stop()
    shutil.rmtree(folder)
    events = options.events - first
    return {
        "events": events,
        "seconds": seconds,
        "threads": {name: 1e6 * (after[name] - before.get(name, 0)) / events for name in after},
        "peak": peak,
    }


def floor(rig, build, headers, options):
    command = [str(build / "floor_kafka"), "--brokers", rig.bootstrap, "--headers", headers, "--events", str(options.events)]
    command += ["--transaction", str(options.transaction)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout)
    if done.returncode != 0:
        raise RigError(done.stderr.strip())
    return json.loads(done.stdout)


def middle(values):
    return statistics.median(values), min(values), max(values)


def row(what, rates, costs, peak):
    rate, cost = middle(rates), middle(costs)
    return (
        f"| {what} | **{cost[0]:.2f}** ({cost[1]:.2f} to {cost[2]:.2f}) "
        f"| {rate[0] / 1e3:.0f} ({rate[1] / 1e3:.0f} to {rate[2] / 1e3:.0f}) | {peak:.0f} |"
    )


def table(drains, floors):
    lines = ["| what | CPU µs an event | thousand events/s | peak memory MiB |", "| --- | ---: | ---: | ---: |"]
    rates = [d["events"] / d["seconds"] for d in drains]
    lines.append(row("vsocd", rates, [sum(d["threads"].values()) for d in drains], max(d["peak"] for d in drains)))
    for headers, runs in floors.items():
        costs = [1e6 * f["cpu_seconds"] / f["events"] for f in runs]
        own = [f["events"] / f["seconds"] for f in runs]
        what = "bare producer, same headers" if headers == "full" else "bare producer, no headers"
        lines.append(row(what, own, costs, max(f["max_rss_kib"] for f in runs) / 1024))
        share = statistics.median(rates) / statistics.median(own)
        lines.append(f"| rate of vsocd, share of that | | {share:.2f} | |")
    return "\n".join(lines)


def threads_table(drains):
    names = sorted({name for d in drains for name in d["threads"]})
    costs = {name: statistics.median(d["threads"].get(name, 0) for d in drains) for name in names}
    lines = ["| thread of vsocd | CPU µs an event |", "| --- | ---: |"]
    lines += [f"| {name} | {cost:.2f} |" for name, cost in sorted(costs.items(), key=lambda item: -item[1]) if cost >= 0.005]
    return "\n".join(lines)


def run(options):
    build = options.build.resolve()
    drains, floors = [], {headers: [] for headers in options.floors}
    with Rig(("kafka",), options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        spool = fill(rig, build, options)
        for number in range(options.rounds):
            drains.append(drain(rig, build, spool, number, options))
            for headers, runs in floors.items():
                runs.append(floor(rig, build, headers, options))
    last = next((runs[-1] for runs in floors.values() if runs), None)
    sizes = f" A value has {last['value_bytes']:.0f} bytes, its headers {last['header_bytes']:.0f}." if last else ""
    head = (
        f"# kafka, {time.strftime('%Y-%m-%d')}\n\n`load-tests/run kafka`: {options.events} events drained from a spool, "
        f"{options.transaction} a transaction, {options.rounds} rounds in turns; median (least to most).{sizes}\n"
    )
    lines = "\n".join(f"- {what}: {value}" for what, value in facts)
    settings = "".join(f"\n- `--set {setting}`" for setting in options.set)
    text = "\n\n".join([head.rstrip(), table(drains, floors), threads_table(drains), lines + settings]) + "\n"
    print(text)
    if options.write:
        machine.write_result("kafka", text)
