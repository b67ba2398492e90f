"""Ends of the server and outages of its sinks under load: every acknowledged event is in PostgreSQL, Kafka and the spool, once and as sent."""

import os
import random

import rounds

ROUNDS = int(os.environ.get("VSOCD_CRASH_ROUNDS", "200"))
SEED = int(os.environ.get("VSOCD_CRASH_SEED") or random.randrange(1, 1000000))


def test_plan_comes_from_the_seed_alone():
    assert rounds.plan(7, 300) == rounds.plan(7, 300) != rounds.plan(8, 300)
    assert {one.end for one in rounds.plan(7, 3000)} == set(rounds.ENDS)
    assert {one.outage for one in rounds.plan(7, 3000)} - {None} == set(rounds.OUTAGES)


def test_random_kills_and_outages_under_load_lose_double_and_change_nothing(make_stack, load):
    stack = make_stack({"timeouts": {"drain": "2s"}})
    try:
        rounds.Rounds(stack, load, SEED, ROUNDS, lambda line: print(line, flush=True)).run()
    except BaseException:
        print(f"repeat with  tests/crash/run --rounds={ROUNDS} --seed={SEED} --build={stack.server.program.parent}")
        raise
