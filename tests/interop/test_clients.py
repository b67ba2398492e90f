"""Real clients post a ledger, and PostgreSQL has it: each event once, unaltered, in the vehicle's name."""

import json
import subprocess

import page
import pytest
from certificates import Authority, tls_settings
from clients import CLIENTS, HEC, run
from front import FAULTS, Front
from harness import event, query
from load import NAME, told_of

VIN = "1M8GDM9AXKP042788"
TIME_NS = 1795342502_250_000_000
COLUMNS = """
    select source_event_id, message, event_name, sensor_kind, ecu_id, time_event_ns,
           attributes->>'attempt'
    from vsoc.events"""


def make_batch(client, marker, size):
    return [
        event(
            id=f"{client}-{marker}-{n:04d}", vin=VIN, event_name=NAME, attributes={"attempt": n},
            message=f'event {n} of {client}: Türöffner "2" \\ 日本 \U0001f697',
        )
        for n in range(size)
    ]


def write_ledger(path, batches):
    path.write_text("".join(json.dumps({"marker": marker, "events": events}) + "\n" for marker, events in batches.items()))
    return path


def compare(client, stack, batches, markers):
    """PostgreSQL and the spool hold the batches of these markers, each event once and unaltered; of the others some may have come."""
    events = [one for marker in markers for one in batches[marker]]
    told, sent = told_of(events), told_of(sum(batches.values(), []))
    if client.exact:
        stack.compare(told, sent)
        return
    stack.compare(*({name: one._replace(content=None) for name, one in ledger.items()} for ledger in (told, sent)))
    stored = {row[0]: row[1:] for row in query(stack.database, COLUMNS)}
    expected = {one["id"]: tuple(one[name] for name in ("message", "event_name", "sensor_kind", "ecu_id")) for one in events}
    for one in events:
        assert stored[one["id"]] == (*expected[one["id"]], TIME_NS, str(one["attributes"]["attempt"]))


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request):
    return request.param


@pytest.fixture
def token(build, tmp_path):
    """A new token in the file `tokens`."""
    command = [build / "vsocd", "token", "new", "--file", tmp_path / "tokens", "--tenant", "demo", "--id", "interop"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def test_a_client_posts_a_ledger(client, make_stack, token, tmp_path):
    """Clients of the Splunk routes show a token, the others a vehicle's certificate."""
    authority = Authority(tmp_path / "tls")
    settings = tls_settings(authority, client_auth="optional" if client.route.startswith(HEC) else "required")
    stack = make_stack(settings | {"identity": {"tokens_file": str(tmp_path / "tokens")}}, kafka=False)
    batches = {f"b{n}": make_batch(client.name, f"b{n}", 5 if client.per_event else 50) for n in range(4)}
    ledger = write_ledger(tmp_path / "ledger", batches)
    said, errors = run(client, stack.server.url, ledger, authority.ca_path, *authority.vehicle(VIN), token=token)
    assert said == dict.fromkeys(batches, "ok"), errors
    compare(client, stack, batches, batches)
    codings = [coding for coding, in query(stack.database, "select distinct content_encoding from vsoc.batches")]
    opened = stack.server.metric("vsocd_http_connections_accepted_total", 'listener="ingest"')
    row = page.rows().get(client.name)
    requests = sum(map(len, batches.values())) if client.per_event else len(batches)
    assert row and codings == [row.coding] and ("kept" if opened < requests else "each") == row.connections, (codings, opened)


def outcome(said, again):
    """What a client did about a batch that failed once."""
    if said != "ok":
        return "told"
    return "again" if again else "lost"


def test_a_client_does_on_faults_what_the_page_says(client, make_stack, tmp_path):
    stack = make_stack(kafka=False)
    batches = {marker: make_batch(client.name, marker, 1 if client.per_event else 20) for marker in ("first", *FAULTS, "last")}
    with Front(stack.server.port) as front:
        said, errors = run(client, front.url, write_ledger(tmp_path / "ledger", batches))
    did = {fault: outcome(said[fault], fault in front.again) for fault in FAULTS}
    assert said["first"] == said["last"] == "ok", errors
    compare(client, stack, batches, ["first", *(fault for fault in FAULTS if did[fault] == "again"), "last"])
    row = page.rows().get(client.name)
    assert row and did == row.faults, f"it did {did} and said {said}"
