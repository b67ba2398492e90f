"""The spool's files against a second reader, and `vsocd spool` on whole and damaged ones."""

import json
import subprocess

import pytest
import spool_reader


@pytest.fixture
def spool(build, tmp_path):
    """Spool of 30 batches over several segments, and what spool_make said of each: [(position, uid, events)]."""
    directory = tmp_path / "data" / "spool"
    directory.parent.mkdir()
    made = subprocess.run([build / "unit" / "spool_make", "--batches", "30", "--segment-bytes", "12000", directory],
                          check=True, capture_output=True, text=True, timeout=60)
    return directory, [(int(p), u, int(e)) for p, u, e in (line.split() for line in made.stdout.splitlines())]


@pytest.fixture
def vsocd(build):
    def run(*arguments, code=0):
        done = subprocess.run([build / "vsocd", "spool", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout
    return run


def segments(directory):
    return sorted(directory.glob("*.seg"))


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def forge(path, offset, size, change):
    """Changes a record and mends every CRC, as one does who wants it not to be seen."""
    data = bytearray(path.read_bytes())
    record = data[offset:offset + size]
    change(record)
    record[188:192] = spool_reader.crc32c(record[240:]).to_bytes(4, "little")
    record[4:8] = spool_reader.crc32c(record[8:240]).to_bytes(4, "little")
    data[offset:offset + size] = record
    path.write_bytes(data)


def test_second_reader_finds_the_same_records(spool, vsocd):
    directory, made = spool
    records = [r for _, r in spool_reader.read_spool(directory)]
    assert [(r.position, str(r.batch_uid), r.accepted + r.quarantined) for r in records] == made
    assert all(r.texts["sender"] == "gateway" and r.body == b'{"batch":%d}\n' % r.position for r in records)
    verified = json.loads(vsocd("verify", "--json", directory))
    assert verified["chain_hash"] == records[-1].chain_hash.hex()
    assert verified["whole"] and verified["records"] == 30
    assert len(segments(directory)) > 3


def test_segments_of_another_size_follow_each_other(build, tmp_path, vsocd):
    directory, made = tmp_path / "spool", []
    for size in ("12000", "40000", "9000"):
        done = subprocess.run([build / "unit" / "spool_make", "--batches", "20", "--segment-bytes", size, directory],
                              check=True, capture_output=True, text=True, timeout=60)
        made += [line.split()[1] for line in done.stdout.splitlines()]
    assert [str(r.batch_uid) for _, r in spool_reader.read_spool(directory)] == made
    assert len(made) == 60 and json.loads(vsocd("verify", "--json", directory))["whole"]


def test_export_has_every_event_and_reject_once(spool, vsocd, tmp_path):
    directory, made = spool
    lines = [json.loads(line) for line in vsocd("export", directory.parent).splitlines()]
    events = [line for line in lines if "quarantine" not in line]
    rejects = [line["quarantine"] for line in lines if "quarantine" in line]
    assert len(lines) == sum(e for _, _, e in made)
    assert len({e["event_uid"] for e in events}) == len(events)
    assert {r["batch_uid"] for r in rejects} == {u for p, u, _ in made if p % 5 == 0}
    assert all(r["code"] == "malformed" for r in rejects)
    some = [json.loads(line) for line in vsocd("export", directory, "--from", 7, "--to", 8).splitlines()]
    assert {e["batch_uid"] for e in some} == {made[6][1], made[7][1]}
    vsocd("export", directory, "--bodies", tmp_path / "bodies")
    bodies = sorted((tmp_path / "bodies").iterdir())
    assert [b.read_bytes() for b in bodies] == [b'{"batch":%d}\n' % p for p, _, _ in made]


def test_list_tells_positions_of_each_segment(spool, vsocd):
    directory, made = spool
    listed = json.loads(vsocd("list", "--json", directory.parent))
    assert [s["file"] for s in listed["segments"]] == [p.name for p in segments(directory)]
    assert listed["first_position"] == 1 and listed["last_position"] == 30
    assert sum(s["events"] for s in listed["segments"]) == sum(e for _, _, e in made)
    assert "00000000000000000001.seg" in vsocd("list", directory)


def test_check_names_file_and_offset_of_damage(spool, vsocd):
    directory, _ = spool
    broken = segments(directory)[2]
    record = next(r for s, r in spool_reader.read_spool(directory) if s.path == broken)
    flip(broken, record.offset + 250)
    found = json.loads(vsocd("check", "--json", directory, code=1))["findings"]
    assert [(f["kind"], f["file"], f["offset"]) for f in found] == [("damaged_bytes", broken.name, record.offset)]
    assert broken.name in vsocd("check", directory, code=1)
    with pytest.raises(spool_reader.SpoolError, match=broken.name):
        list(spool_reader.read_spool(directory))
    exported = vsocd("export", directory, code=1)
    assert str(record.batch_uid) not in exported


@pytest.mark.parametrize("what", ["body", "event", "time", "sender"])
def test_verify_finds_a_forged_record_whose_crcs_are_right(spool, vsocd, what):
    directory, _ = spool
    pairs = list(spool_reader.read_spool(directory))
    (segment, record), (_, behind) = next((a, b) for a, b in zip(pairs[9:], pairs[10:]) if a[0].path == b[0].path)
    size = behind.offset - record.offset
    text = sum(len(t) + 1 for t in record.texts.values())
    place = {"body": 240 + text + len(record.events) + 2, "event": 240 + text + 2, "time": 40, "sender": 240 + 6}[what]

    def change(data):
        data[place] ^= 1

    forge(segment.path, record.offset, size, change)
    assert json.loads(vsocd("check", "--json", directory))["whole"]
    report = json.loads(vsocd("verify", "--json", directory, code=1))
    kinds = {f["kind"] for f in report["findings"] if f["position"] == record.position}
    assert {"body": "body_digest", "event": "content_digest", "sender": "content_digest", "time": "chain_broken"}[what] in kinds
    assert report["chain_broken_at"] == record.position


def test_verify_names_the_first_record_behind_a_removed_segment(spool, vsocd):
    directory, _ = spool
    first_behind = json.loads(vsocd("list", "--json", directory))["segments"][3]["first_position"]
    segments(directory)[2].unlink()
    assert json.loads(vsocd("verify", "--json", directory, code=1))["chain_broken_at"] == first_behind
    assert f"position {first_behind}" in vsocd("verify", directory, code=1)


def test_cursor_file_reads_as_documented(build, tmp_path):
    directory = tmp_path / "spool"
    subprocess.run([build / "unit" / "spool_make", "--reader", "--batches", "20", directory], check=True,
                   capture_output=True, timeout=60)
    generation, cursors = spool_reader.read_cursors(directory)
    assert generation >= 1 and cursors == {"reader": 20}


def test_wrong_use_is_told(vsocd, tmp_path):
    vsocd(code=64)
    vsocd("list", code=64)
    vsocd("polish", tmp_path, code=64)
    vsocd("list", tmp_path, "--from", "-3", code=64)
    vsocd("list", tmp_path, "--bodies", tmp_path, code=64)
    vsocd("list", tmp_path / "nothing", code=74)
