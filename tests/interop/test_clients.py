"""Real clients post a ledger, and PostgreSQL has it: each event once, unaltered, in the vehicle's name."""

import concurrent.futures
import contextlib
import json
import socket
import subprocess
import threading

import page
import pytest
from certificates import Authority, tls_settings
from clients import CLIENTS, HEC, run
from front import FAULTS, Front
from harness import event, query, wait_until
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


TENANT = "demo"  # of the token and of the certificates; who shows neither sends for "default"


def compare(client, stack, batches, markers, tenant="default"):
    """PostgreSQL and the spool hold the batches of these markers, each event once and unaltered; of the others some may have come."""
    events = [one for marker in markers for one in batches[marker]]
    told, sent = told_of(events), told_of(sum(batches.values(), []))
    if client.exact:
        stack.compare(told, sent, tenant=tenant)
        return
    stack.compare(*({name: one._replace(content=None) for name, one in ledger.items()} for ledger in (told, sent)), tenant=tenant)
    stored = {row[0]: row[1:] for row in query(stack.database, COLUMNS)}
    expected = {one["id"]: tuple(one[name] for name in ("message", "event_name", "sensor_kind", "ecu_id")) for one in events}
    for one in events:
        assert stored[one["id"]] == (*expected[one["id"]], TIME_NS, str(one["attributes"]["attempt"]))


@pytest.fixture
def token(build, tmp_path):
    """A new token in the file `tokens`."""
    command = [build / "vsocd", "token", "new", "--file", tmp_path / "tokens", "--tenant", TENANT, "--id", "interop"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_posts_a_ledger(client, make_stack, token, tmp_path):
    """Clients of the Splunk routes show a token, the others a vehicle's certificate."""
    authority = Authority(tmp_path / "tls")
    settings = tls_settings(authority, client_auth="optional" if client.route.startswith(HEC) else "required")
    stack = make_stack(settings | {"identity": {"tokens_file": str(tmp_path / "tokens")}}, kafka=False)
    batches = {f"b{n}": make_batch(client.name, f"b{n}", 5 if client.per_event else 50) for n in range(4)}
    ledger = write_ledger(tmp_path / "ledger", batches)
    said, errors = run(client, stack.server.url, ledger, authority.ca_path, *authority.vehicle(VIN), token=token)
    assert said == dict.fromkeys(batches, "ok"), errors
    compare(client, stack, batches, batches, TENANT)
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


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_does_on_faults_what_the_page_says(client, make_stack, tmp_path):
    stack = make_stack(kafka=False)
    batches = {marker: make_batch(client.name, marker, 1 if client.per_event else 20) for marker in ("first", *FAULTS, "last")}
    with Front(stack.server.port) as front:
        said, errors = run(client, front.url, write_ledger(tmp_path / "ledger", batches))
    did = {fault: outcome(said[fault], fault in front.again) for fault in FAULTS}
    assert said["first"] == said["last"] == "ok", errors
    compare(client, stack, batches, ["first", *(fault for fault in FAULTS if did[fault] == "again"), "last"])
    row = page.rows().get(client.name)
    assert row and did == row.faults, f"it did {did}, said {said} and wrote {errors[-1500:]}"


def waits(client):
    row = page.rows().get(client.name)
    return row and row.faults["503"] == "again"


HELD = (16 + 32 + 64 + 128 + 256 + 512) << 10  # pieces of a body of 600,000 bytes to 1 MB


def hold_memory(server, address, over):
    """Holds HELD bytes of limits.memory with bodies that move on: those that stop would give way."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"
    while not over.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 30, (address, 0)) as connection:
            connection.sendall(head + b" " * 600_000)
            for _ in range(20):
                if over.wait(0.2):
                    return
                connection.sendall(b" " * 20_000)


@pytest.mark.parametrize("client", filter(waits, CLIENTS), ids=lambda client: client.name)
def test_a_client_that_sends_again_gets_all_to_a_server_that_was_busy(client, make_stack, tmp_path):
    """The refusals are the server's own, in the words of the client's protocol."""
    stack = make_stack({"limits": {"memory": 2 * HELD + 16, "body_bytes": "1MiB"}, "timeouts": {"body": "10min"}}, kafka=False)
    batches = {marker: make_batch(client.name, marker, 1 if client.per_event else 20) for marker in ("first", "last")}
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool, contextlib.ExitStack() as held:
        held.callback(over.set)
        for address in ("127.0.0.2", "127.0.0.3"):
            pool.submit(hold_memory, stack.server, address, over)
        wait_until(lambda: stack.server.metric("vsocd_memory_in_flight_bytes") >= 2 * HELD, what="both bodies being held")
        running = pool.submit(run, client, stack.server.url, write_ledger(tmp_path / "ledger", batches))
        wait_until(lambda: running.done() or stack.server.metric("vsocd_refusals_total", 'reason="memory"') > 0, 100, "a refusal")
        held.close()
        said, errors = running.result()
    assert said == dict.fromkeys(batches, "ok"), errors
    assert stack.server.metric("vsocd_refusals_total", 'reason="memory"') > 0
    compare(client, stack, batches, batches)
