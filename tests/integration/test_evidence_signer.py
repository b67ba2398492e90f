"""A server whose heads are signed elsewhere: by the process `vsocd signer`, or in a PKCS#11 token."""

import base64
import itertools
import shutil
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness import Vsocd, event, ndjson, wait_until
from signer_process import ORIGIN, Signer, new_key, sha256

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
NUMBERS = itertools.count()


def grow(server):
    assert server.post(ndjson([event(next(NUMBERS))])).status == 200


def head_size(server):
    return int(server.metric("vsocd_evidence_head_size"))


def checkpoint(server):
    """Text and signature line of the newest head."""
    text, _, lines = server.get("/evidence/checkpoint").body.decode().partition("\n\n")
    return text + "\n", lines.splitlines()[0]


def is_signed_by(server, public, origin=ORIGIN):
    """Whether the newest head has one valid signature of this key, by Python's judgement."""
    text, line = checkpoint(server)
    dash, name, encoded = line.split(" ")
    raw = base64.b64decode(encoded)
    Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())
    return (dash, name, text.splitlines()[0]) == ("\u2014", origin, origin) and raw[:4] == sha256(origin.encode(), b"\n\1", public)[:4]


@pytest.fixture
def signer(build, tmp_path):
    made = Signer(build, tmp_path).start("--first")
    yield made
    made.stop(signal.SIGKILL)


def make(build, tmp_path, signer, **evidence):
    return Vsocd(build, tmp_path / "server", {"evidence": {"signer": str(signer.socket), **evidence}})


def grown_head(server):
    before = head_size(server)
    grow(server)
    wait_until(lambda: head_size(server) > before, what="a signed head")


def test_heads_are_signed_by_the_process_and_wait_while_it_is_away(build, tmp_path, signer):
    server = make(build, tmp_path, signer)
    server.start()
    grown_head(server)
    assert is_signed_by(server, signer.public().public_bytes(Encoding.Raw, PublicFormat.Raw))
    assert not (tmp_path / "server/data/evidence/head.key").exists()
    before = head_size(server)
    signer.stop(signal.SIGKILL)
    for _ in range(3):
        grow(server)  # nothing waits for the signer
    wait_until(lambda: "no signer listens" in server.log(), what="the line in the log")
    assert head_size(server) == before and server.is_ready()
    signer.start()
    wait_until(lambda: head_size(server) >= before + 3, what="the head of what came meanwhile")
    server.kill()
    server.start()
    grown_head(server)
    assert is_signed_by(server, signer.public().public_bytes(Encoding.Raw, PublicFormat.Raw))
    server.stop_for_good()


def test_server_that_was_rolled_back_gets_no_signature(build, tmp_path, signer):
    """The signer's own state is what finds it: tree, spool and heads of the copy agree with each other."""
    server = make(build, tmp_path, signer)
    server.start()
    grown_head(server)
    server.terminate()
    shutil.copytree(tmp_path / "server/data", tmp_path / "copy")
    server.start()
    for _ in range(3):
        grown_head(server)
    signed = head_size(server)
    server.terminate()
    shutil.rmtree(tmp_path / "server/data")
    shutil.move(tmp_path / "copy", tmp_path / "server/data")
    server.start()
    for _ in range(signed + 3):
        grow(server)
    wait_until(lambda: server.metric("vsocd_evidence_head_refused") == 1, what="the refusal")
    assert head_size(server) < signed
    server.stop_for_good()


def test_tree_is_begun_anew_with_a_new_key_in_the_signer(build, tmp_path, signer):
    """The old key signs no other tree, so that the tree is not begun anew before there is one."""
    server = make(build, tmp_path, signer)
    server.start()
    grown_head(server)
    server.terminate()
    words = ("evidence", "restart-tree", "--reason", "disk replaced", "-c", server.config)
    done = server.run(*words, check=False)
    assert done.returncode == 1 and f"--name {ORIGIN}/2 --out".encode() in done.stderr and b"--first" in done.stderr
    assert not (tmp_path / "server/data/evidence/before-2").exists()
    signer.stop()
    new_key(build, tmp_path / "second.key", name=ORIGIN + "/2")
    second = Signer(build, tmp_path, key=tmp_path / "second.key")
    second.state = tmp_path / "second-state"
    second.start("--first")
    server.run(*words)
    server.start()
    grown_head(server)
    assert checkpoint(server)[0].startswith(f"{ORIGIN}/2\n") and server.metric("vsocd_evidence_head_refused") == 0
    server.stop_for_good()
    second.stop()


def test_server_does_not_start_without_its_signer(build, tmp_path):
    server = Vsocd(build, tmp_path / "server", {"evidence": {"signer": str(tmp_path / "nobody.sock")}})
    server.start(wait=False)
    assert server.ended() == 69 and "no signer listens" in server.log()


def test_signer_of_another_tree_is_refused(build, tmp_path, signer):
    server = make(build, tmp_path, signer, origin="vsoc.example/other")
    server.start(wait=False)
    assert server.ended() == 78 and "has the key of vsoc.example/spool-1" in server.log()


def test_head_is_signed_in_a_token(build, tmp_path):
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    (tmp_path / "pin").write_text("1234\n")
    (tmp_path / "pin").chmod(0o600)
    environment = {"SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf")}
    for words in ("softhsm2-util --init-token --free --label heads --pin 1234 --so-pin 5678",
                  "openssl genpkey -algorithm ed25519 -out key.pem",
                  "softhsm2-util --import key.pem --token heads --label log --id 01 --pin 1234",
                  "openssl pkey -in key.pem -pubout -outform DER -out public.der"):
        subprocess.run(words.split(), cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **environment}, check=True, capture_output=True, timeout=60)
    (tmp_path / "key.pem").unlink()
    uri = f"pkcs11:token=heads;object=log?module-path={SOFTHSM}&pin-source=file:{tmp_path}/pin"
    server = Vsocd(build, tmp_path / "server", {"evidence": {"signing_token": uri, "origin": ORIGIN}}, environment=environment)
    server.start()
    grown_head(server)
    assert is_signed_by(server, (tmp_path / "public.der").read_bytes()[-32:])
    server.stop_for_good()
