"""A long outage of both sinks under load: it costs disk and not memory, and nothing of what was acknowledged.

VSOCD_OUTAGE_EVENTS says how many events come meanwhile."""

import os


def test_outage_of_both_sinks_costs_disk_and_not_memory(make_stack, services, load):
    events = int(os.environ.get("VSOCD_OUTAGE_EVENTS", "300000"))
    stack = make_stack()
    server = stack.server
    services.act("postgres", "stop")
    services.act("kafka", "stop")
    try:
        told = load(server, events, connections=64, bad_every=1000).finish()
        resident = server.metric("process_resident_memory_bytes")
    finally:
        services.act("postgres", "start")
        services.act("kafka", "start")
    assert len(told) == events
    if "asan" not in str(server.program) and "tsan" not in str(server.program):
        assert resident < 128 << 20
    stack.compare(told, seconds=600)
