"""Scenario `queries`: how long the queries of docs/analysts.md take as an analyst, while days are added.

Events of the generator are loaded by vsocd, then copied to earlier times, newest first, so that every day has the same number. At 1, 2, 4 …
days, each query runs once to warm the caches and then --rounds times: the median counts. `--dsn` measures a database that is filled already.
"""

import pathlib
import re
import statistics
import subprocess

import machine
from bench import generator
from bench.rounds import progress
from rig import ROOT, Rig, RigError

GUIDE = ROOT / "docs" / "analysts.md"
LOGIN = "vsoc_analyst"
# Longest times of these in ms (warm, 4 million events): the rest reads a day or more, and grows with the events of a day.
GOALS = {"What is the newest event?": 20, "Which event has this id?": 20, "What is the evidence for this event?": 20, "What happened in the last hour?": 100, "What happened to this vehicle?": 100}
MORE = {"newest time: max(time_received)": "SELECT max(time_received) FROM vsoc.all_events", "a vehicle's events of all days": "SELECT count(*) FROM vsoc.all_events WHERE vehicle_pid = :'vehicle'"}
COPIES_A_DAY = 3

# Ids keep their tail and get the time of their copy; batches stay together. %s: which copy, from 0, the newest.
COPY_BACK = """
CREATE TEMP TABLE moved AS
SELECT batch_uid AS old, t, (lpad(to_hex((extract(epoch FROM t) * 1000)::int8), 12, '0') || substr(replace(batch_uid::text, '-', ''), 13))::uuid AS new
FROM (SELECT batch_uid, date_trunc('milliseconds', (SELECT max(time_ingested) FROM public.sample_batches)
             - ({copy} + (row_number() OVER (ORDER BY time_received DESC, batch_uid) - 0.5) / count(*) OVER ()) * interval '1 day' / {parts}) AS t
      FROM public.sample_batches) AS s;
DO $$
DECLARE
    events text; batches text;
BEGIN
    SELECT string_agg(CASE WHEN attname = 'batch_uid' THEN 'm.new' WHEN attname IN ('time_received', 'time_ingested') THEN 'm.t'
                           WHEN attname = 'event_uid' THEN '(left(m.new::text, 30) || right(s.event_uid::text, 6))::uuid'
                           WHEN attname = 'time_event_ns' THEN '(extract(epoch FROM m.t) * 1000000)::int8 * 1000' ELSE 's.' || quote_ident(attname) END, ',' ORDER BY attnum)
    INTO events FROM pg_attribute WHERE attrelid = 'vsoc.events'::regclass AND attnum > 0;
    SELECT string_agg(CASE WHEN attname = 'batch_uid' THEN 'm.new' WHEN attname LIKE 'time_%' THEN 'm.t' ELSE 's.' || quote_ident(attname) END, ',' ORDER BY attnum)
    INTO batches FROM pg_attribute WHERE attrelid = 'vsoc.batches'::regclass AND attnum > 0;
    PERFORM vsoc.ensure_partition(d::date) FROM (SELECT DISTINCT (t AT TIME ZONE 'utc')::date AS d FROM moved) AS days;
    EXECUTE 'INSERT INTO vsoc.events SELECT ' || events || ' FROM public.sample_events s JOIN moved m ON m.old = s.batch_uid ORDER BY m.t, s.batch_index';
    EXECUTE 'INSERT INTO vsoc.batches SELECT ' || batches || ' FROM public.sample_batches s JOIN moved m ON m.old = s.batch_uid ORDER BY m.t';
END $$;
DROP TABLE moved;
"""
SAMPLE = """
CREATE UNLOGGED TABLE public.sample_events AS SELECT * FROM vsoc.events;
CREATE UNLOGGED TABLE public.sample_batches AS SELECT * FROM vsoc.batches;
CREATE INDEX ON public.sample_events (batch_uid);
TRUNCATE vsoc.events, vsoc.batches;
ANALYZE public.sample_events, public.sample_batches;
INSERT INTO vsoc.analyst_tenants SELECT DISTINCT 'vsoc_analyst', tenant_id FROM public.sample_batches ON CONFLICT DO NOTHING;
"""


def psql(dsn, script):
    done = subprocess.run(["psql", dsn, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=script, capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"psql: {done.stderr[-2000:]}")
    return done.stdout


def queries():
    text = GUIDE.read_text()
    return dict(re.findall(r"^### ([^\n]*)\n(?:(?!^### ).)*?^```sql\n(.*?);\n```", text, re.M | re.S)) | MORE


def times(dsn, sql, rounds):
    """ms of so many warm runs, and rows."""
    said = psql(dsn, f"\\o /dev/null\n{sql};\n\\timing on\n" + f"{sql};\n" * rounds)
    return [float(ms) for ms in re.findall(r"^Time: ([\d.]+) ms", said, re.M)]


def measure(dsn, days, rounds):
    """{title: median ms} as the analyst."""
    chosen = "SELECT event_uid, vehicle_pid FROM vsoc.all_events WHERE vehicle_pid IS NOT NULL ORDER BY time_received {} LIMIT 1"
    analyst = dsn.replace("user=postgres", f"user={LOGIN}")
    event, vehicle = psql(analyst, chosen.format("") + ";").strip().split("|")  # the oldest
    found = {}
    for title, sql in queries().items():
        filled = sql.replace(":'event'", f"'{event}'").replace(":'vehicle'", f"'{vehicle}'")
        found[title] = statistics.median(times(analyst, filled, rounds))
        progress(f"{days} days: {title}: {found[title]:.1f} ms")  # rows go to /dev/null, times come from psql
    return found


def fill(rig, options):
    """Yields the days that are there, at each point of the table."""
    server = rig.server(options.build, "vsocd", ("postgres",), options.set)
    sample = options.events // options.days // COPIES_A_DAY
    generator.run(options.build, server.url, {"events": sample, "batch": 100, "connections": 16, "vehicles": options.vehicles, "encoding": "gzip"})
    server.wait_for_sinks(300)
    psql(rig.dsn, SAMPLE)
    day = 1
    for copy in range(options.days * COPIES_A_DAY):
        psql(rig.dsn, COPY_BACK.format(copy=copy, parts=COPIES_A_DAY))
        if copy + 1 == min(day, options.days) * COPIES_A_DAY:
            psql(rig.dsn, "VACUUM ANALYZE vsoc.events; VACUUM ANALYZE vsoc.batches; CHECKPOINT;")
            yield min(day, options.days)
            day *= 2
    if day // 2 < options.days:
        psql(rig.dsn, "VACUUM ANALYZE vsoc.events; VACUUM ANALYZE vsoc.batches; CHECKPOINT;")
        yield options.days


def events_of(dsn):
    return int(psql(dsn, "SELECT count(*) FROM vsoc.events;"))


def table(points):
    lines = ["| query | goal ms | " + " | ".join(f"{days} days, {events:,} events" for days, events, _ in points) + " |", "| --- | ---: |" + " ---: |" * len(points)]
    for title in points[-1][2]:
        goal = str(GOALS[title]) if title in GOALS else "–"
        lines.append(f"| {title} | {goal} | " + " | ".join(f"{found[title]:,.1f}" for _, _, found in points) + " |")
    return lines


def report(points, options, facts):
    lines = [
        "# Queries of analysts",
        "",
        f"`{options.command}`: ms as `{LOGIN}`, warm, median of {options.rounds} runs. Each day has the same number of events.",
        "",
        *table(points),
        "",
        *(f"- {name}: {value}" for name, value in facts),
        "",
    ]
    return "\n".join(lines)


def missed(points):
    return [f"{title}: {found[title]:.1f} ms, goal {GOALS[title]} ms" for _, _, found in points for title in GOALS if found[title] > GOALS[title]]


def run(options):
    points = []
    if options.dsn:
        days = int(psql(options.dsn, "SELECT count(DISTINCT time_received::date) FROM vsoc.batches;"))
        points.append((days, events_of(options.dsn), measure(options.dsn, days, options.rounds)))
        facts = machine.facts(options.build, pathlib.Path("/"))
    else:
        with Rig(("postgres",), options.keep) as rig:
            facts = machine.facts(options.build, rig.folder)
            for days in fill(rig, options):
                points.append((days, events_of(rig.dsn), measure(rig.dsn, days, options.rounds)))
    text = report(points, options, facts)
    print(text)
    if options.write:
        machine.write_result("queries", text)
    for line in missed(points):
        progress("missed: " + line)
    if missed(points):
        raise RigError("a goal was missed; see above")
