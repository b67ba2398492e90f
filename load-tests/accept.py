"""Scenario `accept`: how many events a CPU second of the server takes, beside what the bytes cost at least.

Two servers one after the other: one without sinks (accepting alone), one with the sinks that were asked for. Each
gets a fixed number of events. The floors run in the same run on the same kind of bytes.
"""

import datetime
import json
import subprocess

import machine
from rig import Rig, RigError


def floors(build, options):
    command = [str(build / "floors"), "--json", "--batch", str(options.batch)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"floors failed: {done.stderr}")
    measured = json.loads(done.stdout)
    inflate = measured.get("inflate_isal", measured["inflate_zlib"])
    measured["inflate_simdjson"] = 1 / (1 / inflate + 1 / measured["simdjson"])
    return measured


def fleet(build, server, options):
    command = [str(build / "fleet"), "--url", server.url, "--json", "--prebuilt", "all"]
    for name in ("events", "batch", "connections", "vehicles", "encoding", "rate"):
        command += ["--" + name, str(getattr(options, name))]
    command += ["--retry-for", str(options.timeout)]
    if options.ack:
        command += ["--ack", options.ack]
    # stderr goes through: progress and the summary for people
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RigError("fleet: not every event was acknowledged; its summary stands above")
    return json.loads(done.stdout)


def row(what, events, seconds, cpu):
    return {"what": what, "events": events, "seconds": seconds, "cpu": cpu, "rate": events / max(cpu, 1e-3)}


def measure(rig, build, name, sinks, options):
    """Rows of one server, its fleet summary and its peak memory."""
    server = rig.server(build, name, sinks, options.set)
    before = server.cpu_seconds()
    summary = fleet(build, server, options)
    accepted = server.cpu_seconds() - before
    label = "accept, no sinks" if not sinks else "accept while sinks work"
    rows = [row(label, options.events, summary["seconds"], accepted)]
    if sinks:
        started = datetime.datetime.now()
        server.wait_for_sinks(options.timeout)
        behind = (datetime.datetime.now() - started).total_seconds()
        whole = server.cpu_seconds() - before
        rows.append(row("accept + " + " + ".join(sinks), options.events, summary["seconds"] + behind, whole))
        check_sinks(server, sinks, options.events)
    peak = server.peak_memory_mib()
    server.stop()
    return rows, summary, peak


def check_sinks(server, sinks, events):
    """A figure counts only when every sink has every event."""
    for sink in sinks:
        delivered = server.total("vsocd_sink_events_total", f'sink="{sink}"')
        if delivered != events:
            raise RigError(f"sink {sink} has {delivered:.0f} of {events} events")


def table(rows, floor):
    lines = [
        "| phase | events | s | events/s | server CPU s | events per CPU second | of inflate | of simdjson | of both |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    inflate = floor.get("inflate_isal", floor["inflate_zlib"])
    for r in rows:
        shares = (r["rate"] / inflate, r["rate"] / floor["simdjson"], r["rate"] / floor["inflate_simdjson"])
        lines.append(
            f"| {r['what']} | {r['events']} | {r['seconds']:.2f} | {r['events'] / r['seconds']:.0f} "
            f"| {r['cpu']:.2f} | **{r['rate']:.0f}** | " + " | ".join(f"{share:.0%}" for share in shares) + " |"
        )
    return "\n".join(lines)


def floor_table(floor):
    names = {
        "inflate_zlib": "inflate only, zlib",
        "inflate_isal": "inflate only, isa-l",
        "newlines": "memchr for line ends",
        "simdjson": "simdjson on demand, every field",
        "inflate_simdjson": "both: inflate + simdjson (computed)",
    }
    lines = ["| floor | events per CPU second | µs an event |", "| --- | ---: | ---: |"]
    lines += [f"| {text} | {floor[key]:.0f} | {1e6 / floor[key]:.3f} |" for key, text in names.items() if key in floor]
    return "\n".join(lines)


def details(runs):
    lines = ["| run | p50 ms | p95 ms | p99 ms | max ms | retries | answers | server peak memory MiB |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |")
    for name, summary, peak in runs:
        times = " | ".join(f"{summary['latency_ms'][key]:.1f}" for key in ("p50", "p95", "p99", "max"))
        answers = ", ".join(f"{code}: {count}" for code, count in summary["statuses"].items())
        lines.append(f"| {name} | {times} | {summary['retries']} | {answers} | {peak:.0f} |")
    return "\n".join(lines)


def report(options, rows, floor, runs, facts):
    per_event = (floor["json_bytes"] / floor["events"], floor["gzip_bytes"] / floor["events"])
    head = (
        f"# accept, {datetime.date.today().isoformat()}\n\n"
        f"{options.events} events of {per_event[0]:.0f} bytes ({per_event[1]:.1f} in gzip), {options.batch} a batch, "
        f"{options.encoding}, {options.connections} connections, {options.vehicles} vehicles. Generator, server and "
        "sinks share the machine.\nCPU is user + system of the server's process; floors are events per CPU second of "
        "a process that does nothing else.\n"
    )
    settings = "".join(f"- `--set {setting}`\n" for setting in options.set)
    machine_lines = "\n".join(f"- {what}: {value}" for what, value in facts)
    parts = [head, table(rows, floor), floor_table(floor), details(runs), machine_lines + "\n" + settings]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def run(options):
    build = options.build.resolve()
    sinks = options.sinks
    with Rig(sinks, options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        floor = floors(build, options)
        rows, runs = [], []
        for name, active in [("no sinks", ())] + ([("with sinks", sinks)] if sinks else []):
            more, summary, peak = measure(rig, build, name.replace(" ", "-"), active, options)
            rows += more
            runs.append((name, summary, peak))
    text = report(options, rows, floor, runs, facts)
    print(text)
    if options.write:
        machine.write_result("accept", text)
