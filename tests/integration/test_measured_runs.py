"""load-tests/bench: statistics, the JSON of results, turns of contenders. No figure is judged: the machine of a test is not a quiet one."""

import json
import pathlib
import signal
import subprocess
import sys

import pytest
from harness import ROOT, wait_until

sys.path.insert(0, str(ROOT / "load-tests"))

import goals  # noqa: E402
from bench import contender, figures, goals_table, registry, results, rounds, usage  # noqa: E402


def record(name="a", cpu=1.0, events=1000, seconds=2.0, point=None, latency=None, written=None):
    return {
        "contender": name,
        "scenario": "accept",
        "point": point or {},
        "round": 1,
        "events": events,
        "seconds": seconds,
        "cpu": {"user": cpu * 0.75, "system": cpu * 0.25, "processes": [{"name": "p", "count": 1, "user": cpu, "system": 0.0, "threads": {"t": cpu}}]},
        "rss_peak_bytes": 1 << 20,
        "bytes_written": written,
        "syncs": None,
        "disk_flushes": None,
        "latency_ms": latency,
        "outliers": [],
        "generator": None,
        "services": None,
    }


def test_the_median_is_beside_the_smallest_and_the_largest():
    rows = figures.summarize([record(cpu=3), record(cpu=1), record(cpu=2)], "a")
    assert rows[0]["us_per_event"] == {"median": 2000, "min": 1000, "max": 3000}
    assert rows[0]["events_per_second"] == {"median": 500, "min": 500, "max": 500}
    assert rows[0]["runs"] == 3
    assert rows[0]["ratio"] == {"cost": 1, "rate": 1}


def test_ratios_compare_with_the_reference_at_the_same_point():
    rows = figures.summarize(
        [record("us", 1, point={"n": 1}), record("peer", 4, seconds=1, point={"n": 1}), record("us", 2, point={"n": 2}), record("alone", 2, point={"n": 3})],
        "us",
    )
    assert [row["ratio"] for row in rows] == [{"cost": 1, "rate": 1}, {"cost": 4, "rate": 2}, {"cost": 1, "rate": 1}, None]


def test_what_a_contender_does_not_say_is_null_and_no_zero():
    row = figures.summarize([record(written=None)], "a")[0]
    assert row["bytes_per_event"] is None and row["latency_ms"] is None and row["service_us_per_event"] is None
    latency = {"p50": 1.0, "p99": 2.0, "p99_9": 3.0, "max": 4.0}
    row = figures.summarize([record(written=5000, latency=latency), record(written=7000, latency={**latency, "max": 8.0})], "a")[0]
    assert row["bytes_per_event"] == {"median": 6, "min": 5, "max": 7}
    assert row["latency_ms"]["max"] == {"median": 6, "min": 4, "max": 8}


def test_quantiles_are_values_that_were_measured():
    values = list(range(100))
    assert [figures.quantile(values, share) for share in (0, 0.5, 0.99, 0.999, 1)] == [0, 50, 99, 99, 99]


class Counted(contender.Program):
    """A program that says how many times it ran."""

    durability = settings = "none"
    scenarios = ("accept",)

    def __init__(self, name, order, fails_at=None):
        super().__init__("/bin/true")
        self.name, self.order, self.fails_at = name, order, fails_at

    def run_once(self, run, folder):
        self.order.append(self.name)
        if self.fails_at == self.order.count(self.name):
            raise rounds.RigError("cannot")
        return {"events": 10, "seconds": 1, "cpu_seconds": 1, "system_seconds": 0.25}


def test_contenders_run_in_turn_and_one_that_fails_is_left_out():
    order, said = [], []
    all_of_them = [Counted("a", order), Counted("b", order, fails_at=2), Counted("c", order)]
    records = rounds.alternate("accept", all_of_them, rounds.Run(None, {}), 3, say=said.append)
    assert order == ["a", "b", "c", "a", "b", "c", "a", "c"]
    assert [(one["contender"], one["round"]) for one in records if one["contender"] == "b"] == [("b", 1)]
    assert any("b is left out: cannot" in text for text in said)
    assert records[0]["cpu"]["user"] == 0.75 and records[0]["cpu"]["system"] == 0.25


def test_a_contender_that_is_not_there_is_listed_with_the_reason():
    missing = contender.Program("/nonexistent/floor_none")
    missing.name, missing.durability = "floor: none", "none"
    records = rounds.alternate("accept", [Counted("a", []), missing], rounds.Run(None, {}), 1, say=lambda text: None)
    doc = results.document("accept", "What?", {"events": 10}, [Counted("a", []), missing], records, "a", [("CPU", "one")], "run accept")
    assert json.loads(json.dumps(doc)) == doc
    assert doc["format"] == 1 and doc["machine"] == {"CPU": "one"}
    assert [one["unavailable"] for one in doc["contenders"]] == [None, "floor_none is not built"]
    text = results.markdown(doc)
    assert "not measured: floor_none is not built" in text and "| a | 1 | 100,000.00 |" in text


def test_the_readme_names_every_member_of_the_results():
    doc = results.document("accept", "?", {}, [Counted("a", [])], [record()], "a", [], "run")
    page = (ROOT / "load-tests/README.md").read_text()
    assert doc["notes"] == []
    members = set(doc) | set(doc["records"][0]) | set(doc["summary"][0]) | set(doc["contenders"][0]) | set(doc["records"][0]["cpu"])
    assert sorted(name for name in members if f"`{name}`" not in page and f"`{name}[]`" not in page) == []


def test_cpu_of_descendants_counts_also_when_they_have_ended():
    burn = "import subprocess,sys;subprocess.run([sys.executable,'-c','import time\\nwhile time.process_time()<0.3: pass']);print(1,flush=True);input()"
    with subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        before = usage.look([process.pid])
        assert process.stdout.readline()
        used = usage.difference(before, usage.look([process.pid]))
        process.stdin.close()
    assert used["user"] + used["system"] > 0.2
    assert used["processes"][0]["count"] == 1 and used["rss_peak_bytes"] > 1 << 20


def test_every_contender_says_what_its_figures_hold_for(build):
    found = [registry.Vsocd(build=build), *registry.floors(build), *registry.peers()]
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    for one in found:
        assert one.durability and one.settings and one.scenarios and one.role in ("us", "floor", "peer"), one.name


@pytest.mark.parametrize("output", ["", "no JSON", "{"])
def test_a_floor_that_prints_no_result_is_an_error(tmp_path, output):
    program = tmp_path / "floor_x"
    program.write_text(f"#!/bin/sh\necho '{output}'\n")
    program.chmod(0o755)
    floor = contender.Program(program)
    floor.name, floor.words = "x", lambda run, folder: []
    with pytest.raises(rounds.RigError, match="no JSON object"):
        floor.run_once(rounds.Run(None, {}), tmp_path)


def document(contenders, records):
    """contenders: (name, role) or (name, role, durability)."""
    kinds = []
    for name, role, *durability in contenders:
        kind = Counted(name, [])
        kind.role = role
        kind.durability = durability[0] if durability else "none"
        kinds.append(kind)
    return results.document("accept", "?", {}, kinds, records, "vsocd", [], "run")


def test_a_goal_is_reached_by_the_median_and_ratios_come_from_the_same_run():
    contenders = [("vsocd", "us"), ("floor: inflate + simdjson", "floor"), ("Fluent Bit, memory", "peer"), ("other", "peer")]
    contenders += [("slow", "peer", "each batch is synced"), ("slower", "peer", "each batch is synced")]
    costs = {"vsocd": (1.0, 3.0, 1.1), "floor: inflate + simdjson": (0.8,), "Fluent Bit, memory": (5.5,), "other": (7.0,), "slower": (90,), "slow": (31,)}
    records = [record(name, cpu * 1e-3) for name, runs in costs.items() for cpu in runs]
    absolute, floor, peer = goals_table.accept_rows(document(contenders, records))
    assert (absolute["us"], absolute["reached"], absolute["floor"]) == ("1.10 µs", True, "0.80 µs")
    assert absolute["peers"] == "slow 31.00 µs (durable); Fluent Bit, memory 5.50 µs (not durable)"
    assert (floor["ratio"], floor["reached"]) == ("0.73", True)
    assert (peer["us"], peer["reached"]) == ("5.0 times", True)


def test_a_goal_without_its_floor_is_not_measured_and_not_reached():
    rows = goals_table.accept_rows(document([("vsocd", "us"), ("floor: inflate + simdjson", "floor")], [record("vsocd", 2e-3)]))
    assert [one["reached"] for one in rows] == [False, None, None]
    rows = goals_table.postgres_rows(document([("vsocd", "us")], [record("vsocd", 0.5e-3)]))
    assert [one["reached"] for one in rows] == [None, True]
    assert [one["why"] for one in rows] == ["a floor or a peer did not run", ""]


def test_the_best_of_rates_is_the_highest_and_a_goal_without_its_peer_says_why():
    contenders = [("vsocd", "us"), ("slow", "peer"), ("quick", "peer")]
    records = [record(name, seconds=seconds) for name, seconds in (("vsocd", 1), ("slow", 4), ("quick", 2))]
    both, beside, _ = goals_table.end_to_end_rows(document(contenders, records))
    assert both["peers"] == "quick 500/s (not durable)"
    assert (beside["reached"], beside["why"]) == (None, "run without Fluent Bit")
    missing = document([*contenders, ("Fluent Bit", "peer")], records)
    missing["contenders"][-1]["unavailable"] = "no package has it"
    assert goals_table.end_to_end_rows(missing)[1]["why"] == "Fluent Bit can't be installed here"
    assert "not measured: Fluent Bit can't be installed here |" in goals_table.markdown(goals_table.end_to_end_rows(missing))


def test_peers_may_come_from_another_result_of_the_same_day(tmp_path):
    own = document([("vsocd", "us"), ("peer", "peer")], [record("vsocd", 1e-3)])
    other = document([("vsocd", "us"), ("peer", "peer")], [record("vsocd", 9e-3), record("peer", 4e-3)])
    (tmp_path / f"{own['date']}-goals.json").write_text(json.dumps({"scenario": "goals", "rows": []}))
    (tmp_path / f"{own['date']}-kafka.json").write_text(json.dumps({**other, "scenario": "kafka"}))
    (tmp_path / "2020-01-01-peers.json").write_text(json.dumps(other))
    assert goals.with_peers(own, tmp_path) == own
    (tmp_path / f"{own['date']}-peers.json").write_text(json.dumps(other))
    found = goals.table({"accept": own}, tmp_path)[0]
    assert (found["us"], found["peers"]) == ("1.00 µs", "peer 4.00 µs (not durable)")
    with_own = document([("vsocd", "us"), ("peer", "peer")], [record("vsocd", 1e-3), record("peer", 5e-3)])
    assert goals.table({"accept": with_own}, tmp_path)[0]["peers"] == "peer 5.00 µs (not durable)"


def test_the_front_page_has_only_rows_with_figures():
    rows = [
        goals_table.row("accept, durable", "≤ 1.1 µs", "1.00 µs", True, "0.70 µs", "peer 4.00 µs (not durable)") | {"scenario": "accept"},
        goals_table.row("batches of one event", "≤ 18 µs", "not measured", None) | {"scenario": "one-event"},
        goals_table.row("memory, idle", "≤ 40 MiB", "13 MiB", True, peers="not measured") | {"scenario": "memory"},
    ]
    assert goals_table.short(rows).splitlines()[2:] == [
        "| accept an event, durably: CPU | 1.00 µs | 0.70 µs | peer 4.00 µs (not durable) |",
        "| memory, idle | 13 MiB | – | – |",
    ]
    assert [one["measure"] for one in goals.not_run(rows)] == [f"scenario {name}" for name in goals.ROWS if name not in ("accept", "one-event", "memory")]


def measured(build, *words):
    """A finished run that writes nothing."""
    return subprocess.run([ROOT / "load-tests/run", *words, "--no-write", "--build", build], capture_output=True, text=True, timeout=600)


def cells(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_reconnects_resume_and_are_shown_beside_openssl(build):
    """The figures are not judged: only that each is there and could be one."""
    done = measured(build, "reconnects", "--handshakes", "40", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    rates = {row[0]: row[1:] for row in cells(done.stdout) if len(row) == 4 and row[3] != "resumed / full"}
    for name in ("vsocd", "openssl s_server"):
        full, resumed, _ = rates[name]
        assert float(full.replace(",", "")) > 0 and float(resumed.replace(",", "")) > 0


def test_reconnects_that_are_not_resumed_are_no_result(build):
    done = measured(build, "reconnects", "--handshakes", "5", "--rounds", "1", "--set", "tls.resumption=0s")
    assert done.returncode == 1 and "vsocd: 0 of 5 connections were resumed, not 5" in done.stderr


def test_less_than_a_tick_is_no_zero():
    """user and system are whole ticks of 10 ms; the threads' own times say more."""
    before = {7: {"user": 1.0, "system": 0.5, "threads": {"worker": 1.5}, "written_bytes": 0}}
    after = {7: {**before[7], "name": "vsocd", "threads": {"worker": 1.509}, "rss_peak_bytes": 0}}
    used = usage.difference(before, after)
    assert (round(used["user"], 6), used["system"]) == (0.009, 0.0)


def test_growth_has_a_figure_for_each_point(build):
    done = measured(build, "growth", "--events", "5000", "--up-to", "100000", "--connections", "100", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    flat = {row[0]: row[1:] for row in cells(done.stdout) if row[0] in ("events", "connections", "segment mib")}
    assert set(flat) == {"events", "connections", "segment mib"}
    for low, high, share, within in flat.values():
        assert 0 < float(low) <= float(high) and float(share.rstrip("%")) >= 0 and within in ("yes", "no")


def test_a_short_run_without_slow_answers_proves_no_ten_minutes():
    latency = {"p50": 1.0, "p99": 1.5, "p99_9": 3.0, "max": 4.0}
    contenders = [("vsocd", "us"), ("floor: fdatasync", "floor")]
    sync = record("floor: fdatasync", latency={**latency, "p99": 0.25})
    for seconds, outliers, reached in ((60, [], None), (600, [], True), (60, [{"unix_ms": 1, "batch": 1, "ms": 51}], False)):
        own = {**record("vsocd", seconds=seconds, latency=latency), "outliers": outliers}
        p99, slow = goals_table.latency_rows(document(contenders, [own, sync]))
        assert (p99["reached"], slow["reached"]) == (True, reached)


def test_quick_measures_everything_that_needs_no_service(build):
    """The figures are not judged: only that each is there and could be one."""
    scenarios = ["accept", "accept-tls", "one-event", "half-load", "start", "memory", "parse"]
    command = [ROOT / "load-tests/run", "--quick", "--only", *scenarios, "--divide", "20", "--build", build]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    measured = {cells[0]: cells[2] for cells in rows}
    for name in ("accept, durable", "mutual TLS, connections kept", "batches of one event", "p99 of the answer at half load", "memory, idle", "parser vsoc_json"):
        assert float(measured[name].split()[0]) > 0, name
    assert "left out" not in done.stdout


def test_an_interrupted_run_leaves_no_process(build):
    command = [ROOT / "load-tests/run", "accept", "--events", "3000000", "--contenders", "--no-write", "--build", build]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        wait_until(lambda: len(usage.tree([process.pid])) > 2, what="server and generator running")
        started = usage.tree([process.pid])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    wait_until(lambda: not [pid for pid in started if pathlib.Path(f"/proc/{pid}").exists()], what="all its processes being gone")


def test_compare_counts_the_same_program_alike_and_fails_on_growth(build):
    """The limit of -1 % makes growth of what has not changed."""
    command = [ROOT / "load-tests/run", "compare", build, "--build", build, "--formats", "candump", "--no-accept", "--limit"]
    done = subprocess.run([*command, "3"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| +0.0 % |") + done.stdout.count("| -0.0 % |") == 1
    done = subprocess.run([*command, "-1"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "grown by more than -1 %: candump.log" in done.stderr


def test_a_part_of_the_goals_takes_its_place_among_the_others(tmp_path):
    path = tmp_path / "goals.json"
    first = [goals_table.row("a", "1", "2", False), goals_table.row("b", "1", "1", True)]
    assert goals.merged(first, path) == first
    path.write_text(json.dumps({"rows": first}))
    now = [goals_table.row("c", "1", "1", None), goals_table.row("a", "1", "1", True)]
    assert goals.merged(now, path) == [now[1], first[1], now[0]]


def test_the_pages_have_a_place_for_the_table():
    for name in ("README.md", "docs/performance.md"):
        assert goals.MARK in (ROOT / name).read_text()
