"""Charts of the load tests: each is well-formed SVG with its finding, and its texts are inside its frame."""

import json
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "load-tests"))

from bench import plots, svg  # noqa: E402


def spread(median):
    return {"median": median, "min": median * 0.9, "max": median * 1.1}


def row(name, cost, latency=None, point=None):
    return {"contender": name, "point": point or {}, "runs": 3, "events": 1000, "us_per_event": spread(cost),
            "latency_ms": latency and {share: spread(value) for share, value in zip(("p50", "p99", "p99_9", "max"), latency)}}


def document(date="2026-11-30", cost=1.5):
    contenders = [("vsocd", "us", "synced before its answer"), ("quick <peer>", "peer", "none: in memory"), ("slow peer", "peer", "synced"), ("floor: both", "floor", "none")]
    growing = [row("vsocd", 1.0 + events / 1e9, point={"events": events}) for events in (100000, 1000000, 100000000)]
    return {
        "scenario": "accept", "date": date, "reference": "vsocd", "load": {"events": 1000, "batch": 100, "connections": 32}, "machine": {"CPU": "two cores"},
        "contenders": [{"name": name, "role": role, "durability": durability} for name, role, durability in contenders],
        "summary": [row("vsocd", cost, (1, 5, 9, 20)), row("quick <peer>", 3, (2, 8, 30, 90)), row("slow peer", 400), row("floor: both", 0.7), *growing],
    }


def drawn(text):
    """All texts of a chart that is well-formed, small, and inside its frame."""
    root = xml.etree.ElementTree.fromstring(text)
    assert len(text) < 60000
    width, height = (float(value) for value in root.get("viewBox").split()[2:])
    for one in root.iter("{http://www.w3.org/2000/svg}text"):
        room = len(one.text) * float(one.get("font-size")) * svg.CHAR
        start = float(one.get("x")) - {"start": 0, "middle": room / 2, "end": room}[one.get("text-anchor")]
        assert start > -10 and start + room < width + 20 and 0 < float(one.get("y")) <= height, one.text
    return " ".join(one.text for one in root.iter() if one.text)


def test_every_chart_is_svg_with_its_finding(tmp_path):
    made = plots.charts(document(), [document("2026-11-23", 2.0)])
    assert set(made) == {"cost", "latency", "history", "growth-events"}
    cost = drawn(made["cost"])
    assert "1.5 µs" in cost and "slow peer" in cost and "400" in cost and "quick <peer>" in cost
    assert "(2.0 ×)" in cost and "(266.7 ×)" in cost
    assert "within 1 ms" in drawn(made["latency"])
    assert "from 2 to 1.5 µs" in drawn(made["history"])
    growth = drawn(made["growth-events"])
    assert "from 100k to 100M events" in growth and "±4.8 %" in growth and "1,000 events" not in growth


def test_the_cost_of_services_is_beside_that_of_the_contender():
    doc = document()
    doc["summary"][0]["service_us_per_event"] = spread(8.25)
    text = drawn(plots.charts(doc)["cost"])
    assert "1.50 + 8.25" in text and "PostgreSQL and Kafka" in text


def test_a_cut_bar_shows_its_value_and_the_others_stay_apart():
    assert plots.limit_of([1, 2, 3, 4, 400]) == pytest.approx(4.6)
    assert plots.limit_of([1, 2, 3, 4]) == 4


def test_a_chart_without_figures_is_left_out():
    empty = {**document(), "summary": []}
    assert plots.charts(empty, [empty]) == {}
    states = [row("vsocd", 1, point={"state": name}) for name in ("idle", "full")]
    assert plots.charts({**document(), "load": {"gib": 6.3}, "summary": states}) == {}


def test_plot_writes_beside_the_result_and_names_a_bad_file(tmp_path):
    (tmp_path / "2026-11-23-accept.json").write_text(json.dumps(document("2026-11-23", 2.0)))
    (tmp_path / "2026-11-30-accept.json").write_text(json.dumps(document()))
    command = [ROOT / "load-tests/plot.py", tmp_path / "2026-11-30-accept.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.glob("*.svg")} == {f"2026-11-30-accept-{name}.svg" for name in ("cost", "latency", "history", "growth-events")}
    (tmp_path / "bad.json").write_text("[]")
    done = subprocess.run([command[0], tmp_path / "bad.json"], capture_output=True, text=True)
    assert done.returncode == 64 and "bad.json: no result" in done.stderr
