"""What the log says of PostgreSQL's problems: each once, not once a lane, and how far behind the sink is when it is back."""

import json
import uuid

import pytest

from harness import event, ndjson, query, wait_until
from test_postgres_sink import as_role, migrate


@pytest.fixture
def login(build, database):
    """A login of its own for the server, which a test may lock out."""
    migrate(build, database)
    name = f"ingest_{uuid.uuid4().hex[:8]}"
    query(database, f"create role {name} login in role vsoc_ingest")
    yield name
    query(database, f"drop role {name}")


def lines(server, words):
    return [entry for entry in map(json.loads, server.log().splitlines()) if words in entry["msg"]]


def shut_out(database, login):
    query(database, f"alter role {login} nologin")
    query(database, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{login}'")


def test_problem_is_one_line_and_the_return_says_how_far_behind(make_server, database, login):
    server = make_server(
        {"sinks": {"postgres": {"enabled": True, "dsn": as_role(database, login), "connections": "4"}}, "log": {"format": "json"}}, start=False
    )
    server.migrated = True
    server.start()
    for first in range(0, 80, 10):
        assert server.post(ndjson(event(n) for n in range(first, first + 10))).status == 200
    server.wait_for_sinks()
    for outage in (1, 2):
        shut_out(database, login)
        for first in range(0, 80, 10):
            assert server.post(ndjson(event(1000 * outage + n) for n in range(first, first + 10))).status == 200
        wait_until(lambda: server.metric("vsocd_sink_retries_total") >= 12 * outage, what="each lane's attempts")
        problems = [entry["problem"] for entry in lines(server, "sink needs operator action")]
        assert sum("not permitted to log in" in problem for problem in problems) == outage
        query(database, f"alter role {login} login")
        wait_until(lambda: len(lines(server, "sink is back")) == outage, 90, what="the line that it is back")
        back = lines(server, "sink is back")[-1]
        assert back["events_behind"] > 0 and back["batches_behind"] > 0 and back["seconds_behind"] > 0 and back["seconds_down"] > 0
        server.wait_for_sinks(90)
    query(database, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{login}'")
    assert server.terminate() == 0
