"""Rounds of kills under load: one server with PostgreSQL and Kafka, a fleet that never stops, and in every round an end of the server and a new
start. What happens in which round comes from the seed alone (plan); at which step of the server it happens comes from the machine."""

import collections
import random
import time
from typing import NamedTuple, Optional, Tuple

from harness import wait_until

# What stops a sink, how to end it, and how often it is drawn: a new broker takes seconds, the others nothing.
OUTAGES = {
    ("postgres", "pause", "resume"): 6,
    ("postgres", "stop", "start"): 4,
    ("postgres", "kill", "start"): 4,
    ("kafka", "pause", "resume"): 6,
    ("kafka", "stop", "start"): 1,
    ("kafka", "kill", "start"): 1,
}
OUTAGE_EVERY = 10  # rounds, in the mean
MEETS = {None: 3, "kafka": 2, "postgres": 1}  # what must have delivered something: a sink needs longer to start than the server
ENDS = {"kill": 14, "term": 2, "kill twice": 3, "kill thrice": 1}
CHECKS, CHECK_ROUNDS = 5, 100  # comparisons in a whole run, the last one at its end; at most so many rounds between two
LOAD_EVENTS = 3000
RATE = 600  # events a second: traffic all the time, and the machine left for the sinks


class Round(NamedTuple):
    """after_s: how long the server lives, from when it is ready or the sink that it has to meet is at work. again_s: how long each start lives
    that is killed while it recovers."""

    end: str
    meets: Optional[str]
    after_s: float
    again_s: Tuple[float, ...]
    outage: Optional[Tuple[str, str, str]]  # begins before the end of the server …
    outage_rounds: int  # … and is over so many rounds later, 0: as soon as the server is back


def plan(seed, rounds):
    """The rounds that a seed means."""
    dice = random.Random(seed)
    made = []
    for _ in range(rounds):
        end = dice.choices(list(ENDS), ENDS.values())[0]
        again = {"kill twice": 1, "kill thrice": 2}.get(end, 0)
        outage = dice.choices(list(OUTAGES), OUTAGES.values())[0] if dice.random() < 1 / OUTAGE_EVERY else None
        # Short lives meet recovery and the sinks' first steps, longer ones the middle of a load.
        after_s = dice.choice((0.05, 0.3, 0.8, 1.4)) * dice.random()
        meets = dice.choices(list(MEETS), MEETS.values())[0]
        made.append(Round(end, meets, after_s, tuple(0.08 * dice.random() for _ in range(again)), outage, dice.randrange(4)))
    return made


class Rounds:
    """Runs a plan. stack: of conftest; load: its fixture; say: takes a line of progress; checks: comparisons."""

    def __init__(self, stack, load, seed, rounds, say, checks=CHECKS):
        self.stack, self.server, self.load, self.seed, self.say = stack, stack.server, load, seed, say
        self.plan, self.checks = plan(seed, rounds), checks
        self.told, self.counts, self.loads = {}, collections.Counter(), 0
        self.running, self.outages = None, {}  # {service: (word that ends it, round)}
        self.started = time.monotonic()

    def run(self):
        every = max(1, min(CHECK_ROUNDS, -(-len(self.plan) // self.checks)))
        try:
            for number, one in enumerate(self.plan, 1):
                self._round(number, one)
                if number % every == 0 or number == len(self.plan):
                    self._compare(number)
        finally:
            self._end_outages(None)  # other tests use the services, too
        self.say(self.summary())

    def summary(self):
        states = collections.Counter(one.state for one in self.told.values())
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return (f"{len(self.plan)} rounds, seed {self.seed}, {time.monotonic() - self.started:.0f} s: {counts}; "
                f"{len(self.told)} events told ({told}): each in every store once, as it was sent")

    def _round(self, number, one):
        self._keep_load()
        if one.meets and one.meets not in self.outages:
            self._meet(one.meets)
        if one.outage and one.outage[0] not in self.outages:
            self._begin_outage(number, one)
        time.sleep(one.after_s)  # the server's life, not a wait for something
        self._end_server(one)
        for life in one.again_s:
            self.server.start(wait=False)
            time.sleep(life)
            self.server.kill()
        self.server.start()
        self._end_outages(number)

    def _meet(self, sink):
        """Until the sink has delivered something in this life of the server."""
        self.counts[f"{sink} met"] += 1
        wait_until(lambda: self.server.metric("vsocd_sink_events_total", sink) > 0 or not self.running.running, 120, f"a delivery to {sink}",
                   interval=0.02)

    def _end_server(self, one):
        self.counts[one.end] += 1
        if one.end == "term":
            assert self.server.terminate() == 0, self.server.log()[-3000:]
        else:
            self.server.kill()

    def _begin_outage(self, number, one):
        service, begin, end = one.outage
        self.counts[f"{service} {begin}"] += 1
        self.outages[service] = end, number + one.outage_rounds
        self.stack.services.act(service, *(("stop", "--kill") if begin == "kill" else (begin,)))

    def _end_outages(self, number):
        """Ends those that are over by this round, None: all."""
        for service, (end, last) in list(self.outages.items()):
            if number is None or last <= number:
                del self.outages[service]
                self.stack.services.act(service, end)

    def _keep_load(self):
        """A load that is over is followed by the next."""
        if self.running and not self.running.running:
            self.told.update(self.running.finish())
            self.running = None
        if not self.running:
            self.loads += 1
            self.running = self.load(self.server, LOAD_EVENTS, rate=RATE, bad_every=100, batch=20, vehicles=50, connections=40,
                                     seed=self.seed * 10000 + self.loads)

    def _compare(self, number):
        self._end_outages(None)
        self.told.update(self.running.finish())
        self.running = None
        self.stack.compare(self.told)
        self.server.check_log()
        self.say(f"round {number} of {len(self.plan)}, {time.monotonic() - self.started:.0f} s: {len(self.told)} events agree")
