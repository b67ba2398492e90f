"""Scenarios with contenders in turn: `accept` (to the durable spool), `kafka` and `postgres` (from the spool to one sink), `end-to-end` (both)."""

import machine
from bench import registry, results, rounds
from bench.rounds import Run
from bench.services import Services
from rig import Rig


class Kind:
    """What a scenario of this file is made of."""

    def __init__(self, question, sinks=(), driver=rounds.post, load=()):
        self.question, self.sinks, self.driver, self.load = question, sinks, driver, dict(load)


SCENARIOS = {
    "accept": Kind("What does it cost to accept an event, durably, without sinks? CPU is user + system of the whole process."),
    "kafka": Kind(
        "What does it cost to bring an event from the spool into Kafka, exactly once, and how fast does it go?", ("kafka",), rounds.drain, {"spool": True}
    ),
    "postgres": Kind("What does it cost to bring an event from the spool into PostgreSQL, and how fast does it go?", ("postgres",), rounds.drain, {"spool": True}),
    "end-to-end": Kind("How fast do events come from the socket into both sinks, all on one machine?", ("postgres", "kafka")),
}


def load_of(options, kind):
    names = ("events", "batch", "connections", "vehicles", "encoding", "rate", "ack", "timeout")
    return {name: getattr(options, name) for name in names if getattr(options, name, None)} | kind.load


def measure(scenario, options):
    """The result of one scenario as a document."""
    kind, build = SCENARIOS[scenario], options.build.resolve()
    load = load_of(options, kind)
    contenders = registry.contenders(build, scenario, kind.sinks, options.contenders or ())
    with Rig(kind.sinks, options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        run = Run(build, load, Services(rig) if kind.sinks else None, options.set, rig.folder)
        records = rounds.alternate(scenario, contenders, run, options.rounds, kind.driver)
    return results.document(scenario, kind.question, load, contenders, records, "vsocd", facts, options.command)


def run(options):
    return results.finish(measure(options.scenario, options), options.write)
