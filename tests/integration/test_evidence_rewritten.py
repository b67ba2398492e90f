"""An owner of data_dir who makes every CRC, digest, chain hash, stored tree hash and signature right again: who finds it, with a head kept elsewhere."""

import base64
import dataclasses
import json
import pathlib
import shutil
import subprocess

import pytest
import spool_reader
import spool_rewriter
import tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness import Vsocd, event, ndjson, wait_until

BATCHES = 9


def signed(server):
    wait_until(lambda: server.metric("vsocd_evidence_head_size") == server.metric("vsocd_evidence_leaves") > 0
               and server.metric("vsocd_evidence_unsigned_records") == 0, 30, "a head over all records")


def post(server, first, count):
    for n in range(first, first + count):
        assert server.post(ndjson([event(n)])).status == 200


@pytest.fixture(scope="module")
def origin(build, tmp_path_factory):
    """(program, data_dir of a stopped server, its newest head, a copy of data_dir from before the last records)."""
    folder = tmp_path_factory.mktemp("origin")
    server = Vsocd(build, folder, {"privacy": {"keys_file": str(folder / "data" / "keys" / "vin.keys")}})
    (folder / "data").mkdir()
    server.start()
    post(server, 0, BATCHES - 3)
    signed(server)
    server.terminate()
    shutil.copytree(folder / "data", folder / "copy")
    server.start()
    post(server, 100, 3)
    signed(server)
    server.terminate()
    shutil.copy(folder / "data" / "evidence" / "head", folder / "head")
    shutil.copy(folder / "data" / "evidence" / "head.vkey", folder / "vkey")
    yield server, folder / "data", folder / "head", folder / "copy"
    server.stop_for_good()


@pytest.fixture
def data(origin, tmp_path):
    shutil.copytree(origin[1], tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def verify(origin):
    """verify(data_dir, words…) → (kinds of findings, the whole report)."""
    def run(data, *words):
        done = subprocess.run([origin[0].program, "spool", "verify", "--json", str(data), *map(str, words)], capture_output=True, text=True,
                              timeout=60)
        report = json.loads(done.stdout)
        assert (done.returncode == 0) == report["whole"], done
        return {finding["kind"] for finding in report["findings"]}, report

    return run


def leaves_of(data):
    return [tlog.leaf_hash(record, segment.spool_uid) for segment, record in spool_reader.read_spool(data / "spool", kinds=spool_reader.ALL_KINDS)]


def size_of(head):
    return int(head.read_text().splitlines()[1])


def store_tree(data):
    """Stored hashes that agree with the spool."""
    tree, below = data / "evidence" / "tree", leaves_of(data)
    level = 0
    while below:
        (tree / f"level{level}").write_bytes(b"".join(below))
        below = [tlog.root(below[i:i + 256]) for i in range(0, len(below) - 255, 256)]
        level += 1


def sign_again(data):
    """A head over what is there, with the stolen key."""
    *_, name, key_id, key = (data / "evidence" / "head.key").read_text().strip().split("+", 4)
    secret = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key)[1:])
    leaves = leaves_of(data)
    text = f"{name}\n{len(leaves)}\n{base64.b64encode(tlog.root(leaves)).decode()}\n"
    signature = base64.b64encode(bytes.fromhex(key_id) + secret.sign(text.encode())).decode()
    note = f"{text}\n— {name} {signature}\n"
    assert tlog.Verifier((data / "evidence" / "head.vkey").read_text()).open(note)[0] == len(leaves)
    (data / "evidence" / "head").write_text(note)


def change_event(record):
    if record.position == 4:
        record.events = record.events[:-1] + bytes([record.events[-1] ^ 1])


def change_body(record):
    if record.position == 4:
        record.body = record.body.replace(b"e", b"f", 1)


def change_tenant(record):
    if record.position == 4:
        record.texts["tenant"] = "somebody"


def change_count(record):
    if record.position == 4:
        record.duplicates += 1


def change_time(record):
    if record.position == 4:
        record.received_ns += 1


def test_spool_that_was_signed_is_whole(origin, data, verify):
    kinds, report = verify(data, "--head", origin[2], "--verifier", data / "evidence" / "head.vkey")
    heads = report["heads"]
    assert kinds == set() and (heads["compared"], heads["matching"], heads["records"], heads["hashes"]) == (1, 1, size_of(origin[2]), 0)


@pytest.mark.parametrize("change", [change_event, change_body, change_tenant, change_count, change_time])
def test_rewritten_record_is_found_by_a_head_kept_elsewhere(origin, data, verify, change):
    spool_rewriter.rewrite(data / "spool", change)
    assert "record_differs" in verify(data, "--head", origin[2])[0]
    assert verify(data, "--head", data / "evidence" / "head")[0] >= {"not_as_signed"}
    store_tree(data)
    sign_again(data)
    inside = verify(data, "--head", data / "evidence" / "head", "--verifier", data / "evidence" / "head.vkey")
    assert inside[1]["heads"]["matching"] == 1  # the owner's own head says nothing
    kinds, report = verify(data, "--head", origin[2])
    assert "not_as_signed" in kinds and report["heads"]["matching"] == 0


def test_spool_truncated_at_any_record_is_found(origin, verify, tmp_path):
    size = size_of(origin[2])
    for kept in range(1, size):
        data = shutil.copytree(origin[1], tmp_path / str(kept))
        path = spool_reader.segment_paths(data / "spool")[-1]
        records = list(spool_reader.read_segment(path, kinds=spool_reader.ALL_KINDS))
        assert len(records) == size > BATCHES
        content = path.read_bytes()
        path.write_bytes(content[:records[kept].offset] + bytes(len(content) - records[kept].offset))
        (data / "spool" / "cursors").unlink()
        for index in (data / "spool").glob("*.idx*"):
            index.unlink()
        assert verify(data)[0] == set()
        store_tree(data)
        sign_again(data)
        kinds, report = verify(data, "--head", origin[2])
        assert kinds == {"ends_before_head"}
        assert [f["count"] for f in report["findings"]] == [size - kept]


def test_records_put_back_to_a_copy_are_found(origin, verify):
    assert verify(origin[3], "--head", origin[2])[0] == {"ends_before_head"}
    assert verify(origin[3], "--head", origin[3] / "evidence" / "head")[0] == set()


def test_fork_that_was_signed_is_found(origin, data, verify, build, tmp_path):
    """From the copy the server goes on with other records, under the same key."""
    shutil.rmtree(data)
    shutil.copytree(origin[3], data)
    fork = Vsocd(build, tmp_path, {"instance": origin[0].settings["instance"], "privacy": {"keys_file": str(data / "keys" / "vin.keys")}})
    fork.start()
    post(fork, 200, 4)
    signed(fork)
    fork.terminate()
    assert verify(data, "--head", data / "evidence" / "head", "--verifier", data / "evidence" / "head.vkey")[0] == set()
    assert verify(data, "--head", origin[2])[0] == {"not_as_signed"}


def test_removed_record_is_found(origin, data, verify):
    path = spool_reader.segment_paths(data / "spool")[-1]
    records = list(spool_reader.read_segment(path, kinds=spool_reader.ALL_KINDS))
    content = path.read_bytes()
    gone = content[:records[3].offset] + content[records[4].offset:]
    path.write_bytes(gone + bytes(len(content) - len(gone)))
    assert "records_removed" in verify(data, "--head", origin[2])[0]


def audit(server, data):
    """(exit status, kinds of findings) of `vsocd evidence audit`."""
    done = server.run("evidence", "audit", "-c", server.config, "--set", f"data_dir={data}", "--json", check=False)
    return done.returncode, {line["finding"] for line in map(json.loads, done.stdout.splitlines()) if "finding" in line}


def is_batch(record):
    return record.kind == 1


def without_one_batch(records):
    """…and with a record of a removal that the owner made, of the leaves up to the one that is missing."""
    at = [i for i, record in enumerate(records) if is_batch(record)][2]
    last, gone = records[-1], records.pop(at)
    body = {"audit_uid": str(last.batch_uid), "time": "2026-11-30T13:50:00.000000Z", "instance": "x", "kind": "evidence_retired", "reason": "age",
            "from_position": 1, "to_position": gone.position, "first_leaf": 0, "leaves": gone.leaf_index + 1, "records": 4, "events": 3, "bytes": 8192,
            "hold_check": "free", "holds": 0, "tree_size": gone.leaf_index + 2, "root": "00" * 32, "chain_hash": "00" * 32}
    return [*records, dataclasses.replace(last, position=last.position + 1, leaf_index=last.leaf_index + 1, kind=3, body=json.dumps(body).encode())]


def test_a_removal_does_not_account_for_a_record_in_the_middle(origin, data, verify):
    spool_rewriter.store(data / "spool", without_one_batch)
    assert verify(data, "--head", origin[2])[0] == {"records_removed"}
    status, kinds = audit(origin[0], data)
    assert status == 1 and kinds == {"records_missing"}


def test_audit_record_without_keys_is_found(origin, data, verify):
    """Nothing binds its text to the leaf any more, so it can be another one."""
    def change(record):
        if record.position == 1:
            record.body = record.body.replace(b"server_started", b"server_stopped")
            spool_rewriter.destroy_keys(record)

    spool_rewriter.rewrite(data / "spool", change)
    assert verify(data, "--head", origin[2])[0] == {"keys_destroyed"}
    assert audit(origin[0], data) == (1, {"keys_destroyed"})
    done = origin[0].run("audit", "verify", data, "--head", origin[2], check=False)
    assert done.returncode == 1 and b"keys_destroyed" in done.stderr
    done = origin[0].run("audit", "list", data, check=False)
    assert done.returncode == 1 and b"UNPROVEN" in done.stdout.splitlines()[0] and done.stdout.count(b"UNPROVEN") == 1
    assert json.loads(origin[0].run("audit", "list", data, "--json", check=False).stdout.splitlines()[0])["unproven"]


def test_audit_verify_compares_texts_with_their_leaves(origin, data):
    def change(record):
        if record.position == 1:
            record.body = record.body.replace(b"server_started", b"server_stopped")

    spool_rewriter.rewrite(data / "spool", change, kept=True)
    done = origin[0].run("audit", "verify", data, "--head", origin[2], check=False)
    assert done.returncode == 1 and b"body_digest" in done.stderr


def test_keys_of_a_batch_that_no_erasure_took_are_missed(origin, data, verify):
    def change(record):
        if record.position == 4:
            assert is_batch(record)
            spool_rewriter.destroy_keys(record)

    spool_rewriter.rewrite(data / "spool", change)
    assert verify(data, "--head", origin[2])[0] == {"erased_unrecorded"}
    assert audit(origin[0], data) == (1, {"erased_unrecorded"})


def test_records_cut_off_are_found_by_the_audit(origin, data):
    spool_rewriter.store(data / "spool", lambda records: records[:-3])
    assert audit(origin[0], data) == (1, {"ends_before_head"})


def test_head_of_another_key_is_refused(origin, data):
    def run(*words):
        return subprocess.run([origin[0].program, "spool", "verify", str(data), *map(str, words)], capture_output=True, text=True, timeout=60)

    forged = pathlib.Path(data / "forged")
    forged.write_text(origin[2].read_text().replace(f"\n{size_of(origin[2])}\n", f"\n{size_of(origin[2]) - 1}\n"))
    done = run("--head", forged, "--verifier", (data / "evidence" / "head.vkey").read_text())
    assert done.returncode == 1 and "not signed by the key" in done.stderr
    assert run("--head", data / "evidence" / "head.vkey").returncode == 1
    assert run("--head", origin[2], "--verifier", "nonsense").returncode == 1
    good = run("--head", origin[2], "--verifier", (data / "evidence" / "head.vkey").read_text())
    assert good.returncode == 0 and "1 of 1 signed heads have the root of this spool" in good.stdout


def test_hashes_stand_for_records_that_retention_removed(make_server, verify):
    server = make_server({"spool": {"segment_bytes": "1MiB", "reserve_bytes": "0"}, "evidence": {"retention": "0s", "max_bytes": "0"}})
    for batch in range(12):
        body = ndjson([event(n, message="x" * 1000) for n in range(batch * 200, batch * 200 + 200)])
        assert server.post(body).status == 200
    wait_until(lambda: int(spool_reader.segment_paths(server.spool_dir)[0].stem) > 1, 60, "the removal of a segment")
    signed(server)
    server.terminate()
    data = pathlib.Path(server.settings["data_dir"])
    kinds, report = verify(data, "--head", data / "evidence" / "head")
    assert kinds == set() and report["heads"]["matching"] == 1 and report["heads"]["hashes"] > 0
    (data / "evidence" / "tree" / "level0").unlink()
    assert "hashes_missing" in verify(data, "--head", data / "evidence" / "head")[0]
