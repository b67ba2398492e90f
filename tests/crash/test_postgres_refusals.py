"""Events that PostgreSQL refuses, among others that it takes: they go to quarantine, the others arrive, nothing stands still."""

import pytest

from harness import event, ndjson, query
from ledger import content_of_sent, Told
from postgres_case import terminate

PATIENCE_S = 120


def quarantined(stack):
    """Ids of the events that PostgreSQL refused."""
    rows = query(stack.database, "select convert_from(raw, 'UTF8')::json ->> 'source_event_id' from vsoc.quarantine where source = 'sink'")
    return sorted(row[0] for row in rows)


def stored(stack):
    return sorted(row[0] for row in query(stack.database, "select source_event_id from vsoc.events"))


def poison(n):
    """An event with a number that JSON has and jsonb has not."""
    return event(n, attributes={"x": "POISON"})


def post(stack, events):
    reply = stack.server.post(ndjson(events).replace(b'"POISON"', b"1e-20000"))
    assert reply.status == 200 and reply.json["accepted"] == len(events)
    stack.server.wait_for_sinks(PATIENCE_S)


def rejected(stack):
    return stack.server.metric("vsocd_sink_rejected_total", 'sink="postgres"')


@pytest.mark.parametrize("bad", [[7], [0, 1, 99], range(0, 100, 3), range(100)], ids=["one", "some", "many", "all"])
def test_values_that_it_refuses_go_to_quarantine_and_the_others_arrive(make_stack, bad):
    stack = make_stack(kafka=False)
    events = [(poison if n in bad else event)(n) for n in range(100)]
    post(stack, events)
    assert quarantined(stack) == [events[n]["id"] for n in bad]
    assert rejected(stack) == len(bad)
    assert stored(stack) == [events[n]["id"] for n in range(100) if n not in bad]


RULES = {
    "constraint": "alter table vsoc.events add constraint no_sixes check (severity_id <> 6)",
    "trigger": "create trigger no_sixes before insert on vsoc.events for each row execute function public.no_sixes()",
    "deferred": "create constraint trigger no_sixes after insert on vsoc.events deferrable initially deferred"
                " for each row execute function public.no_sixes()",
    "unique": "create unique index one_six on vsoc.events (time_received, severity_id) where severity_id = 6",
}


@pytest.mark.parametrize("rule", RULES)
def test_events_that_a_rule_of_the_operator_refuses_go_to_quarantine(make_stack, rule):
    stack = make_stack()
    query(
        stack.database,
        "create function public.no_sixes() returns trigger language plpgsql as"
        " $$ begin if new.severity_id = 6 then raise exception 'no sixes here'; end if; return new; end $$",
    )
    query(stack.database, RULES[rule])
    sixes = [n for n in range(100) if n % 10 == 3]
    events = [event(n, event_name="SEV_X", severity_id=6 if n in sixes else 3) for n in range(100)]
    told = {one["id"]: Told("accepted", content_of_sent(one), one["vin"]) for one in events}
    post(stack, events)
    refused = sixes[1:] if rule == "unique" else sixes
    assert quarantined(stack) == [events[n]["id"] for n in refused]
    stack.compare(told)


def test_of_a_load_that_comes_again_only_what_is_refused_is_in_quarantine(make_stack):
    stack = make_stack(kafka=False)
    query(stack.database, RULES["constraint"])
    events = [event(n, severity_id=6 if n % 10 == 0 else 3) for n in range(30)]
    refused = [one["id"] for one in events if one["severity_id"] == 6]
    post(stack, events)
    query(stack.database, "delete from vsoc.batch_keys")  # as after dedup.window
    query(stack.database, "delete from vsoc.sink_position")
    terminate(stack.database)
    for n in (31, 32):  # one for each lane
        post(stack, [event(n)])
    assert quarantined(stack) == refused
    assert stored(stack) == sorted(event(n)["id"] for n in range(33) if n % 10)


def test_thousand_refused_events_in_a_load_are_found_in_one_pass(make_stack):
    stack = make_stack(kafka=False)
    post(stack, [(poison if n % 20 == 7 else event)(n) for n in range(20000)])
    assert len(quarantined(stack)) == rejected(stack) == 1000 and len(stored(stack)) == 19000
    assert sum("can't store some events" in line for line in stack.server.log().splitlines()) == 1


def test_huge_events_arrive_whole(make_stack):
    """As large as limits.event_bytes lets them be, with values that the database compresses and such that it cannot."""
    stack = make_stack()
    noise = "".join(chr(0x4E00 + (n * n * 7919) % 20000) for n in range(60000))
    events = [event(n, event_name="SEV_X", message=text[:1000], attributes={"a": text}) for n, text in enumerate(["x" * 100000, noise[:20000], noise[20000:50000]])]
    told = {one["id"]: Told("accepted", content_of_sent(one), one["vin"]) for one in events}
    post(stack, events)
    assert stored(stack) == [one["id"] for one in events]
    stack.compare(told)
