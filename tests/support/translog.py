"""Transparency logs as c2sp.org describes them, in Python: an independent client of witnesses, and a log to test them with."""

import base64
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LOG, WITNESS = 1, 4  # signature types
SIZE_TYPE = "text/x.tlog.size"  # Content-Type of a witness's 409


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(data):
    return sha256(b"\0", data)


def root_of(leaves):
    """MTH of RFC 6962 §2.1, of leaf hashes."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", root_of(leaves[:k]), root_of(leaves[k:]))


def consistency(old, leaves, whole=True):
    """PROOF and SUBPROOF of RFC 6962 §2.1.2."""
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= k:
        return [*consistency(old, leaves[:k], whole), root_of(leaves[k:])]
    return [*consistency(old - k, leaves[k:], False), root_of(leaves[:k])]


def encoded(data):
    return base64.b64encode(data).decode()


class Key:
    """A key of a log or a witness, with its name."""

    def __init__(self, name, kind=LOG):
        self.name, self.kind, self.secret = name, kind, Ed25519PrivateKey.generate()
        public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = sha256(name.encode(), b"\n", bytes([kind]), public)[:4]
        self.verifier = f"{name}+{self.id.hex()}+{encoded(bytes([kind]) + public)}"

    def note(self, text):
        return f"{text}\n— {self.name} {encoded(self.id + self.secret.sign(text.encode()))}\n"


class Log:
    """A log whose leaf i is the text `HISTORY i`; histories begin alike up to leaf `fork`."""

    def __init__(self, origin, history="a", fork=0, key=None):
        self.origin, self.key = origin, key or Key(origin)
        self.history, self.fork = history, fork

    def leaves(self, size):
        return [leaf_hash(f"{'a' if i < self.fork else self.history} {i}".encode()) for i in range(size)]

    def head(self, size):
        return self.key.note(f"{self.origin}\n{size}\n{encoded(root_of(self.leaves(size)))}\n")

    def request(self, old, size):
        proof = consistency(old, self.leaves(size)) if 0 < old <= size else []
        return "\n".join([f"old {old}", *map(encoded, proof), "", self.head(size)])


def verify(verifier, text, line):
    """Time of a cosignature line over the text of a checkpoint; raises when it is none of this verifier key."""
    name, key_id, key = verifier.split("+", 2)
    kind, public = base64.b64decode(key)[:1], base64.b64decode(key)[1:]
    assert kind == bytes([WITNESS]) and sha256(name.encode(), b"\n", kind, public)[:4].hex() == key_id
    dash, signer, signature = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(signature, validate=True)
    assert (dash, signer, raw[:4].hex()) == ("—", name, key_id)
    time_s = struct.unpack(">Q", raw[4:12])[0]
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], f"cosignature/v1\ntime {time_s}\n{text}".encode())
    except InvalidSignature:
        raise AssertionError("the cosignature is wrong") from None
    return time_s
