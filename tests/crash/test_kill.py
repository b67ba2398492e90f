"""Ends of the server and outages of its sinks under load: every acknowledged event is in PostgreSQL, Kafka and the spool, once and as sent."""

import os
import random

import pytest
import rounds

SLICES = int(os.environ.get("VSOCD_CRASH_SLICES", "4"))  # that workers share; each has its seed and its part of the rounds
ROUNDS = int(os.environ.get("VSOCD_CRASH_ROUNDS", "200"))
SEED = int(os.environ.get("VSOCD_CRASH_SEED") or random.randrange(1, 1000000))


def test_plan_comes_from_the_seed_alone():
    assert rounds.plan(7, 300) == rounds.plan(7, 300) != rounds.plan(8, 300)
    assert {one.end for one in rounds.plan(7, 3000)} == set(rounds.ENDS)
    assert {one.outage for one in rounds.plan(7, 3000)} - {None} == set(rounds.OUTAGES)


@pytest.mark.parametrize("part", range(SLICES))
def test_random_kills_and_outages_under_load_lose_double_and_change_nothing(make_stack, load, part):
    seed, count = SEED + part, -(-ROUNDS // SLICES)
    stack = make_stack({"timeouts": {"drain": "2s"}})
    try:
        rounds.Rounds(stack, load, seed, count, lambda line: print(line, flush=True), -(-rounds.CHECKS // SLICES)).run()
    except BaseException:
        print(f"repeat with  tests/crash/run --rounds={count} --seed={seed} --build={stack.server.program.parent}")
        raise
