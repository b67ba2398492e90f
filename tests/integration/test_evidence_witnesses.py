"""The heads of a server are cosigned by witnesses: `vsocd witness`, and one in Python that misbehaves."""

import http.server
import json
import shutil
import threading

import pytest
import translog as tlog
from harness import event, free_port, ndjson, wait_until
from witness import Witness

ORIGIN = "vsoc.example/log"


@pytest.fixture
def log_key(build, tmp_path, make_server):
    """Settings of a signing key, and its verifier key."""
    maker = make_server(start=False)
    public = maker.run("key", "new", "evidence", "--name", ORIGIN, "--out", tmp_path / "log.key").stdout.decode().strip()
    return {"origin": ORIGIN, "signing_key": str(tmp_path / "log.key")}, public


@pytest.fixture
def witnesses(build, tmp_path, log_key):
    """Two running witnesses of the log."""
    made = [Witness(build / "vsocd", tmp_path / f"w{n}", log_key[1], options=("--name", f"w{n}.example")).start() for n in range(2)]
    yield made
    for witness in made:
        if witness.process.poll() is None:
            witness.stop()


def items(witnesses):
    return [f"{witness.key} {witness.url}" for witness in witnesses]


def head_of(text):
    return int(text.split("\n")[1])


def cosigned(server):
    """Note of the newest head with enough cosignatures; empty: there is none."""
    path = server.folder / "data" / "evidence" / "cosigned" / "head"
    return path.read_text() if path.exists() else ""


def post(server, n, first=0):
    for i in range(first, first + n):
        assert server.post(ndjson([event(i)])).status == 200


def wait_cosigned(server, records):
    """Waits until so many records are covered by a head with enough cosignatures; gives its text and lines."""
    wait_until(lambda: (text := cosigned(server)) and head_of(text) >= records, what="cosignatures")
    body, _, lines = cosigned(server).partition("\n\n")
    return body + "\n", lines.splitlines(keepends=True)


def lines_of(witness, text, lines):
    """Times of its cosignatures, verified."""
    name = witness.key.split("+")[0]
    return [tlog.verify(witness.key, text, line) for line in lines if line.startswith(f"— {name} ")]


def test_heads_are_cosigned_while_a_witness_is_away(make_server, log_key, witnesses):
    """Two of three are enough; the third is a port where nobody listens, and holds up nothing."""
    nobody = tlog.Key("away.example", tlog.WITNESS)
    away = f"{nobody.verifier} http://127.0.0.1:{free_port()}"
    server = make_server({"evidence": log_key[0] | {"witnesses": [away, *items(witnesses)]}})
    post(server, 5)
    text, lines = wait_cosigned(server, 5)
    assert [len(lines_of(witness, text, lines)) for witness in witnesses] == [1, 1]
    assert lines[0].startswith(f"— {ORIGIN} "), "the log's own signature comes first"
    wait_until(lambda: server.metric("vsocd_evidence_head_uncosigned_seconds") == 0, what="no head waiting")
    assert server.metric("vsocd_evidence_witness_up", 'witness="away.example"') == 0
    assert server.metric("vsocd_evidence_witness_up", 'witness="w0.example"') == 1
    assert server.metric("vsocd_evidence_witness_size", 'witness="w1.example"') == head_of(text)
    shown = server.get("/readyz?verbose").body.decode()
    assert "witness w0.example up" in shown and "witness away.example DOWN" in shown
    told = json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)
    assert told["witnesses"] == 3 and told["witnesses_away"] == "away.example" and told["cosigned_size"] >= 5
    assert told["cosignatures"] == (2 if told["cosigned_size"] == told["head_size"] else 0)
    assert 0 <= told["cosigned_age_seconds"] < 600
    # Too few: records are taken and signed all the same, and the metric tells.
    witnesses[0].stop()
    post(server, 3, 5)
    wait_until(lambda: server.metric("vsocd_evidence_head_size") >= 8, what="the next head")
    wait_until(lambda: server.metric("vsocd_evidence_head_uncosigned_seconds") > 0, what="a head waiting")
    assert head_of(cosigned(server)) < 8
    # It comes back, elsewhere nothing was lost.
    witnesses[0].options = ("--name", "w0.example", "--listen", witnesses[0].url.removeprefix("http://"))
    witnesses[0].start()
    text, lines = wait_cosigned(server, 8)
    assert [len(lines_of(witness, text, lines)) for witness in witnesses] == [1, 1]


def test_a_server_learns_what_witnesses_know(make_server, log_key, witnesses):
    """After a start without its own notes it asks with a wrong size, and goes on from the witness's."""
    server = make_server({"evidence": log_key[0] | {"witnesses": items(witnesses), "witness_quorum": 2}})
    post(server, 4)
    wait_cosigned(server, 4)
    assert server.terminate() == 0
    shutil.rmtree(server.folder / "data" / "evidence" / "cosigned")
    server.start()
    post(server, 4, 4)
    text, lines = wait_cosigned(server, 8)
    assert [len(lines_of(witness, text, lines)) for witness in witnesses] == [1, 1]


def test_a_spool_that_was_rolled_back_is_found_by_a_witness(make_server, log_key, witnesses):
    """The whole data directory is replaced by an older copy of itself, keys and all, and goes on with other records."""
    server = make_server({"evidence": log_key[0] | {"witnesses": items(witnesses)}})
    data, copy = server.folder / "data", server.folder / "copy"
    post(server, 3)
    wait_cosigned(server, 3)
    assert server.terminate() == 0
    shutil.copytree(data, copy)
    server.start()
    post(server, 20, 3)
    known = head_of(wait_cosigned(server, 23)[0])
    assert server.terminate() == 0
    shutil.rmtree(data)
    copy.rename(data)
    server.start()
    post(server, 1, 100)
    wait_until(lambda: server.metric("vsocd_evidence_witness_conflict", 'witness="w0.example"') == 1, what="the conflict")
    assert f"it has cosigned {known} records" in server.log()
    post(server, 40, 200)  # beyond what was cosigned: another history of that size
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > known + 1, what="a longer tree")
    wait_until(lambda: "it refuses the head (it answers 422" in server.get("/readyz?verbose").body.decode(), what="the other history being refused")
    assert head_of(cosigned(server)) <= known
    assert server.metric("vsocd_evidence_head_uncosigned_seconds") > 0


class Liar(http.server.BaseHTTPRequestHandler):
    """A witness that answers 200 without a valid cosignature, however it may look."""

    lines = ["hello\n", "", "— liar.example AAAAAAAAAAAAAAAA\n", "x" * 100_000]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = self.lines[self.server.asked % len(self.lines)].encode()
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def test_answers_without_a_cosignature_count_for_nothing(make_server, log_key, witnesses):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        liar.asked = 0
        threading.Thread(target=liar.serve_forever).start()
        key = tlog.Key("liar.example", tlog.WITNESS)
        away = f"{key.verifier} http://127.0.0.1:{liar.server_port}/"
        server = make_server({"evidence": log_key[0] | {"witnesses": [*items(witnesses), away], "witness_quorum": 2}})
        post(server, 2)
        _, lines = wait_cosigned(server, 2)
        wait_until(lambda: liar.asked >= 2, what="the liar being asked")
        assert not any("liar" in line for line in lines)
        assert server.metric("vsocd_evidence_witness_up", 'witness="liar.example"') == 0
        liar.shutdown()


class Silent(http.server.BaseHTTPRequestHandler):
    """A witness that takes requests and never answers."""

    def do_POST(self):
        self.server.asked.set()
        while self.connection.recv(65536):
            pass
        self.server.given_up.set()

    def log_message(self, *words):
        pass


def test_a_witness_that_never_answers_holds_up_nobody(make_server, log_key, witnesses):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as silent:
        silent.asked, silent.given_up = threading.Event(), threading.Event()
        threading.Thread(target=silent.serve_forever).start()
        key = tlog.Key("silent.example", tlog.WITNESS)
        hung = f"{key.verifier} http://127.0.0.1:{silent.server_port}"
        server = make_server({"evidence": log_key[0] | {"witnesses": [hung, *items(witnesses)], "witness_quorum": 2}})
        wait_until(lambda: cosigned(server) or silent.given_up.is_set(), what="a cosigned head")
        assert silent.asked.wait(30)
        assert cosigned(server) and not silent.given_up.is_set(), "the two others were asked meanwhile"
        post(server, 3)
        wait_cosigned(server, 3)
        silent.shutdown()


class Ahead(http.server.BaseHTTPRequestHandler):
    """A witness that says, when it may, that it has cosigned more than it is shown."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.server.may_answer.wait(60)
        body = b"%d\n" % self.server.size
        self.send_response(409)
        self.send_header("Content-Type", "text/x.tlog.size")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def test_witnesses_that_are_ahead_of_a_head_are_asked_for_the_newest(make_server, log_key):
    """Not for the same one again and again: each waited for the other to be done with it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ahead) as one, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ahead) as two:
        for stub in (one, two):
            stub.asked, stub.size, stub.may_answer = 0, 0, threading.Event()
            threading.Thread(target=stub.serve_forever).start()
        names = [f"{tlog.Key(f'a{n}.example', tlog.WITNESS).verifier} http://127.0.0.1:{stub.server_port}" for n, stub in enumerate((one, two))]
        server = make_server({"evidence": log_key[0] | {"witnesses": names}})
        wait_until(lambda: one.asked and two.asked, what="both being asked for a first head")
        post(server, 20)
        wait_until(lambda: server.metric("vsocd_evidence_head_size") > 20, what="a longer tree")
        for stub in (one, two):
            stub.size = 20
            stub.may_answer.set()
        wait_until(lambda: server.get("/readyz?verbose").body.decode().count("it refuses the head (it answers 409") == 2, what="their answers to the newest head")
        assert one.asked + two.asked < 20
        for stub in (one, two):
            stub.shutdown()


@pytest.mark.parametrize("settings, why", [
    ({"witnesses": ["what http://127.0.0.1:1"]}, "no verifier key of a witness"),
    ({"witnesses": ["{key} ftp://127.0.0.1"]}, "goes its URL"),
    ({"witnesses": ["{key} http://127.0.0.1:1", "{key} http://127.0.0.1:2"]}, "have one key"),
    ({"witnesses": ["{key} http://127.0.0.1:1"], "witness_quorum": 2}, "fewer witnesses than the quorum"),
], ids=["key", "url", "twice", "quorum"])
def test_wrong_settings_are_reported(make_server, settings, why):
    key = tlog.Key("w.example", tlog.WITNESS).verifier
    settings["witnesses"] = [item.replace("{key}", key) for item in settings["witnesses"]]
    server = make_server({"evidence": settings}, start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and why in done.stderr.decode()
