"""Scenario `memory`: what the server holds when idle, at full rate with both sinks, for batches that it remembers, for idle TLS connections."""

import contextlib
import time

import machine
from bench import generator, results, rounds, usage
from bench.services import Services
from bench.tls import Material
from bench.vsocd import Vsocd
from handshakes import connect, post
from rig import Rig

QUESTION = "How much memory does the server hold? Resident memory of the process (VmRSS), at full rate its peak (VmHWM)."
SINKS = ("postgres", "kafka")
SETTLE_S = 1.5
TLS_FIRST = 50  # connections after which counting begins: what the first ones need once is not each one's


def resident(server):
    return int(server.figures()["resident"] * 2**20)


def record(server, state, events, rss, number, **more):
    used = usage.difference({}, usage.look([server.process.pid]))
    found = rounds.figures(events, time.monotonic(), used) | {"rss_peak_bytes": rss, "syncs": None, "disk_flushes": None}
    rounds.progress(f"memory {number}: {state}: {rss / 2**20:.1f} MiB" + "".join(f", {name} {value:,.1f}" for name, value in more.items()))
    return {"contender": "vsocd", "scenario": "memory", "point": {"state": state}, "round": number, **found, **more}


def both_sinks(build, options, services, number):
    """Idle, then full rate until the sinks have all."""
    load = {"events": options.events, "batch": 100, "connections": 32, "vehicles": 1000, "encoding": "gzip", "timeout": 300}
    vsocd = Vsocd(sinks=SINKS, build=build)
    with rounds.empty_folder() as folder:
        try:
            vsocd.start(0, folder, rounds.Run(build, load, services, options.set))
            time.sleep(SETTLE_S)
            records = [record(vsocd.server, "idle, with sinks", 1, resident(vsocd.server), number)]
            generator.run(build, vsocd.url(), load)
            vsocd.server.wait_for_sinks(300)
            peak = int(vsocd.server.peak_memory_mib() * 2**20)
            return [*records, record(vsocd.server, "full rate, with sinks", options.events, peak, number)]
        finally:
            vsocd.stop()


def remembered(rig, build, options, number):
    """A million batches (or as many as asked) of one event, without sinks."""
    server = rig.server(build, f"remembered-{number}", (), options.set)
    load = {"events": 200, "batch": 1, "connections": 200, "vehicles": 1000, "reuse": 200, "timeout": 600}
    generator.run(build, server.url, load)  # buffers of the connections are there
    before = resident(server)
    generator.run(build, server.url, load | {"events": options.batches, "reuse": 2000})
    after = resident(server)
    state = f"{options.batches:,} batches remembered"
    records = [record(server, state, options.batches, after, number, bytes_a_batch=(after - before) / options.batches)]
    server.stop()
    return records


def tls_idle(rig, build, options, number):
    """Connections with a client certificate that have posted once."""
    material = Material(rig.folder / f"tls-{number}")
    limits = ["limits.handshakes_per_second=0", "limits.connections=20000"]
    server = rig.server(build, f"idle-tls-{number}", (), [*material.settings, *limits, *options.set])
    context, sizes = material.context(), []
    with contextlib.ExitStack() as stack:
        for count in (TLS_FIRST, options.tls):
            for n in range(count):
                post(stack.enter_context(connect(server, context, f"127.0.2.{1 + n % 200}")), n)
            time.sleep(SETTLE_S)
            sizes.append(resident(server))
        each = (sizes[1] - sizes[0]) / options.tls
        records = [record(server, f"{options.tls} idle TLS connections", options.tls, sizes[1], number, bytes_a_connection=each)]
    server.stop()
    return records


def table(records):
    lines = ["| state | resident MiB | for each |", "| --- | ---: | --- |"]
    for one in records:
        each = f"{one['bytes_a_batch']:.0f} bytes a batch" if "bytes_a_batch" in one else ""
        each = f"{one['bytes_a_connection'] / 1024:.1f} KiB a connection" if "bytes_a_connection" in one else each
        lines.append(f"| {one['point']['state']} | {one['rss_peak_bytes'] / 2**20:.1f} | {each} |")
    return "\n".join(lines)


def measure(options):
    build, records = options.build.resolve(), []
    sinks = SINKS if options.events else ()
    with Rig(sinks, options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        services = Services(rig, sinks)
        for number in range(1, options.rounds + 1):
            idle = rig.server(build, f"idle-{number}", (), options.set)
            time.sleep(SETTLE_S)
            records.append(record(idle, "idle, no sinks", 1, resident(idle), number))
            idle.stop()
            records += both_sinks(build, options, services, number) if sinks else []
            records += remembered(rig, build, options, number) + tls_idle(rig, build, options, number)
    load = {"events": options.events, "batches": options.batches, "tls": options.tls}
    doc = results.document("memory", QUESTION, load, [Vsocd(build=build)], records, "vsocd", facts, options.command)
    doc["notes"].append(table(records))
    return doc


def run(options):
    return results.finish(measure(options), options.write)
