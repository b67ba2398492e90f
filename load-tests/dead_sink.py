"""Scenario `dead-sink`: PostgreSQL and Kafka are away while a fleet goes on. What does the server hold meanwhile, and how fast is
it even again when they are back?

1. With both sinks there: a share of the events as fast as answers come; until the sinks have them: the normal rate.
2. Both stopped: all events. Memory, open files and threads must stay where they are; the spool grows.
3. Both started: until the sinks have them: the rate of catching up.
"""

import datetime
import time

import machine
from bench import generator
from rig import Rig, RigError, wait_until
from sampler import Sampler, slope

SINKS = ("postgres", "kafka")
METRICS = ("vsocd_spool_bytes", "vsocd_spool_position", "vsocd_http_connections", "vsocd_sink_lag_events")
ROWS = 12
NORMAL_CONNECTIONS = 32


def fleet(build, server, options, events, connections):
    load = {"events": events, "batch": options.batch, "connections": connections, "vehicles": options.vehicles, "timeout": options.timeout, "prebuilt": 0, "progress": True}
    generator.run(build, server.url, load)


def delivered(server):
    """Events that the slower sink has."""
    return min(server.total("vsocd_sink_events_total", f'sink="{sink}"') for sink in SINKS)


def wait_for_events(server, events, seconds):
    wait_until(lambda: delivered(server) >= events, seconds, f"the sinks having {events} events", interval=0.2)


def measure(rig, options):
    """(samples while the sinks were away, figures)."""
    server = rig.server(options.build.resolve(), "server", SINKS, ["limits.memory=16MiB", *options.set])
    share = max(options.batch, options.events // 10)
    fleet(options.build, server, options, options.batch, 1)  # the sinks are warm
    wait_for_events(server, options.batch, options.timeout)
    started = time.monotonic()
    fleet(options.build, server, options, share, NORMAL_CONNECTIONS)
    wait_for_events(server, options.batch + share, options.timeout)
    figures = {"normal": share / (time.monotonic() - started)}
    before = options.batch + share
    for sink in SINKS:
        rig.service(sink, "stop")
    with Sampler(server, METRICS) as sampler:
        started = time.monotonic()
        fleet(options.build, server, options, options.events, options.connections)
        figures["accept"] = options.events / (time.monotonic() - started)
    with Sampler(server, METRICS) as after:
        for sink in SINKS:
            rig.service(sink, "start")
        wait_until(lambda: delivered(server) > before, options.timeout, "the sinks being back", interval=0.05)
        began, at = delivered(server), time.monotonic()
        wait_for_events(server, before + options.events, options.timeout)
        figures["drain"] = (before + options.events - began) / (time.monotonic() - at)
    figures["after"] = after.samples[-1]
    figures["peak"] = server.peak_memory_mib()
    if delivered(server) != before + options.events:
        raise RigError(f"the sinks have {delivered(server):.0f} of {before + options.events} events")
    return sampler.samples, figures


def table(samples):
    step = max(1, len(samples) // ROWS)
    lines = [
        "| s | batches in the spool | spool MiB | connections | resident MiB | open files | threads |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in samples[::step]:
        lines.append(
            f"| {one['seconds']:.0f} | {one['vsocd_spool_position']:.0f} | {one['vsocd_spool_bytes'] / 2**20:.0f} "
            f"| {one['vsocd_http_connections']:.0f} | {one['resident']:.1f} | {one['files']} | {one['threads']} |"
        )
    return "\n".join(lines)


def summary(samples, figures, options):
    """Text, and whether the memory kept its bound."""
    loaded = [one for one in samples if one["vsocd_http_connections"] >= options.connections] or samples
    resident = [one["resident"] for one in loaded]
    growth = slope([(one["vsocd_spool_position"] * options.batch / 1e6, one["resident"]) for one in loaded])
    after = figures["after"]
    lines = [
        f"- resident with all connections: least {min(resident):.1f} MiB, most {max(resident):.1f} MiB (bound {options.limit_mib}), "
        f"slope {growth:.2f} MiB a million events; keys of the window take about 0.14 MiB a thousand batches",
        f"- threads {min(one['threads'] for one in samples)} to {max(one['threads'] for one in samples)}",
        f"- accepted {figures['accept']:.0f} events/s while both were away; normal rate of the sinks {figures['normal']:.0f} events/s "
        f"(with the fleet beside them), catching up {figures['drain']:.0f} events/s: {figures['drain'] / figures['normal']:.2f} of it",
        f"- afterwards: resident {after['resident']:.1f} MiB, {after['files']} open files, {after['threads']} threads; most ever resident (VmHWM) {figures['peak']:.1f} MiB",
    ]
    return "\n".join(lines), max(resident) <= options.limit_mib


def run(options):
    with Rig(SINKS, options.keep) as rig:
        facts = machine.facts(options.build.resolve(), rig.folder)
        samples, figures = measure(rig, options)
    text, bounded = summary(samples, figures, options)
    head = (
        f"# dead-sink, {datetime.date.today().isoformat()}\n\n{options.events} events, {options.batch} a batch, {options.connections} "
        "connections of plain HTTP, PostgreSQL and Kafka stopped. Generator, server and sinks share the machine."
    )
    machine_lines = "\n".join(f"- {what}: {value}" for what, value in facts)
    whole = "\n\n".join([head, table(samples), text, machine_lines]) + "\n"
    print(whole)
    if options.write:
        machine.write_result("dead-sink", whole)
    if not bounded:
        raise RigError(f"the server held more than {options.limit_mib} MiB")
