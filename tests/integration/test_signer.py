"""`vsocd key` and `vsocd signer`: keys of signed notes, and the process that signs only what continues what it has signed.

The oracles are Python's: keys by cryptography, trees by a few lines of RFC 6962.
"""

import base64
import os
import pathlib
import signal
import socket
import stat
import struct
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness import wait_until
from signer_process import FORK, MINE, ORIGIN, Signer, body, head, new_key, sha256, vsocd

SOFTHSM = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")


# ---- keys ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind,algorithm", [("evidence", 1), ("witness", 4)])
def test_key_is_what_go_and_python_make_of_it(build, tmp_path, kind, algorithm):
    verifier = new_key(build, tmp_path / "a.key", kind)
    secret = (tmp_path / "a.key").read_text().strip()
    assert secret.startswith("PRIVATE+KEY+")
    name, key_id, seed = secret.removeprefix("PRIVATE+KEY+").split("+", 2)
    seed = base64.b64decode(seed, validate=True)
    public = Ed25519PrivateKey.from_private_bytes(seed[1:]).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    encoded = bytes([algorithm]) + public
    assert (name, seed[0], len(seed)) == (ORIGIN, algorithm, 33)
    assert key_id == sha256(name.encode(), b"\n", encoded)[:4].hex()
    assert verifier == f"{name}+{key_id}+{base64.b64encode(encoded).decode()}"
    assert vsocd(build, "key", "show", tmp_path / "a.key").stdout.strip() == verifier
    assert stat.S_IMODE(os.stat(tmp_path / "a.key").st_mode) == 0o600


def test_key_is_never_overwritten_and_two_are_never_equal(build, tmp_path):
    first, second = new_key(build, tmp_path / "a.key"), new_key(build, tmp_path / "b.key")
    before = (tmp_path / "a.key").read_bytes()
    done = vsocd(build, "key", "new", "evidence", "--name", "x", "--out", tmp_path / "a.key", check=False)
    assert done.returncode == 1 and "never overwritten" in done.stderr
    assert (tmp_path / "a.key").read_bytes() == before and first != second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key", "b.key"]


def test_keys_of_a_folder_are_listed_without_their_secrets(build, tmp_path):
    new_key(build, tmp_path / "a.key")
    new_key(build, tmp_path / "w.key", "witness", "witness.example/w1")
    shown = vsocd(build, "key", "list", tmp_path).stdout
    assert [line.split()[0] for line in shown.splitlines()] == ["evidence", "witness"]
    assert ORIGIN in shown and "witness.example/w1" in shown and "PRIVATE" not in shown
    for path in tmp_path.iterdir():
        assert path.read_text().strip().split("+", 4)[4] not in shown


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "x" * 256, "a\u2003b"])
def test_name_that_a_note_cannot_have_is_refused(build, tmp_path, name):
    done = vsocd(build, "key", "new", "evidence", "--name", name, "--out", tmp_path / "a.key", check=False)
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []


def test_key_that_others_may_read_is_not_used(build, tmp_path):
    new_key(build, tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o644)
    done = vsocd(build, "key", "show", tmp_path / "a.key", check=False)
    assert done.returncode == 1 and "chmod" in done.stderr


# ---- the process -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signer(build, tmp_path):
    made = Signer(build, tmp_path).start("--first")
    yield made
    made.stop(signal.SIGKILL)


def is_good(signer, answer, text):
    word, value = answer
    if word != "signature":
        return False
    try:
        signer.public().verify(base64.b64decode(value), text)
    except InvalidSignature:
        return False
    return True


def test_heads_that_continue_are_signed(signer):
    old = 0
    for size in (1, 2, 7, 8, 8, 33, 64):
        assert is_good(signer, signer.sign(MINE, old, size), head(MINE, size))
        old = size


def test_fork_and_rollback_are_refused_also_after_a_restart(signer):
    assert is_good(signer, signer.sign(MINE, 0, 20), head(MINE, 20))
    for start in (False, True):
        if start:
            assert signer.stop() == 0
            signer.start()
        assert signer.sign(FORK, 20, 30)[0] == "refused"
        assert signer.sign(FORK, 20, 20)[0] == "refused"
        assert "rolled back" in signer.sign(MINE, 20, 19)[1]
        assert signer.sign(MINE, 0, 30) == signer.sign(FORK, 5, 30) == ("size", "20")
        assert signer.sign(MINE, 20, 30, "vsoc.example/other")[0] == "refused"
        assert is_good(signer, signer.sign(MINE, 20, 20), head(MINE, 20))
    assert is_good(signer, signer.sign(MINE, 20, 21), head(MINE, 21))
    assert "a head is refused" in signer.log.read_text()


def test_no_wrong_request_is_answered_with_a_signature(signer):
    good = body(MINE, 0, 9)
    wrong = [b"", b"key", b"old 0\n", good[:-1], good + b"x", good.replace(b"old 0", b"old -1"), b"\xff" * 100, good.replace(b"\n9\n", b"\n09\n"),
             good + b"\n\xe2\x80\x94 x AAAA\n", good + b"extension\n"]
    for request in wrong:
        try:
            assert signer.ask(request)[0] == "refused", request
        except ConnectionError:
            assert request == b""
    for size in (0, 1 << 20, 0xFFFFFFFF):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(signer.socket))
            link.sendall(struct.pack(">I", size))
            assert link.recv(10) == b""
    assert is_good(signer, signer.ask(good), head(MINE, 9))


def as_user(uid, signer):
    """Whether a process of another user gets an answer."""
    script = ("import os,socket,sys,struct,contextlib;os.setgroups([]);os.setgid(0);os.setuid(%d);s=socket.socket(socket.AF_UNIX)\n"
              "s.connect(sys.argv[1])\nwith contextlib.suppress(BrokenPipeError): s.sendall(struct.pack('>I',4)+b'key\\n')\n"
              "f=s.makefile('rb')\nprint(f.read(struct.unpack('>I',f.read(4))[0]).decode())" % uid)
    return subprocess.run(["/usr/bin/python3", "-c", script, signer.socket], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root to become somebody else")
def test_process_of_another_user_is_refused(build, tmp_path):
    tmp_path.chmod(0o755)
    for path in tmp_path.parents:
        if path != pathlib.Path("/tmp") and path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(0o755)
    signer = Signer(build, tmp_path).start("--first")
    assert as_user(65534, signer).stdout.startswith("refused ")
    signer.stop()
    signer.start("--peer", "nobody", wait=False)
    wait_until(lambda: signer.socket.exists() and "the signer listens" in signer.log.read_text().splitlines()[-1], what="the signer")
    assert as_user(65534, signer).stdout.startswith("key ")
    assert as_user(1, signer).stdout.startswith("refused ")
    assert not signer.answers()  # root
    assert "another user" in signer.log.read_text()
    signer.stop()


def test_state_must_be_there_and_belong_to_the_key(build, tmp_path):
    signer = Signer(build, tmp_path)
    assert signer.start().process.wait() == 1 and "--first" in signer.log.read_text()
    assert signer.start("--first").stop() == 0
    assert signer.start("--first").process.wait() == 1
    (signer.state / "signed").write_bytes((signer.state / "signed").read_bytes().replace(b"\n0\n", b"\n1\n"))
    assert signer.start().process.wait() == 74 and "damaged" in signer.log.read_text()


def test_second_signer_does_not_start(build, signer, tmp_path):
    second = Signer(build, tmp_path)
    second.socket = tmp_path / "second.sock"
    assert second.start().process.wait() == 1 and "in use by another signer" in second.log.read_text()
    assert signer.answers()


@pytest.mark.parametrize("point", ["signer_state_written", "signer_state_synced", "signer_state_renamed", "signer_state_durable", "signer_head_durable", "signer_signed"])
def test_death_at_any_point_lets_no_fork_be_signed(build, tmp_path, point):
    """A head whose signature was lost with the process may have been seen: only it, or what continues it, is signed afterwards."""
    signer = Signer(build, tmp_path).start("--first")
    assert is_good(signer, signer.sign(MINE, 0, 10), head(MINE, 10))
    signer.stop()
    signer.start(fault=point)
    with pytest.raises(ConnectionError):
        signer.sign(MINE, 10, 20)
    assert signer.process.wait() == -signal.SIGKILL
    signer.start()
    word, size = signer.sign(MINE, 0, 30)
    assert (word, size) in (("size", "10"), ("size", "20"))
    assert size == "10" or point not in ("signer_state_written", "signer_state_synced")
    assert size == "20" or point in ("signer_state_written", "signer_state_synced")
    assert signer.sign(FORK, int(size), 40)[0] == "refused"
    assert is_good(signer, signer.sign(MINE, int(size), 20), head(MINE, 20))
    signer.stop()


def test_service_manager_gives_the_socket_and_is_notified(build, tmp_path):
    signer = Signer(build, tmp_path)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        listening.bind(str(signer.socket))
        listening.listen()
        notices.bind(str(tmp_path / "notify"))
        notices.settimeout(60)
        command = 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"' % listening.fileno()
        words = [build / "vsocd", "signer", "--key", signer.key, "--state", signer.state, "--first"]
        with open(signer.log, "ab") as log:
            signer.process = subprocess.Popen(["bash", "-c", command, "bash", *words], pass_fds=[listening.fileno()], stderr=log,
                                              env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert notices.recv(100) == b"READY=1"
        assert is_good(signer, signer.sign(MINE, 0, 3), head(MINE, 3))
        assert signer.stop() == 0
        assert notices.recv(100) == b"STOPPING=1" and signer.socket.exists()


# ---- a key in a token ------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(tmp_path, monkeypatch):
    """SoftHSM with an Ed25519 key; gives (URI, public key)."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    (tmp_path / "pin").write_text("1234\n")
    (tmp_path / "pin").chmod(0o600)

    def run(*words):
        subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)

    run("softhsm2-util", "--init-token", "--free", "--label", "heads", "--pin", "1234", "--so-pin", "5678")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem")
    run("softhsm2-util", "--import", tmp_path / "key.pem", "--token", "heads", "--label", "log", "--id", "01", "--pin", "1234")
    raw = subprocess.run(["openssl", "pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER"], check=True, capture_output=True, timeout=60)
    (tmp_path / "key.pem").unlink()
    return f"pkcs11:token=heads;object=log?module-path={SOFTHSM}&pin-source=file:{tmp_path}/pin", raw.stdout[-32:]


def test_head_is_signed_in_a_token(build, tmp_path, token):
    uri, public = token
    signer = Signer(build, tmp_path, "--origin", ORIGIN, key=uri).start("--first")
    assert signer.public().public_bytes(Encoding.Raw, PublicFormat.Raw) == public
    assert is_good(signer, signer.sign(MINE, 0, 20), head(MINE, 20))
    assert signer.sign(FORK, 20, 30)[0] == "refused"
    signer.stop()


@pytest.mark.parametrize("old,new,why", [("token=heads", "token=tails", "no PKCS#11 token"), ("object=log", "object=log2", "no private key"),
                                         ("libsofthsm2", "libnothing", "can't be loaded"), ("pin-source=file:", "x-source=file:", ""),
                                         ("file:", "file:/nowhere", "does not exist")])
def test_token_that_cannot_be_used_is_named(build, tmp_path, token, old, new, why):
    signer = Signer(build, tmp_path, "--origin", ORIGIN, key=token[0].replace(old, new))
    assert signer.start("--first").process.wait() == 1
    assert why in signer.log.read_text()


def test_wrong_pin_is_refused_and_not_shown(build, tmp_path, token):
    (tmp_path / "pin").write_text("98765\n")
    signer = Signer(build, tmp_path, "--origin", ORIGIN, key=token[0])
    assert signer.start("--first").process.wait() == 1
    assert "login" in signer.log.read_text() and "98765" not in signer.log.read_text()
