"""Scenarios with contenders in turn: `accept` (to the durable spool), `kafka` and `postgres` (from the spool to one sink), `end-to-end` (both)."""

import sys

import machine
from bench import registry, results, rounds
from bench.rounds import Run
from bench.services import Services
from rig import Rig

SCENARIOS = {
    "accept": ((), rounds.post, "What does it cost to accept an event, durably, without sinks? CPU is user + system of the whole process."),
    "kafka": (("kafka",), rounds.drain, "What does it cost to bring an event from the spool into Kafka, exactly once, and how fast does it go?"),
    "postgres": (("postgres",), rounds.drain, "What does it cost to bring an event from the spool into PostgreSQL, and how fast does it go?"),
    "end-to-end": (("postgres", "kafka"), rounds.post, "How fast do events come from the socket into both sinks, all on one machine?"),
}


def load_of(options):
    names = ("events", "batch", "connections", "vehicles", "encoding", "rate", "ack", "timeout")
    return {name: getattr(options, name) for name in names if getattr(options, name, None)}


def measure(scenario, options, build):
    """(contenders, records, facts) of one scenario."""
    sinks, driver, _ = SCENARIOS[scenario]
    contenders = registry.contenders(build, scenario, sinks, options.set, options.contenders or ())
    with Rig(sinks, options.keep) as rig:
        facts = machine.facts(build, rig.folder)
        run = Run(build, load_of(options), Services(rig) if sinks else None)
        return contenders, rounds.alternate(scenario, contenders, run, options.rounds, driver, say=lambda text: print(text, file=sys.stderr)), facts


def run(options):
    build = options.build.resolve()
    contenders, records, facts = measure(options.scenario, options, build)
    question = SCENARIOS[options.scenario][2]
    doc = results.document(options.scenario, question, load_of(options), contenders, records, "vsocd", facts, "load-tests/" + " ".join(["run", *sys.argv[1:]]))
    print(results.markdown(doc))
    if options.write:
        results.write(doc)
    return doc
