"""Compares what the sender was told with what PostgreSQL, Kafka and the spool hold, event by event."""

import collections
import json

from harness import consume, query


class LedgerError(AssertionError):
    """The stores do not hold what was acknowledged; the text says what is lost, doubled or invented."""


def read_ledger(path):
    """{event id: accepted, duplicate or quarantined} from the file that load-tests/fleet wrote."""
    told = {}
    with open(path) as lines:
        for line in lines:
            event_id, _, state = line.rstrip("\n").split("\t")
            told[event_id] = state
    return told


def ids_in_postgres(dsn):
    return [row[0] for row in query(dsn, "select source_event_id from vsoc.events")]


def ids_in_kafka(bootstrap, topic="vsoc.events.v1"):
    return [json.loads(message.value())["source_event_id"] for message in consume(bootstrap, topic)]


def ids_in_spool(server):
    return [one["source_event_id"] for one in server.export() if "source_event_id" in one]


def problems_of(name, expected, found, invented_allowed=False):
    """Sentences about one store: lost, doubled and invented ids."""
    counts = collections.Counter(found)
    lost = expected - counts.keys()
    doubled = [one for one, count in counts.items() if count > 1]
    invented = set() if invented_allowed else counts.keys() - expected
    for what, ids in (("lost", lost), ("held twice or more", doubled), ("invented", invented)):
        if ids:
            yield f"{name}: {len(ids)} {what}, for example {sorted(ids)[:3]}"


def check(told, stores, sent=None):
    """stores: {name: list of event ids}. Every acknowledged event must be in every store once, and nothing else. An event that was sent
    but never acknowledged may be in the stores, but then in all of them: give the set of sent ids to allow that."""
    acknowledged = {one for one, state in told.items() if state != "quarantined"}
    problems = []
    for name, found in stores.items():
        problems += problems_of(name, acknowledged, found, invented_allowed=sent is not None)
    held = {name: set(found) for name, found in stores.items()}
    first = next(iter(held.values()))
    for name, ids in held.items():
        if ids != first:
            problems.append(f"{name} differs from the others in {len(ids ^ first)} ids")
        if sent is not None and ids - sent:
            problems.append(f"{name}: {len(ids - sent)} ids were never sent")
    if problems:
        raise LedgerError("; ".join(problems))
