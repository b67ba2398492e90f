"""The transparency tree of a running server: heads and tiles as outsiders read them, and what it does with a spool that is not the one it signed."""

import base64
import json
import pathlib
import shutil

import pytest
import spool_reader
import tlog
from harness import Vsocd, event, ndjson, wait_until


def post(server, count=1):
    for _ in range(count):
        assert server.post(ndjson([event(post.number)])).status == 200
        post.number += 1


post.number = 0


def evidence_dir(server):
    return pathlib.Path(server.settings["data_dir"]) / "evidence"


def verifier(server):
    return tlog.Verifier((evidence_dir(server) / "head.vkey").read_text())


def signed(server):
    """The newest head once it covers everything: (size, root)."""
    wait_until(lambda: server.metric("vsocd_evidence_head_size") == server.metric("vsocd_evidence_leaves") > 0
               and server.metric("vsocd_evidence_unsigned_records") == 0, 30, "a head over all records")
    return verifier(server).open(server.get("/evidence/checkpoint").body.decode())


def tiles(server):
    def get(path):
        reply = server.get("/evidence/" + path)
        assert reply.status == 200, (path, reply)
        return reply.body

    return tlog.Tiles(get)


def verbose(server):
    return server.get("/readyz?verbose").body.decode()


def spool_leaves(server):
    """Leaf hashes of the records that the spool has, from its files."""
    made = [(segment.spool_uid, record) for segment, record in spool_reader.read_spool(server.spool_dir, kinds=spool_reader.ALL_KINDS) if record.leaf_index is not None]
    return [tlog.leaf_hash(record, uid) for uid, record in made]


@pytest.fixture(scope="module")
def grown(build, tmp_path_factory):
    """A server with more than a full tile of records."""
    server = Vsocd(build, tmp_path_factory.mktemp("grown"), {})
    server.start()
    post(server, 270)
    signed(server)
    yield server
    server.stop_for_good()


def test_outsider_computes_the_signed_root_from_tiles(grown):
    size, signed_root = signed(grown)
    leaves = tiles(grown).leaves(size)
    assert size >= 270 and tlog.root(leaves) == signed_root
    assert leaves == spool_leaves(grown)


def test_every_head_is_continued_by_the_newest(grown):
    size, _ = signed(grown)
    leaves = tiles(grown).leaves(size)
    heads = grown.get("/evidence/heads?limit=1000").json["heads"]
    assert len(heads) > 1 and [h["size"] for h in heads] == sorted((h["size"] for h in heads), reverse=True)
    for head in heads:
        assert verifier(grown).open(head["note"]) == (head["size"], base64.b64decode(head["root"]))
        assert tlog.root(leaves[:head["size"]]) == base64.b64decode(head["root"])


def test_heads_are_listed_in_pieces(grown):
    everything = grown.get("/evidence/heads?limit=1000").json["heads"]
    assert grown.get("/evidence/heads?limit=1").json["heads"] == everything[:1]
    assert grown.get(f"/evidence/heads?below={everything[0]['size']}").json["heads"][0] == everything[1]
    for wrong in ("limit=0", "limit=1001", "limit=x", "below=-1", "limit="):
        assert grown.get("/evidence/heads?" + wrong).status == 400


@pytest.mark.parametrize("path", ["0/001.p/255", "0/002", "1/000", "1/000.p/2", "9/000.p/1", "0/1", "0/000.p/256", "0/000.p/0", "x", ""])
def test_tile_that_no_head_covers_is_not_found(grown, path):
    assert grown.get("/evidence/tile/" + path).status == 404


def test_files_have_the_newest_head(grown):
    size, _ = signed(grown)
    assert verifier(grown).open((evidence_dir(grown) / "head").read_text())[0] == size
    assert (evidence_dir(grown) / "head.key").stat().st_mode & 0o777 == 0o600
    level0 = (evidence_dir(grown) / "tree" / "level0").read_bytes()
    assert tlog.root([level0[i:i + 32] for i in range(0, 32 * size, 32)]) == signed(grown)[1]


def test_status_describes_spool_and_tree(grown):
    size, _ = signed(grown)
    told = json.loads(grown.run("evidence", "status", "-c", grown.config, "--json").stdout)
    assert (told["records"], told["leaves"], told["head_size"], told["generation"]) == (size, size, size, 1)
    assert told["origin"] == verifier(grown).name and told["days_that_fit"] > 0 and told["last_head"] is None
    text = grown.run("evidence", "status", grown.settings["data_dir"]).stdout.decode()
    assert "newest head" in text and '"' not in text


def test_head_is_signed_by_the_key_and_name_of_the_settings(make_server, tmp_path):
    first = make_server({"evidence": {"origin": "log.example/one"}})
    post(first)
    assert signed(first)[0] == len(spool_leaves(first)) and verifier(first).name == "log.example/one"
    key = tmp_path / "mine.key"
    shutil.copy(evidence_dir(first) / "head.key", key)
    key.chmod(0o600)
    other = make_server({"evidence": {"signing_key": str(key)}})
    post(other)
    signed(other)
    assert verifier(other).name == "log.example/one" and not (evidence_dir(other) / "head.key").exists()


def test_tree_goes_on_after_kill_and_restart(make_server):
    server = make_server()
    sizes = []
    for round in range(3):
        post(server, 5)
        if round < 2:
            sizes.append(signed(server))
            post(server, 3)
        server.kill()
        server.start()
    size, signed_root = signed(server)
    leaves = tiles(server).leaves(size)
    assert tlog.root(leaves) == signed_root and leaves == spool_leaves(server) and len(leaves) == size
    assert all(tlog.root(leaves[:n]) == old for n, old in sizes)


def test_stop_signs_what_came_last(make_server):
    server = make_server()
    post(server, 4)
    server.terminate()
    note = (evidence_dir(server) / "head").read_text()
    assert verifier(server).open(note)[0] == len(spool_leaves(server))


def test_key_is_not_made_again_when_heads_exist(make_server):
    server = make_server()
    post(server)
    signed(server)
    server.terminate()
    (evidence_dir(server) / "head.key").rename(evidence_dir(server) / "elsewhere")
    server.start(wait=False)
    assert server.ended() == 78
    assert "head.key is missing, but it has signed heads" in server.log()


# ---- not the spool that was signed -----------------------------------------------------------------------------------------


def copy_of(server, what):
    kept = server.folder / "kept"
    shutil.copytree(pathlib.Path(server.settings["data_dir"]) / what, kept / what)
    return kept


def put_back(server, kept, what):
    where = pathlib.Path(server.settings["data_dir"]) / what
    shutil.rmtree(where)
    shutil.copytree(kept / what, where)


def aged(make_server, what, **evidence):
    """A stopped server that was put back, in a part, to what it was some records ago."""
    server = make_server({"evidence": evidence})
    post(server, 3)
    signed(server)
    server.terminate()
    kept = copy_of(server, what)
    server.start()
    post(server, 3)
    signed(server)
    server.terminate()  # the stop is a record too
    newest = verifier(server).open((evidence_dir(server) / "head").read_text())
    put_back(server, kept, what)
    return server, newest


def refused(server):
    wait_until(lambda: server.metric("vsocd_evidence_head_refused") == 1, 30, "the refusal")
    assert "evidence REFUSED" in verbose(server) and "vsocd evidence restart-tree" in verbose(server)
    assert server.get("/readyz").status == 200 and server.post(ndjson([event(1)])).status == 200


def test_spool_put_back_to_a_copy_is_not_signed(make_server):
    server, newest = aged(make_server, "spool")
    server.start()
    refused(server)
    assert "the spool was rolled back" in verbose(server)
    assert verifier(server).open(server.get("/evidence/checkpoint").body.decode()) == newest
    server.terminate()
    server.start()  # meanwhile it has as many records as before, but others
    post(server, 4)
    server.terminate()
    server.start()
    refused(server)


def test_whole_data_directory_put_back_is_found_by_the_second_place(make_server, tmp_path):
    place = tmp_path / "other-disk" / "head"
    place.parent.mkdir()
    server, newest = aged(make_server, ".", last_head=str(place))
    assert tlog.Verifier((evidence_dir(server) / "head.vkey").read_text()).open(place.read_text()) == newest
    server.start()
    refused(server)
    assert str(place) in verbose(server) and "rolled back" in verbose(server)
    for _ in range(2):  # it goes on and forks: also when it has become larger
        post(server, 5)
        server.terminate()
        server.start()
        refused(server)
    assert verifier(server).open(place.read_text()) == newest


def test_second_place_of_another_log_is_refused(make_server, tmp_path):
    place = tmp_path / "head"
    other = make_server({"evidence": {"last_head": str(place)}})
    post(other)
    signed(other)
    other.terminate()
    server = make_server({"evidence": {"last_head": str(place)}})
    post(server)
    wait_until(lambda: server.metric("vsocd_evidence_head_refused") == 1, 30, "the refusal")
    assert "is another log's" in verbose(server) and server.get("/evidence/checkpoint").status == 404


def test_second_place_that_is_away_is_waited_for(make_server, tmp_path):
    place = tmp_path / "mount"
    place.write_text("")
    server = make_server({"evidence": {"last_head": str(place / "head")}})
    post(server)
    wait_until(lambda: "evidence WAITS" in verbose(server), 30, "the wait")
    place.unlink()
    place.mkdir()
    signed(server)
    assert "evidence signed" in verbose(server)
    wait_until(lambda: (place / "head").exists(), 30, "the head in the second place")


def test_changed_hashes_are_not_signed(make_server):
    server = make_server()
    post(server, 3)
    signed(server)
    server.terminate()
    level0 = evidence_dir(server) / "tree" / "level0"
    data = bytearray(level0.read_bytes())
    data[40] ^= 1
    level0.write_bytes(data)
    server.start()
    refused(server)
    assert "are not those of the signed head" in verbose(server)


def test_tree_begun_anew_has_another_name_and_keeps_what_agrees(make_server, tmp_path):
    place = tmp_path / "head"
    server, (size, _) = aged(make_server, "spool", last_head=str(place))
    server.start()
    refused(server)
    assert b"in use: stop the server" in server.run("evidence", "restart-tree", "--reason", "x", server.settings["data_dir"], check=False).stderr
    before = verifier(server)
    server.terminate()
    agreed = len(spool_leaves(server))
    stored = (evidence_dir(server) / "tree" / "level0").read_bytes()
    same = [stored[32 * i:32 * i + 32] == leaf for i, leaf in enumerate(spool_leaves(server))]
    kept = same.index(False)
    told = server.run("evidence", "restart-tree", "--reason", "disk replaced", "-c", server.config).stdout.decode()
    assert kept > 0 and f"with the first {kept} records of the old one" in told
    server.start()
    server.terminate()
    server.start()
    (said,) = [json.loads(line)["record"] for line in
               server.run("audit", "list", server.spool_dir, "--kind", "tree_restarted", "--json").stdout.splitlines()]
    kept_leaves = [stored[32 * i:32 * i + 32] for i in range(kept)]
    assert (said["generation"], said["tree_size"], said["root"], said["reason"]) == (2, kept, tlog.root(kept_leaves).hex(), "disk replaced")
    post(server)
    new_size, new_root = signed(server)
    leaves = spool_leaves(server)
    assert new_size == len(leaves) > agreed
    assert verifier(server).name == before.name + "/2" and tlog.root(leaves) == new_root
    assert tlog.Verifier((evidence_dir(server) / "head.vkey").read_text()).open(place.read_text())[0] == new_size
    old = (evidence_dir(server) / "before-2" / "head").read_text()
    assert before.open(old)[0] == size
    assert json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)["restart_reason"] == "disk replaced"


def test_damaged_last_segment_leaves_a_gap_and_no_fork(make_server):
    server = make_server()
    post(server, 3)
    size, old_root = signed(server)
    server.kill()
    for path in spool_reader.segment_paths(server.spool_dir):
        path.write_bytes(bytes(path.stat().st_size))
    server.start()
    post(server)
    new_size, new_root = signed(server)
    leaves = tiles(server).leaves(new_size)
    assert new_size == size + len(spool_leaves(server)) and tlog.root(leaves) == new_root and tlog.root(leaves[:size]) == old_root
