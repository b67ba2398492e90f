"""Ends of the server and outages of its sinks under load, with a sender that retries: every acknowledged event is in PostgreSQL, Kafka and the
spool, once and as it was sent."""

import os
import random

import rounds

ROUNDS = int(os.environ.get("VSOCD_CRASH_ROUNDS", "200"))
SEED = int(os.environ.get("VSOCD_CRASH_SEED") or random.randrange(1, 1000000))


def test_plan_comes_from_the_seed_alone():
    assert rounds.plan(7, 300) == rounds.plan(7, 300) != rounds.plan(8, 300)
    assert {one.end for one in rounds.plan(7, 300)} == set(rounds.ENDS)
    assert {one.outage for one in rounds.plan(7, 300)} - {None} == set(rounds.OUTAGES)


def test_random_kills_and_outages_under_load_lose_double_and_change_nothing(make_stack, load):
    stack = make_stack({"timeouts": {"drain": "2s"}})
    try:
        rounds.Rounds(stack, load, SEED, ROUNDS, lambda line: print(line, flush=True)).run()
    except BaseException:
        print(f"repeat with  tests/crash/run --rounds={ROUNDS} --seed={SEED} --build={stack.server.program.parent}")
        raise


def test_outage_of_both_sinks_costs_disk_and_not_memory(make_stack, services, load):
    events = int(os.environ.get("VSOCD_OUTAGE_EVENTS", "1000000"))
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
