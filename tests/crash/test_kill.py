"""kill -9 and outages under load, with a sender that retries: every acknowledged event is in PostgreSQL, Kafka and the spool, once."""

import os
import time

from harness import wait_until

EVENTS = int(os.environ.get("VSOCD_CRASH_EVENTS", "100000"))
KILLS = int(os.environ.get("VSOCD_CRASH_KILLS", "20"))
OUTAGE_S = float(os.environ.get("VSOCD_CRASH_OUTAGE", "10"))
TRAFFIC = max(1, EVENTS // 50 // (4 * KILLS))  # batches between two kills: a quarter of the load is left at the end
RUN_S = 90  # the load lasts about that long, so that every fault meets traffic


def test_kill_and_outages_under_load_lose_and_double_nothing(make_stack, services, load):
    stack = make_stack()
    server = stack.server
    running = load(server, EVENTS, rate=EVENTS // RUN_S, bad_every=100)
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
    stack.compare(told)


def test_outage_of_both_sinks_costs_disk_and_not_memory(make_stack, services, load):
    events = int(os.environ.get("VSOCD_OUTAGE_EVENTS", "1000000"))
    stack = make_stack()
    server = stack.server
    services.act("postgres", "stop")
    services.act("kafka", "stop")
    try:
        running = load(server, events, connections=64, bad_every=1000)
        told = running.finish()
        resident = server.metric("process_resident_memory_bytes")
    finally:
        services.act("postgres", "start")
        services.act("kafka", "start")
    assert len(told) == events
    if "asan" not in str(server.program) and "tsan" not in str(server.program):
        assert resident < 128 << 20
    stack.compare(told, seconds=600)
