"""What of an event is compared, and its hash.

The content of an event is the first 16 bytes of the SHA-256 over one text, as hex. The text is `name=value` and a byte 0x1E for each
field that a sender may set (core/event_fields.def), in the order of their names, but for those that the server may derive (DERIVED).
A text that the server gives an event without one is left out too. The vehicle is not in it: it is compared by itself, as its pseudonym. Fields that are not set are left out. Values:

    text, whole numbers   as they are; true and false
    numbers               the shortest text, a whole number without fraction: 48.2, 128
    time_event_ns         nanoseconds since 1970
    other times           microseconds since 1970
    addresses             as inet_ntop writes them
    bytes                 base64
    attributes, lists     as PostgreSQL writes jsonb: keys by length and then by bytes, a space after , and :

The content of a quarantined record is the same hash over its bytes, a zero byte and the reason code.
"""

import base64
import csv
import datetime
import functools
import hashlib
import json
import pathlib
import re
import socket
from typing import Iterable, NamedTuple, Optional

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Filled in by the server where the sender is silent, from the catalogue, the VIN and the request's headers.
DERIVED = {"wmi", "event_category", "r155_threat", "atm_technique", "time_source", "time_quality", "replay"}
SHORT_NAMES = {"id": "source_event_id", "time": "time_event_ns"}


class Told(NamedTuple):
    """What a sender was told of an event."""

    state: str  # accepted, duplicate or quarantined
    content: Optional[str]  # None: not compared
    vehicle: Optional[str]  # VIN
    batch: Optional[str] = None


class Entry(NamedTuple):
    """An event or a quarantined record as a store holds it."""

    event_id: Optional[str]
    content: Optional[str]
    vehicle: Optional[str]  # KEY-ID:PSEUDONYM; of a quarantined record its code
    where: object = None  # tells where it stands, for people
    place: object = None  # (batch, index) of a quarantined record


class Store(NamedTuple):
    """All of a store, in its own order. Both are read once, so they may be generators."""

    name: str
    events: Iterable[Entry]
    quarantined: Iterable[Entry] = ()
    ordered: bool = False  # the order of one vehicle's entries means something

    def ids(self):
        return [entry.event_id for entry in self.events]


def _read_fields():
    """{name: kind} of what is compared, in the order of the names."""
    text = (ROOT / "core" / "event_fields.def").read_text()
    rows = re.findall(r'^EVENT_FIELD\((\w+), (\w+), "[^"]+", SENDER,', text, re.M)
    return {name: kind for name, kind in sorted(rows) if name not in DERIVED}


FIELDS = _read_fields()


def _jsonb(value):
    """A JSON value as PostgreSQL writes jsonb."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: (len(item[0].encode()), item[0].encode()))
        return "{" + ", ".join(f"{_jsonb(name)}: {_jsonb(one)}" for name, one in members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_jsonb, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _number(value):
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def _address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, text))


def _bytes(text):
    return base64.b64encode(base64.b64decode(text)).decode()


def time_ns(text):
    """Nanoseconds since 1970 of an RFC 3339 time in UTC."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


# Kinds whose values aren't the text itself, from the JSON of an event.
TEXT_OF = {
    "BOOL": lambda value: "true" if value else "false",
    "REAL": _number,
    "TIME": lambda value: str(time_ns(value) // 1000),
    "INET": _address,
    "BASE64": _bytes,
    "LIST": _jsonb,
    "JSON": _jsonb,
}
CONVERSIONS = {name: TEXT_OF[kind] for name, kind in FIELDS.items() if kind in TEXT_OF}


def _texts_of_server():
    """Texts that the server gives an event without one: of the catalogue, and what each category groups."""
    catalogue = set()
    for file in ("autosar", "formats"):
        rows = (line for line in (ROOT / "parsers" / "catalog" / f"{file}.csv").open() if not line.startswith("#"))
        catalogue |= {row["message"] for row in csv.DictReader(rows)} - {""}
    meanings = re.findall(r'X\("\w+", "([^"]+)"\)', (ROOT / "parsers/catalog/category.h").read_text())
    return sorted(catalogue), sorted(meanings)


MESSAGES_OF_CATALOGUE, MEANINGS = _texts_of_server()


def message_is_servers(name, message):
    """Is this what the server says of an event of this name that came without a text? Then it is not compared: nobody sent it."""
    head, _, meaning = message.partition(": ")
    return message == name or message in MESSAGES_OF_CATALOGUE or (head == name and meaning in MEANINGS)


def digest(text):
    return hashlib.sha256(text).hexdigest()[:32]


@functools.lru_cache(4096)
def _plan(names):
    """[(name, text before its value, conversion)] of the compared fields among these, in order."""
    return [(name, name + "=", CONVERSIONS.get(name, str)) for name in sorted(FIELDS.keys() & set(names))]


def content_of(event):
    """Content of an event as the server writes it, to Kafka and on export."""
    if "message" in event and message_is_servers(event.get("event_name"), event["message"]):
        event = {name: value for name, value in event.items() if name != "message"}
    text = "".join([head + convert(event[name]) + "\x1e" for name, head, convert in _plan(tuple(event))])
    return digest(text.encode("utf-8", "surrogatepass"))


def content_of_sent(event):
    """Content of a native event as its sender wrote it. The sender must say what the server would else derive: event_name, sensor_kind
    and severity_id."""
    stored = {"count": 1}
    attributes = dict(event.get("attributes", {}))
    for name, value in event.items():
        name = SHORT_NAMES.get(name, name)
        if name in ("vin", "attributes") or name in DERIVED or value is None:
            continue
        if name not in FIELDS:
            attributes[name] = value
        else:
            stored[name] = time_ns(value) if name == "time_event_ns" and not str(value).lstrip("-").isdigit() else value
    if attributes:
        stored["attributes"] = attributes
    missing = {"event_name", "sensor_kind", "severity_id"} - stored.keys()
    if missing:
        raise ValueError(f"the sender has to say {sorted(missing)}, or the server derives them")
    return content_of(stored)


def content_of_reject(raw, code):
    return digest(bytes(raw) + b"\0" + code.encode())
