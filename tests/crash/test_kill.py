"""kill -9 and outages under load, with a sender that retries: every acknowledged event is in PostgreSQL, Kafka and the spool, once."""

import os
import subprocess
import time

import pytest

from harness import wait_until
from ledger import check, ids_in_kafka, ids_in_postgres, ids_in_spool, read_ledger

EVENTS = int(os.environ.get("VSOCD_CRASH_EVENTS", "100000"))
KILLS = int(os.environ.get("VSOCD_CRASH_KILLS", "20"))
OUTAGE_S = float(os.environ.get("VSOCD_CRASH_OUTAGE", "10"))
TRAFFIC = max(1, EVENTS // 50 // (4 * KILLS))  # batches between two kills: a quarter of the load is left at the end
RUN_S = 90  # the load lasts about that long, so that every fault meets traffic


class Load:
    """load-tests/fleet against a server, with its ledger."""

    def __init__(self, build, server, folder, events, connections=200, rate=0):
        self.ledger = folder / "ledger.tsv"
        self.log = folder / "fleet.log"
        command = [build / "fleet", "--url", server.url, "--events", events, "--batch", 50, "--connections", connections, "--vehicles", 500]
        command += ["--rate", rate, "--ledger", self.ledger, "--retry-for", 600, "--seed", 7]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)

    @property
    def running(self):
        return self.process.poll() is None

    def finish(self):
        assert self.process.wait(700) == 0, self.log.read_text()[-3000:]
        return read_ledger(self.ledger)

    def stop(self):
        if self.running:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def load(build, tmp_path):
    loads = []

    def start(server, events, **options):
        loads.append(Load(build, server, tmp_path, events, **options))
        return loads[-1]

    yield start
    for one in loads:
        one.stop()


def sinks(services, database, name):
    """Settings for both sinks with topics of the test's own."""
    topics = {kind: f"{name}.{kind}" for kind in ("events", "quarantine", "health", "findings", "progress")}
    return {
        "sinks": {
            "kafka": {"enabled": True, "topics": topics, "properties": {"bootstrap.servers": services.bootstrap}},
            "postgres": {"enabled": True, "dsn": database},
        }
    }


def compare(server, services, database, name, told):
    server.wait_for_sinks(180)
    check(
        told,
        {
            "postgres": ids_in_postgres(database),
            "kafka": ids_in_kafka(services.bootstrap, f"{name}.events"),
            "spool": ids_in_spool(server),
        },
    )


def test_kill_and_outages_under_load_lose_and_double_nothing(make_server, services, database, load, tmp_path):
    name = "crash" + tmp_path.name[-4:].strip("-_").lower()
    server = make_server(sinks(services, database, name))
    running = load(server, EVENTS, rate=EVENTS // RUN_S)
    outages = {KILLS // 4: "postgres", 3 * KILLS // 4: "kafka"}
    kills = 0
    for number in range(KILLS):
        # Kill at a moment of traffic: after some more batches than at the last one.
        position = server.metric("vsocd_spool_position")
        wait_until(lambda: not running.running or server.metric("vsocd_spool_position") > position + TRAFFIC, 120, "traffic before the kill")
        if not running.running:
            break
        if number in outages:
            services.act(outages[number], "stop")
            time.sleep(OUTAGE_S / 2)  # the outage itself, not a wait for something
        server.kill()
        kills += 1
        server.start()
        if number in outages:
            time.sleep(OUTAGE_S / 2)
            services.act(outages[number], "start")
    told = running.finish()
    assert len(told) == EVENTS
    assert kills == KILLS, "the load was over before all kills were done"
    compare(server, services, database, name, told)


def test_outage_of_both_sinks_costs_disk_and_not_memory(make_server, services, database, load, tmp_path):
    name = "outage" + tmp_path.name[-4:].strip("-_").lower()
    events = int(os.environ.get("VSOCD_OUTAGE_EVENTS", "1000000"))
    server = make_server({**sinks(services, database, name), "log": {"level": "info", "format": "text"}})
    services.act("postgres", "stop")
    services.act("kafka", "stop")
    try:
        running = load(server, events, connections=64)
        told = running.finish()
        resident = server.metric("process_resident_memory_bytes")
    finally:
        services.act("postgres", "start")
        services.act("kafka", "start")
    assert len(told) == events
    if "asan" not in str(server.program) and "tsan" not in str(server.program):
        assert resident < 128 << 20
    server.wait_for_sinks(600)
    compare(server, services, database, name, told)
