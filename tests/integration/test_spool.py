"""The spool's files against a second reader, and `vsocd spool` on whole and damaged ones."""

import datetime
import json
import subprocess

import pytest
import spool_reader
import spool_rewriter


@pytest.fixture
def spool(build, tmp_path):
    """Spool of 30 batches over several segments, and what spool_make said of each: [(position, uid, events)]."""
    directory = tmp_path / "data" / "spool"
    keys = directory.parent / "keys" / "vin.keys"
    keys.parent.mkdir(parents=True)
    keys.write_text(f"1 2a{'00' * 31}\n")  # that of spool_make
    keys.chmod(0o600)
    made = subprocess.run([build / "unit" / "spool_make", "--batches", "30", "--segment-bytes", "14000", directory],
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
    payload = 320 + int.from_bytes(record[272:276], "little")
    record[188:192] = spool_reader.crc32c(record[payload:]).to_bytes(4, "little")
    record[4:8] = spool_reader.crc32c(record[8:320]).to_bytes(4, "little")
    data[offset:offset + size] = record
    path.write_bytes(data)


def test_second_reader_finds_the_same_records(spool, vsocd):
    directory, made = spool
    records = [r for _, r in spool_reader.read_spool(directory)]
    assert [(r.position, str(r.batch_uid), r.accepted + r.quarantined) for r in records] == made
    assert all(r.texts["sender"] == "gateway" and r.body == b'{"batch":%d}\n' % r.position for r in records)
    verified = json.loads(vsocd("verify", "--json", directory))
    assert ", 30 records, " in vsocd("verify", directory)
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
    meta = 320 + len(record.key_area)
    text = meta + len(record.meta)
    tag = 16 if record.flags & 2 else 0
    place = {"body": text + len(record.events) + tag + 2, "event": text + 2, "time": 40, "sender": meta + 6}[what]

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


def test_export_of_a_range_without_batches_says_so(spool, build):
    done = subprocess.run([build / "vsocd", "spool", "export", spool[0], "--from", "31"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "") and "no batch in this range" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["polish", "."], "polish is not list, check, export, verify or replay"),
        (["verify"], "verify needs DIR"),
        (["verify", ".", "other"], "other is a second folder"),
        (["list", ".", "--from", "-3"], "--from needs a position"),
        (["list", ".", "--to"], "--to needs a value"),
        (["list", ".", "--dry-run"], "--dry-run is not an option"),
        (["list", ".", "--reparse"], "list does not take one of these options"),
        (["verify", ".", "--expect", "7=abc"], "--expect needs POSITION=HASH, the hash in 64 hex digits"),
        (["verify", ".", *["--expect", f"7={'0' * 64}"] * 65], "--expect is given too often"),
    ],
)
def test_wrong_use_is_told_with_its_reason(build, arguments, why):
    done = subprocess.run([build / "vsocd", "spool", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and why in done.stderr.splitlines()[0]


# ---- who owns data_dir ------------------------------------------------------------------------------------------------------


def chain_hashes(directory):
    return {r.position: r.chain_hash.hex() for _, r in spool_reader.read_spool(directory)}


def test_spool_that_is_rewritten_with_right_hashes_looks_whole(spool, vsocd):
    """What README.md and SECURITY.md must not deny: a chain that is only hashed proves nothing against who owns the disk."""
    directory, _ = spool
    before = chain_hashes(directory)

    def change(record):
        if record.position == 7:
            record.body = b'{"batch":"another"}\n'

    spool_rewriter.rewrite(directory, change)
    report = json.loads(vsocd("verify", "--json", directory))
    assert report["whole"] and report["records"] == 30
    after = chain_hashes(directory)
    assert all(after[p] == before[p] for p in range(1, 7)) and all(after[p] != before[p] for p in range(7, 31))


@pytest.mark.parametrize("noted", [7, 12, 30])
def test_hash_that_was_noted_elsewhere_shows_a_rewritten_spool(spool, vsocd, noted):
    directory, _ = spool
    hashes = chain_hashes(directory)
    expected = f"{noted}={hashes[noted]}"
    assert f"position {noted} has the expected chain hash" in vsocd("verify", directory, "--expect", expected)

    def change(record):
        if record.position == 7:
            record.received_ns += 1

    spool_rewriter.rewrite(directory, change)
    report = json.loads(vsocd("verify", "--json", directory, "--expect", expected, code=1))
    (finding,) = report["findings"]
    assert (finding["kind"], finding["position"], report["whole"]) == ("not_as_expected", noted, False)
    # What was noted before the change is still right: it bounds the time of it.
    vsocd("verify", directory, "--expect", f"6={hashes[6]}")


def test_hash_of_a_position_that_is_gone_is_not_passed_over(spool, vsocd):
    directory, _ = spool
    hashes = chain_hashes(directory)
    first = segments(directory)[0]
    gone = [r.position for r in spool_reader.read_segment(first)]
    first.unlink()
    report = json.loads(vsocd("verify", "--json", directory, "--expect", f"{gone[0]}={hashes[gone[0]]}", code=1))
    assert [(f["kind"], f["position"]) for f in report["findings"]] == [("expected_position_missing", gone[0])]
    # The hash before the first record is in its segment's header.
    vsocd("verify", directory, "--expect", f"{gone[-1]}={hashes[gone[-1]]}")
    vsocd("verify", directory, "--expect", f"{gone[-1]}={hashes[gone[-2]]}", code=1)


@pytest.mark.parametrize("wrong", ["7", "7=abc", "=", f"x={'0' * 64}", f"7={'g' * 64}", f"7={'0' * 65}"])
def test_expectation_that_is_none_is_refused(spool, build, wrong):
    done = subprocess.run([build / "vsocd", "spool", "verify", spool[0], "--expect", wrong], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (64, "")
    assert "--expect needs POSITION=HASH, the hash in 64 hex digits" in done.stderr


# ---- evidence that went early -----------------------------------------------------------------------------------------------


@pytest.fixture
def evicted(build, tmp_path):
    """A spool whose evidence had room for three segments."""
    directory = tmp_path / "spool"
    subprocess.run([build / "unit" / "spool_make", "--evict", "--batches", "300", "--segment-bytes", "12000", directory],
                   check=True, capture_output=True, timeout=60)
    assert spool_reader.read_evictions(directory)
    return directory


def test_evicted_evidence_is_shown_with_positions_and_times(evicted, vsocd):
    entries = spool_reader.read_evictions(evicted)
    oldest = min(p for p in chain_hashes(evicted))
    for verb in ("list", "check", "verify"):
        report = json.loads(vsocd(verb, "--json", evicted))
        assert report["whole"] and report["evicted_batches"] == oldest - 1
        assert [(e["first_position"], e["last_position"], e["batches"]) for e in report["evictions"]] == [(e.first, e.last, e.batches) for e in entries]
        assert all(e["first_time"] <= e["last_time"] <= e["evicted_time"] and e["cause"] == "max_bytes" for e in report["evictions"])
        text = vsocd(verb, evicted)
        assert f"positions {entries[0].first} to {entries[0].last}" in text and f"{oldest - 1} batches up to position {oldest - 1} were evicted" in text


def test_entry_of_an_eviction_is_held_against_the_chain(evicted, vsocd):
    last = spool_reader.read_evictions(evicted)[-1]
    vsocd("verify", evicted, "--expect", f"{last.last}={last.chain_hash.hex()}")
    path = evicted / "evictions"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert "evictions_damaged" in vsocd("verify", evicted, code=1)
    data[100] ^= 1
    path.write_bytes(data + bytes(70))  # torn by a crash, before its segment went: normal
    vsocd("verify", evicted)
    data[-36 - 32 + 5] ^= 1
    data[-4:] = spool_reader.crc32c(data[-160:-4]).to_bytes(4, "little")
    path.write_bytes(data)
    report = json.loads(vsocd("verify", "--json", evicted, code=1))
    assert (report["chain_broken_at"], report["findings"][0]["kind"]) == (last.last, "chain_broken")


# ---- what damage took -------------------------------------------------------------------------------------------------------


def rfc3339(ns):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=ns // 1000)
    return moment.isoformat(timespec="microseconds") + "Z"


def start(build, directory):
    """What a start says of the spool."""
    done = subprocess.run([build / "unit" / "spool_make", "--batches", "1", "--segment-bytes", "12000", directory], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def line_with(text, words):
    (line,) = [line for line in text.splitlines() if words in line]
    return line


def assert_lost(line, records, lost):
    """The line names positions, events, and the times of the whole records around them."""
    gone = [r for r in records if r.position in lost]
    before = [r for r in records if r.position < lost[0]][-1]
    assert f"first_lost={lost[0]} last_lost={lost[-1]} events_lost={sum(r.accepted + r.quarantined for r in gone)}" in line, line
    assert f"written_after={rfc3339(before.ingested_ns)}" in line, line


@pytest.mark.parametrize("lost", [(3,), (2, 3), (4, 5, 6)])
def test_damage_is_told_with_the_positions_and_times_that_are_lost(spool, build, lost):
    directory, _ = spool
    records = [r for _, r in spool_reader.read_spool(directory)]
    first = segments(directory)[0]
    assert lost[-1] < [r.position for r in spool_reader.read_segment(first)][-1]
    for r in records:
        if r.position in lost:
            flip(first, r.offset + 20)
    said = start(build, directory)
    line = line_with(said, "segment is damaged: records are lost")
    assert_lost(line, records, lost)
    after = [r for r in records if r.position > lost[-1]][0]
    assert f"written_before={rfc3339(after.ingested_ns)}" in line
    salvaged = line_with(said, "damaged segment salvaged")
    assert_lost(salvaged, records, lost)
    assert f"file={first.name}" in salvaged and "places=1" in salvaged and "ranges" not in salvaged


def test_two_places_are_told_each_and_together(spool, build):
    directory, _ = spool
    records = [r for _, r in spool_reader.read_spool(directory)]
    first = segments(directory)[0]
    for r in records:
        if r.position in (2, 5):
            flip(first, r.offset + 20)
    said = start(build, directory)
    lines = [line for line in said.splitlines() if "segment is damaged: records are lost" in line]
    assert len(lines) == 2
    assert_lost(lines[0], records, (2,))
    assert_lost(lines[1], records, (5,))
    salvaged = line_with(said, "damaged segment salvaged")
    events = sum(r.accepted + r.quarantined for r in records if r.position in (2, 5))
    assert f"places=2 first_lost=2 last_lost=5 events_lost={events}" in salvaged


def test_damage_at_the_end_of_a_segment_is_told_up_to_the_next_one(spool, build):
    directory, _ = spool
    records = [r for _, r in spool_reader.read_spool(directory)]
    first = segments(directory)[0]
    last = list(spool_reader.read_segment(first))[-1]
    flip(first, last.offset + 20)
    said = start(build, directory)
    line = line_with(said, "records are missing after this segment")
    assert_lost(line, records, (last.position,))
    assert_lost(line_with(said, "damaged segment salvaged"), records, (last.position,))
