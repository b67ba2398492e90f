"""Scenarios with contenders in turn, from the rows of one table: see SCENARIOS. What is particular to one is a driver in bench/rounds.py."""

import machine
from bench import registry, results, rounds
from bench.rounds import Run
from bench.services import Services
from bench.vsocd import Vsocd
from rig import Rig


class Kind:
    """What a scenario of this file is made of. further: contenders of ours beside "vsocd"."""

    def __init__(self, question, sinks=(), driver=rounds.post, load=(), further=()):
        self.question, self.sinks, self.driver, self.load, self.further = question, sinks, driver, dict(load), further


SCENARIOS = {
    "accept": Kind("What does it cost to accept an event, durably, without sinks? CPU is user + system of the whole process."),
    "accept-tls": Kind(
        "What does TLS with client certificates cost on connections that are kept? Handshakes come before the clock starts.",
        further=({"name": "vsocd, mutual TLS", "tls": True},),
    ),
    "one-event": Kind("What does a request cost that carries one event? An event is a request here.", load={"batch": 1}),
    "half-load": Kind(
        "How long does an answer take at half the rate that the same server reached just before? A batch's time counts from when it was due, so that "
        "one that waits delays none behind it unseen.",
        driver=rounds.half_load,
    ),
    "kafka": Kind(
        "What does it cost to bring an event from the spool into Kafka, exactly once, and how fast does it go?", ("kafka",), rounds.drain, {"spool": True}
    ),
    "postgres": Kind("What does it cost to bring an event from the spool into PostgreSQL, and how fast does it go?", ("postgres",), rounds.drain, {"spool": True}),
    "end-to-end": Kind("How fast do events come from the socket into both sinks, all on one machine?", ("postgres", "kafka")),
}


def load_of(options, kind):
    names = ("events", "batch", "connections", "vehicles", "encoding", "rate", "ack", "timeout", "seconds")
    return {name: getattr(options, name) for name in names if getattr(options, name, None)} | kind.load


def measure(scenario, options, rig=None):
    """The result of one scenario as a document. rig: one that has the services already; None: it starts its own."""
    kind, build = SCENARIOS[scenario], options.build.resolve()
    if rig is None:
        with Rig(kind.sinks, options.keep) as rig:
            return measure(scenario, options, rig)
    load = load_of(options, kind)
    further = [Vsocd(sinks=kind.sinks, build=build, **words) for words in kind.further]
    contenders = registry.contenders(build, scenario, kind.sinks, options.contenders, further)
    store = rig.folder / f"rounds-{scenario}"
    store.mkdir()
    run = Run(build, load, Services(rig, kind.sinks) if kind.sinks else None, options.set, store)
    records = rounds.alternate(scenario, contenders, run, options.rounds, kind.driver)
    return results.document(scenario, kind.question, load, contenders, records, "vsocd", machine.facts(build, rig.folder), options.command)


def run(options):
    return results.finish(measure(options.scenario, options), options.write)
