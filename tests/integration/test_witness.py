"""`vsocd witness` against a client and a log in Python that share nothing with it but the specifications (support/tlog.py)."""

import concurrent.futures
import http.client
import os
import signal
import subprocess
import time

import pytest
import translog as tlog
from harness import wait_until
from witness import Witness

NAME = "works-council.example/w1"


@pytest.fixture
def log():
    return tlog.Log("vsoc.example/log")


@pytest.fixture
def witness(build, tmp_path, log):
    made = Witness(build / "vsocd", tmp_path / "w", log.key.verifier).start("--name", NAME)
    yield made
    if made.process.poll() is None:
        assert made.stop() == 0


def test_a_witness_follows_a_log_and_refuses_another_history(witness, log):
    """Growth, a rollback, a fork of the same size and of a larger one, a wrong proof, a stranger: each has its status."""
    before = int(time.time())
    assert before <= witness.cosign(log, 0, 5) <= time.time()
    witness.cosign(log, 5, 5)
    witness.cosign(log, 5, 1000)
    assert witness.ask(log.request(5, 1001)) == (409, tlog.SIZE_TYPE, "1000\n")
    assert witness.ask(log.request(0, 7)) == (409, tlog.SIZE_TYPE, "1000\n")
    assert witness.ask(log.request(1000, 7))[0] == 400
    forked = tlog.Log(log.origin, "b", 999, log.key)
    assert witness.ask(forked.request(1000, 1000))[:2] == (409, "text/plain; charset=utf-8")
    assert witness.ask(forked.request(1000, 1010))[0] == 422
    kept = [path.read_text() for path in (witness.folder / "state").glob("*.fork-1000-*")]
    assert kept == [forked.head(1000)], "the proof of the fork is kept, signed by the log"
    assert witness.ask(log.request(999, 1010).replace("old 999", "old 1000"))[0] == 422
    assert witness.ask(tlog.Log("vsoc.example/other").request(0, 1))[0] == 404
    assert witness.ask(tlog.Log(log.origin).request(1000, 1001))[0] == 403
    for body in ("hello", "old 1000\n", "old 01000" + log.request(1000, 1001)[8:], log.request(1000, 1001) + "more"):
        assert witness.ask(body)[0] == 400, body
    witness.cosign(log, 1000, 1001)
    assert "FORK" in (witness.folder / "log").read_text()


def test_paths_and_methods_of_others_are_refused(witness, log):
    assert witness.ask(None, "/", "GET")[0] == 200
    assert "no checkpoint was cosigned yet" in witness.ask(None, "/", "GET")[2]
    assert witness.ask(None, "/add-checkpoint", "GET")[0] == 405
    assert witness.ask("x", "/", "POST")[0] == 405
    assert witness.ask(None, "/metrics", "GET")[0] == 404
    assert witness.ask("x" * (257 << 10))[0] == 413
    witness.cosign(log, 0, 3)
    assert log.head(3) in witness.ask(None, "/", "GET")[2]


def test_a_witness_that_is_killed_forgets_no_cosignature(witness, log):
    """kill -9 at any moment: what was cosigned is known afterwards, or the next size is what was asked last."""
    size = 0
    for round in range(5):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            def grow(size=size):
                while True:
                    try:
                        witness.cosign(log, size, size + 1)
                    except (OSError, AssertionError, http.client.HTTPException):
                        return size
                    size += 1

            seen = (witness.folder / "log").stat().st_size
            growing = pool.submit(grow)
            wait_until(lambda: (witness.folder / "log").stat().st_size > seen, what="cosignatures")
            witness.stop(signal.SIGKILL)
            cosigned = growing.result()
        witness.start()
        size = witness.known(log)
        assert size in (cosigned, cosigned + 1)


def test_many_at_once_get_cosignatures_of_one_history(witness, log):
    """Sizes are asked for in any order at the same time: what is cosigned only grows, and every refusal tells a size."""
    forked = tlog.Log(log.origin, "b", 0, log.key)

    def climb(which):
        own = (log, forked)[which % 2]
        old, done = 0, []
        for size in range(1 + which, 60, 3):
            for _ in range(20):
                status, kind, text = witness.ask(own.request(old, max(size, old)))
                if status == 200:
                    done.append((own, max(size, old)))
                elif kind == tlog.SIZE_TYPE and int(text) <= 64:
                    old = int(text)
                    continue
                break
        return done

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(climb, range(8)), [])
    histories = {own.history for own, size in done if size}
    assert len(histories) == 1 and len(done) > 20, "two histories have cosignatures"


def test_a_witness_keeps_its_key_and_its_folder(witness, log, build, tmp_path):
    key = witness.key
    assert (witness.folder / "state" / "witness.key").stat().st_mode & 0o777 == 0o600
    second = subprocess.run(witness.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert second.returncode == 1 and "another witness" in second.stderr
    assert witness.stop() == 0
    wrong = subprocess.run(witness.command("--name", "other"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wrong.returncode == 1 and NAME in wrong.stderr
    keys = tmp_path / "keys"
    keys.write_text(f"# logs\n\n{log.key.verifier}\n")
    witness.logs = [keys]
    assert witness.start().key == key
    new = Witness(build / "vsocd", tmp_path / "new", log.key.verifier)
    nameless = subprocess.run(new.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert nameless.returncode == 1 and "--name" in nameless.stderr
    for words in (["--log", "nothing"], ["--listen"], ["--cert", "x"], ["--what"]):
        assert subprocess.run([build / "vsocd", "witness", "--state", tmp_path / "s", *words], stderr=subprocess.DEVNULL).returncode in (1, 64)


def test_a_witness_speaks_https(build, tmp_path, log):
    from certificates import Authority

    authority = Authority(tmp_path / "tls")
    certificate, key = authority.server()
    witness = Witness(build / "vsocd", tmp_path / "w", log.key.verifier, options=("--cert", certificate, "--tls-key", key)).start("--name", NAME)
    assert witness.url.startswith("https://")
    environment = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(
        ["curl", "-s", "--cacert", authority.ca_path, "--data-binary", "@-", witness.url + "/add-checkpoint"],
        input=log.request(0, 3), stdout=subprocess.PIPE, text=True, env=environment, check=True,
    )
    assert witness.stop() == 0
    assert tlog.verify(witness.key, log.head(3).rpartition("\n\n")[0] + "\n", done.stdout)
