"""The example sink plug-in (storage/example-sink) behind a server that is killed: a fleet's events are in its file exactly once."""

import collections
import json
import re
import shutil
import time

import pytest

from harness import SLOWEST, wait_until

TORN, KILLS_MAX = 5, 60


@pytest.fixture
def journal(build, tmp_path):
    """(settings of a server that has no sink but the plug-in, its file)"""
    plugin = tmp_path / "plugins/journal.so"
    plugin.parent.mkdir(mode=0o755)
    shutil.copy(build / "storage/example-sink/journal.so", plugin)
    plugin.chmod(0o755)
    lines = tmp_path / "journal.ndjson"
    sinks = {"kafka": {"enabled": False}, "postgres": {"enabled": False}}
    sinks |= {"plugins": [str(plugin)], "plugin_settings": {"journal.path": str(lines)}}
    return {"sinks": sinks, "log": {"level": "info", "format": "text"}, "timeouts": {"drain": "5s"}}, lines


def committed(lines):
    """Bytes of the file that its position counts; 0 before the sink has connected for the first time."""
    position = lines.with_name(lines.name + ".position")
    return int(re.match(r"journal 1 size (\d+) ", position.read_text())[1]) if position.exists() else 0


def kill_in_a_load(server, lines):
    """Kills it behind a load that was committed, with lines of the next one in the file; True when its position was not."""
    wait_until(lambda before=committed(lines): committed(lines) > before, 60, "a load being committed", interval=0.001)
    end = time.monotonic() + 60 * SLOWEST
    while lines.stat().st_size <= committed(lines):
        assert time.monotonic() < end, "the sink writes nothing"
    server.kill()
    return lines.stat().st_size > committed(lines)


def test_a_sink_plugin_gets_a_fleets_events_exactly_once_through_kill_9_and_is_unloaded(make_server, load, journal):
    settings, lines = journal
    server = make_server(settings)
    fleet = load(server, 120000, batch=500, connections=40, rate=6000, bad_every=100)
    torn = kills = 0
    while torn < TORN and kills < KILLS_MAX:
        torn += kill_in_a_load(server, lines)
        kills += 1
        (server.spool_dir / "cursors").unlink()  # only the sink knows what it has
        server.start()
    assert torn == TORN, f"of {kills} kills"
    told = fleet.finish()
    server.wait_for_sinks()
    assert server.get("/readyz?verbose").status == 200
    server.terminate()
    assert "sink plug-in loaded" in server.log() and "sink plug-ins unloaded" in server.log()

    items = [json.loads(line) for line in lines.read_text().splitlines()]
    events = collections.Counter(one["source_event_id"] for one in items if one["kind"] == "event")
    wanted = {name for name, one in told.items() if one.state in ("accepted", "duplicate")}
    assert len(told) == 120000 and wanted
    assert set(events) == wanted, (len(events), len(wanted))
    assert set(events.values()) == {1}
    places = collections.Counter((one["batch"], one["index"]) for one in items)
    assert set(places.values()) == {1}
    assert sum(one["kind"] == "quarantined" for one in items) == sum(one.state == "quarantined" for one in told.values()) > 0


def test_replay_passes_over_a_sink_plugin_that_cannot_replay(make_server, journal):
    settings, lines = journal
    server = make_server(settings)
    assert server.post(b'{"id":"a","event_name":"DOOR","message":"m"}\n', VSOC_Ack="journal").json["ack"] == "journal"
    server.terminate()
    for words, code in (((), 0), (("--sink", "journal"), 78)):
        done = server.run("spool", "replay", server.spool_dir, "-c", server.config, *words, check=False)
        assert (done.returncode, done.stderr.decode()) == (code, "vsocd: journal: this sink can't replay; it was skipped\n")
    assert len(lines.read_text().splitlines()) == 1


def test_a_sender_can_wait_for_a_sink_plugin(make_server, journal):
    settings, lines = journal
    server = make_server(settings)
    reply = server.post(b'{"id":"a","event_name":"DOOR","message":"m"}\n', VSOC_Ack="journal")
    assert (reply.status, reply.json["ack"]) == (200, "journal")
    assert [json.loads(line)["source_event_id"] for line in lines.read_text().splitlines()] == ["a"]
    assert server.metric("vsocd_sink_up", 'sink="journal"') == 1
