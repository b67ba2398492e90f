"""The audit log in PostgreSQL and Kafka: each record once, with the ordinary loads, and nobody changes it."""

import json

import psycopg2
import pytest

from harness import consume_each, event, ndjson, query, wait_until


def stored(server):
    done = server.run("audit", "list", server.spool_dir, "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def database(services):
    return services.new_database()


def rows(database):
    return query(database, "select audit_uid::text, action, position, detail, instance, leaf_index from vsoc.audit where audit_uid is not null order by position")


def loaded(database, server):
    wait_until(lambda: len(rows(database)) >= len(stored(server)), what="the records in vsoc.audit")


def test_records_are_in_postgres_once(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}})
    assert server.post(ndjson([event(1)])).status == 200
    loaded(database, server)
    for _ in range(2):
        server.kill()
        server.start()
    assert server.post(ndjson([event(2)])).status == 200
    loaded(database, server)
    found, there = stored(server), rows(database)
    assert [row[0] for row in there] == [one["record"]["audit_uid"] for one in found]
    assert [row[1] for row in there] == [one["record"]["kind"] for one in found]
    assert [row[2] for row in there] == [one["position"] for one in found]
    assert [row[3] for row in there] == [one["record"] for one in found]
    assert [row[5] for row in there] == [one["leaf_index"] for one in found]
    assert query(database, "select count(*) from vsoc.events")[0][0] == 2
    assert query(database, "select count(*) from vsoc.batches")[0][0] == 2

    # Loaded again from the beginning: nothing is there twice.
    server.terminate()
    query(database, "delete from vsoc.sink_position")
    server.start()
    loaded(database, server)
    server.terminate()
    assert [row[0] for row in rows(database)] == [one["record"]["audit_uid"] for one in stored(server)]


def test_replay_puts_in_what_is_missing(make_server, database, services):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}})
    assert server.post(ndjson([event(1)])).status == 200
    loaded(database, server)
    server.terminate()
    other = services.new_database()
    server.settings["sinks"]["postgres"]["dsn"] = other
    server.write_config()
    server.migrate()
    first = stored(server)
    server.run("spool", "replay", server.spool_dir, "-c", server.config)
    assert [row[0] for row in rows(other)] == [one["record"]["audit_uid"] for one in first]
    server.run("spool", "replay", server.spool_dir, "-c", server.config)
    assert len(rows(other)) == len(first) + 1, "the record of a replay is behind its range: only that of the first is new"
    assert query(other, "select count(*) from vsoc.events")[0][0] == 1


def test_nobody_changes_a_row(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}})
    loaded(database, server)
    for change in ("update vsoc.audit set action = 'x'", "delete from vsoc.audit", "truncate vsoc.audit"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="only added"):
            query(database, change)
    for role, statement in (
        ("vsoc_ingest", "insert into vsoc.audit (action, object) values ('x', 'y')"),
        ("vsoc_ingest", "update vsoc.audit set action = 'x'"),
        ("vsoc_auditor", "delete from vsoc.audit"),
        ("vsoc_auditor", "select vsoc.add_records('x', gen_random_uuid(), '[]')"),
        ("vsoc_analyst", "select * from vsoc.audit"),
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            query(database, f"set role {role}; {statement}")
    assert query(database, "set role vsoc_auditor; select count(*) from vsoc.audit")[0][0] > 0


def test_records_are_in_kafka_once(make_server, services):
    topics = {name: f"{name}-audit-test" for name in ("events", "quarantine", "health", "findings", "progress", "audit")}
    server = make_server({"sinks": {"kafka": {"enabled": True, "topics": topics, "properties": {"bootstrap.servers": services.bootstrap}}}})
    assert server.post(ndjson([event(1)])).status == 200
    server.wait_for_sinks()
    server.kill()
    server.start()
    server.terminate()
    found = stored(server)
    seen = {}
    for message in consume_each(services.bootstrap, topics["audit"]):
        value = json.loads(message.value())
        assert value["audit_uid"] not in seen
        seen[value["audit_uid"]] = value
        assert message.key().decode() == value["spool_uid"]
    assert [one["record"] for one in found] == [value["record"] for value in sorted(seen.values(), key=lambda value: value["position"])]
    assert all(value["record_kind"] == "audit" and len(value["chain_hash"]) == 64 for value in seen.values())
