"""Connections are spread evenly over the workers: whichever worker accepts, the one with the fewest serves."""

import http.client
import random
import signal

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

WORKERS = 4


def open_one(server, context=None):
    link = (
        http.client.HTTPSConnection("127.0.0.1", server.port, timeout=480, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", server.port, timeout=480)
    )
    link.connect()
    return link


def by_worker(server, name):
    return [server.metric(name, f'worker="{n}"') for n in range(WORKERS)]


def spread(server, count):
    """Open connections by worker, once all are counted."""
    wait_until(lambda: sum(by_worker(server, "vsocd_worker_connections")) == count, what=f"{count} connections")
    return by_worker(server, "vsocd_worker_connections")


def assert_even(server, count):
    counts = spread(server, count)
    assert max(counts) - min(counts) <= 1, counts


@pytest.fixture(params=["plain", "TLS"])
def made(request, make_server, tmp_path):
    """A server and the context of its clients."""
    settings = {"ingest": {"workers": str(WORKERS)}, "limits": {"handshakes_per_second": 2000}}
    if request.param == "plain":
        return make_server(settings), None
    authority = Authority(tmp_path / "ca")
    server = make_server({**settings, **tls_settings(authority)})
    return server, authority.context(authority.vehicle("1M8GDM9AXKP042788"))


def test_connections_are_spread_within_one(made):
    server, context = made
    links = [open_one(server, context) for _ in range(41)]
    assert_even(server, 41)
    for link in links:
        link.close()


def test_new_connections_fill_up_after_many_have_closed(made):
    server, context = made
    links = [open_one(server, context) for _ in range(60)]
    random.Random(7).shuffle(links)
    for link in links[:40]:
        link.close()
    left = links[40:]
    counts = spread(server, 20)
    left += [open_one(server, context) for _ in range(WORKERS * int(max(counts)) - 20)]
    assert_even(server, len(left))
    for link in left:
        link.close()


def test_connections_are_spread_while_others_are_slow(server_of_slow_ones):
    server, slow = server_of_slow_ones
    links = [open_one(server) for _ in range(30)]
    assert_even(server, len(slow) + 30)
    for link in links:
        link.close()


@pytest.fixture
def server_of_slow_ones(make_server):
    """Half of a head, and half of a body, on 21 connections."""
    server = make_server({"ingest": {"workers": str(WORKERS)}})
    slow = [server.connect() for _ in range(21)]
    for n, link in enumerate(slow):
        link.sendall(b"POST /v1/events HTTP/1.1\r\nHost: h\r\n" + (b"Content-Length: 500\r\n\r\n{" if n % 2 else b""))
    yield server, slow
    for link in slow:
        link.close()


def test_connections_are_spread_after_a_reload(made):
    server, context = made
    links = [open_one(server, context) for _ in range(10)]
    before = server.metric("vsocd_config_last_reload_success_timestamp_seconds")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.metric("vsocd_config_last_reload_success_timestamp_seconds") > before, what="the reload")
    links += [open_one(server, context) for _ in range(31)]
    assert_even(server, 41)
    for link in links:
        link.close()


def test_requests_and_processor_time_are_counted_by_worker(make_server):
    server = make_server({"ingest": {"workers": str(WORKERS)}})
    links = [open_one(server) for _ in range(WORKERS)]
    for n in range(10):
        for number, link in enumerate(links):
            link.request("POST", "/v1/events", ndjson([event(n * WORKERS + number)]), {"Content-Type": "application/x-ndjson"})
            assert link.getresponse().read()
    assert by_worker(server, "vsocd_worker_requests_total") == [10] * WORKERS
    cpu = by_worker(server, "vsocd_worker_cpu_seconds_total")
    assert min(cpu) > 0 and sum(cpu) <= server.metric("process_cpu_seconds_total") + 0.1
    for link in links:
        link.close()
    wait_until(lambda: min(by_worker(server, "vsocd_worker_loop_lag_seconds_count")) >= 3, what="three ticks of each worker")


def test_passed_connections_end_with_an_orderly_stop(made):
    server, context = made
    links = [open_one(server, context) for _ in range(9)]
    assert_even(server, 9)
    assert server.terminate() == 0
    for link in links:
        link.close()
