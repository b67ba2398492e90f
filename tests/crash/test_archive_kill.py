"""kill -9 while segments are archived: each is in the archive once, and a spool made from it has what was acknowledged."""

import json
import os
import random
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import spool_reader  # noqa: E402
from harness import HarnessError, Vsocd, event, ndjson, wait_until  # noqa: E402

SEED = int(os.environ.get("VSOCD_CRASH_SEED") or random.SystemRandom().randrange(1 << 16))
ROUNDS = 12
POINTS = ["archive_segment_ready", "archive_object_begun", "archive_object_named", "archive_object_sent", "archive_segment_sent"]
PADDING = b"\n" * 300_000


def post_until_death(server, told, number):
    """Posts batches until the server is gone."""
    while server.process.poll() is None:
        try:
            reply = server.post(ndjson([event(number)]) + PADDING)
        except (OSError, HarnessError):
            break
        if reply.status == 200:
            told[reply.json["position"]] = reply.json["batch_id"]
        number += 1
    server.process.wait()
    return number


def test_killed_uploads_leave_each_segment_once(build, tmp_path):
    chance = random.Random(SEED)
    print(f"VSOCD_CRASH_SEED={SEED}")
    archive = tmp_path / "archive"
    archive.mkdir()
    server = Vsocd(build, tmp_path / "server", {
        "spool": {"segment_bytes": "1MiB", "max_bytes": "64MiB", "reserve_bytes": "0"},
        "evidence": {"retention": "0s", "max_bytes": "0", "archive": {"url": f"file://{archive}"}},
    })
    server.program = build / "unit" / "vsocd_faults"
    told, number = {}, 0
    for turn in range(ROUNDS):
        point = POINTS[turn % len(POINTS)]
        server.environment = {"VSOCD_FAULT": f"{point}:{chance.choice([1, 2, 3])}"}
        server.start(wait=False)
        try:
            wait_until(server.is_ready, 60, "vsocd becoming ready", interval=0.02)
        except HarnessError:
            continue  # it died in its start
        number = post_until_death(server, told, number)
    server.environment = {}
    server.start()
    wait_until(lambda: server.metric("vsocd_archive_segments_behind") == 0 and
               len(spool_reader.segment_paths(server.spool_dir)) == 1, 60, "the archive catching up")
    position = int(server.metric("vsocd_archive_position"))
    server.stop_for_good()
    entries = [json.loads(path.read_text()) for path in sorted(archive.rglob("*.json"))]
    assert len({entry["segment"] for entry in entries}) == len(entries)
    assert len([path for path in archive.rglob("*.seg")]) == len(entries)
    assert not list(archive.rglob(".*.part"))
    server.run("archive", "verify", f"file://{archive}")
    server.run("archive", "restore", f"file://{archive}", "--to", tmp_path / "restored")
    restored = [(r.position, str(r.batch_uid)) for _, r in spool_reader.read_spool(tmp_path / "restored" / "spool")]
    assert len({p for p, _ in restored}) == len(restored)
    assert {(p, uid) for p, uid in told.items() if p <= position} <= set(restored)
    assert len(told) > ROUNDS
