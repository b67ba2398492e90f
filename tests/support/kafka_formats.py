"""The formats of sinks.kafka.format for tests: where each has the event's id."""

import json

FORMATS = ("json", "json_lean", "ecs", "ocsf")
HEADERS = ("full", "minimal", "none")


def event_id(value, form):
    if form == "ecs":
        return value["event"]["id"]
    return value["metadata"]["uid"] if form == "ocsf" else value["event_uid"]


def by_id(messages, form):
    """{id: (key, value, headers)}; AssertionError for an id that comes twice."""
    found = {}
    for message in messages:
        value = json.loads(message.value())
        uid = event_id(value, form)
        assert uid not in found, f"{uid} is in the topic twice"
        found[uid] = (message.key().decode(), value, dict(message.headers() or []))
    return found
