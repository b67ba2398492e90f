"""A running `vsocd signer`, what a server asks it, and the trees that tests have signed (RFC 6962 §2.1, by a few lines of Python)."""

import base64
import hashlib
import os
import signal
import socket
import struct
import subprocess

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from harness import wait_until

ORIGIN = "vsoc.example/spool-1"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def split(n):
    return 1 << (n - 1).bit_length() - 1


def root(leaves):
    if len(leaves) < 2:
        return sha256(b"\0", leaves[0]) if leaves else sha256()
    k = split(len(leaves))
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:]))


def consistency(old, leaves, whole=True):
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(old, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(old - k, leaves[k:], False) + [root(leaves[:k])]


MINE = [b"record %d" % n for n in range(64)]
FORK = MINE[:5] + [b"other %d" % n for n in range(59)]


def head(leaves, size, origin=ORIGIN):
    return f"{origin}\n{size}\n{base64.b64encode(root(leaves[:size])).decode()}\n".encode()


def body(leaves, old, size, origin=ORIGIN):
    proof = consistency(old, leaves[:size]) if 0 < old <= size else []
    lines = b"".join(base64.b64encode(one) + b"\n" for one in proof)
    return b"old %d\n" % old + lines + b"\n" + head(leaves, size, origin)


def vsocd(build, *words, check=True, program="vsocd", **options):
    path = build / ("unit/vsocd_faults" if program == "vsocd_faults" else program)
    return subprocess.run([path, *map(str, words)], capture_output=True, text=True, timeout=60, check=check, **options)


def new_key(build, path, kind="evidence", name=ORIGIN):
    return vsocd(build, "key", "new", kind, "--name", name, "--out", path).stdout.strip()


class Signer:
    """A running `vsocd signer`, and what a server asks it."""

    def __init__(self, build, folder, *words, key=None, fault=None):
        self.build, self.folder = build, folder
        self.words, self.key = words, key or folder / "head.key"
        self.socket, self.state = folder / "signer.sock", folder / "state"
        self.log = folder / "signer.log"
        self.process = None
        if key is None and not self.key.exists():
            new_key(build, self.key)

    def start(self, *words, fault=None, wait=True):
        program = self.build / ("unit/vsocd_faults" if fault else "vsocd")
        options = ["--key", self.key, "--state", self.state, "--socket", self.socket, *self.words, *words]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([program, "signer", *map(str, options)], stderr=log, env={**os.environ, "VSOCD_FAULT": fault or ""})
        if wait:
            wait_until(lambda: self.process.poll() is not None or self.answers(), what="the signer")
        return self

    def answers(self):
        try:
            return self.ask(b"key\n")[0] == "key"
        except OSError:
            return False

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.socket))
            link.sendall(struct.pack(">I", len(request)) + request)
            answer = b""
            while part := link.recv(65536):
                answer += part
        if not answer:
            raise ConnectionError
        assert struct.unpack(">I", answer[:4])[0] == len(answer) - 4
        word, _, value = answer[4:].decode().rstrip("\n").partition(" ")
        return word, value

    def sign(self, leaves, old, size, origin=ORIGIN):
        return self.ask(body(leaves, old, size, origin))

    def public(self):
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(self.ask(b"key\n")[1].split("+", 2)[2])[1:])

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)
