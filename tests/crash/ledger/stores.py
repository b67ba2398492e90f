"""What each store holds, read from its own representation: rows, messages, lines of `vsocd spool export`. All are streams."""

import base64
import contextlib
import json
import pathlib
import re
import subprocess
import tempfile

from harness import HarnessError, consume_each

from .content import FIELDS, MEANINGS, MESSAGES_OF_CATALOGUE, Entry, Store, content_of, content_of_reject

QUIET_SECONDS = 60  # without a message before the end: the broker may just have started
# Value of a column as content.py wants it; others are cast to text.
SQL_OF = {
    "TIME": "(extract(epoch from {0}) * 1000000)::bigint",
    "INET": "host({0})",
    "BASE64": "translate(encode({0}, 'base64'), E'\\n', '')",
    "LIST": "to_jsonb({0})",
}


def _quoted(texts):
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def _value_sql(name, kind):
    if name == "message":  # one that the server made is no content: message_is_servers
        return f"""case when e.message in (e.event_name, {_quoted(MESSAGES_OF_CATALOGUE)}) or e.message in
            (select e.event_name || ': ' || meaning from unnest(array[{_quoted(MEANINGS)}]) as meaning) then null else e.message end"""
    return SQL_OF.get(kind, "{0}").format("e." + name)


def _content_sql():
    parts = [f"'{name}=' || ({_value_sql(name, kind)})::text || E'\\x1e'" for name, kind in FIELDS.items()]
    # A function takes at most 100 arguments.
    return f"left(encode(sha256(convert_to(concat({', '.join(parts)}), 'UTF8')), 'hex'), 32)"


EVENTS_SQL = f"""
    select e.source_event_id, {_content_sql()}, e.vin_key_id || ':' || encode(e.vehicle_pid, 'hex'), e.batch_uid, e.batch_index
    from vsoc.events e"""
REJECTS_SQL = """
    select coalesce((regexp_match(convert_from(raw, 'LATIN1'), '"(?:id|source_event_id)" *: *"([^"]*)"'))[1], ''),
           source = 'sink', code, replace(encode(raw, 'base64'), E'\\n', ''), batch_uid, batch_index
    from vsoc.quarantine"""


def _rows(dsn, sql):
    """Rows of a query as lists of texts (None for null), with COPY: neither side holds all of them."""
    import psycopg2

    with tempfile.TemporaryFile() as rows:
        with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.copy_expert(f"copy ({sql}) to stdout", rows)
        rows.seek(0)
        for line in rows:
            yield [None if word == "\\N" else _unescape(word) for word in line[:-1].decode().split("\t")]


def _unescape(word):
    """Text of COPY without its escapes."""
    if "\\" not in word:
        return word
    known = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
    return re.sub(r"\\(.)", lambda match: known.get(match[1], match[1]), word)


def _postgres_events(dsn):
    for event_id, content, vehicle, batch, index in _rows(dsn, EVENTS_SQL):
        yield Entry(event_id, content, vehicle, f"batch {batch} index {index}")
    # An event that the database refused is kept as its JSON: it is not lost.
    for _, from_sink, _, raw, batch, index in _rows(dsn, REJECTS_SQL):
        if from_sink == "t":
            yield entry_of(json.loads(base64.b64decode(raw)), f"vsoc.quarantine, batch {batch} index {index}")


def _postgres_rejects(dsn):
    for event_id, from_sink, code, raw, batch, index in _rows(dsn, REJECTS_SQL):
        if from_sink == "f":
            yield Entry(event_id, content_of_reject(base64.b64decode(raw), code), code, f"batch {batch} index {index}", (batch, int(index)))


def postgres_store(dsn, name="postgres"):
    """vsoc.events and vsoc.quarantine."""
    return Store(name, _postgres_events(dsn), _postgres_rejects(dsn))


def _vehicle_of(event):
    return f"{event['vin_key_id']}:{event['vehicle_pid']}" if "vehicle_pid" in event else None


def entry_of(event, where):
    """Of an event as the server writes it, to Kafka, to files and on export."""
    return Entry(event.get("source_event_id"), content_of(event), _vehicle_of(event), where)


def reject_entry(reject, where):
    """Of a quarantined record as the server writes it: with its bytes on export, as a reference to Kafka and to files."""
    place = (reject["batch_uid"], reject["index"])
    if "raw" not in reject:
        return Entry("", None, reject["code"], where, place)
    raw = base64.b64decode(reject["raw"])
    event_id = re.search(rb'"(?:id|source_event_id)" *: *"([^"]*)"', raw)
    return Entry(event_id[1].decode("latin-1") if event_id else "", content_of_reject(raw, reject["code"]), reject["code"], where, place)


def _kafka_entry(message):
    event = json.loads(message.value())
    key, where = (message.key() or b"").decode(), (message.topic(), message.partition(), message.offset())
    entry = entry_of(event, where)
    if key == event.get("vehicle_pid", event["batch_uid"]):
        return entry
    return entry._replace(vehicle=f"{entry.vehicle} under the key {key}")


def _kafka_reject(message):
    return reject_entry(json.loads(message.value()), (message.topic(), message.partition(), message.offset()))


def kafka_store(bootstrap, topics, name="kafka"):
    """The topics of events and of quarantine as a read_committed consumer sees them. topics: {kind: name}, or the names with * for the kind."""
    if isinstance(topics, str):
        topics = {kind: topics.replace("*", kind) for kind in ("events", "quarantine")}
    return Store(
        name,
        map(_kafka_entry, consume_each(bootstrap, topics["events"], QUIET_SECONDS)),
        map(_kafka_reject, consume_each(bootstrap, topics["quarantine"], QUIET_SECONDS)),
        ordered=True,
    )


def _export(program, directory):
    """Lines of `vsocd spool export`, which must end well."""
    with tempfile.TemporaryFile() as errors:
        keys = pathlib.Path(directory).parent.parent / "vin.keys"  # of a test's server
        known = ["--keys", str(keys)] if keys.exists() else []
        with subprocess.Popen([str(program), "spool", "export", str(directory), *known], stdout=subprocess.PIPE, stderr=errors) as process:
            yield from process.stdout
        if process.returncode != 0:
            errors.seek(0)
            raise HarnessError(f"spool export ended with {process.returncode}: {errors.read()[-2000:]!r}")


def _spool_events(program, directory, rejects):
    for line in _export(program, directory):
        one = json.loads(line)
        if "quarantine" in one:
            reject = one["quarantine"]
            rejects.append(reject_entry(reject, f"position {reject['position']} index {reject['index']}"))
        else:
            yield entry_of(one, f"batch {one['batch_uid']} index {one['batch_index']}")


def spool_store(server, name="spool"):
    """`vsocd spool export`. server: a harness.Vsocd, or (program, directory). Its quarantined records are complete once its events were read."""
    program, directory = server if isinstance(server, tuple) else (server.program, server.spool_dir)
    rejects = []
    return Store(name, _spool_events(program, directory, rejects), rejects, ordered=True)
