"""A second reader of the transparency tree, written from c2sp.org (signed-note, tlog-checkpoint, tlog-tiles), RFC 6962 and docs/evidence.md alone."""

import base64
import hashlib
import struct
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes):
    """Root over leaf hashes, as RFC 6962 §2.1 defines it, from the bottom up."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    level = list(hashes)
    while len(level) > 1:
        level = [node(*level[i:i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


class Verifier:
    """A verifier key: name+id+base64."""

    def __init__(self, text):
        self.name, self.id, key = text.strip().split("+", 2)
        raw = base64.b64decode(key, validate=True)
        assert raw[0] == 1 and len(raw) == 33
        assert self.id == hashlib.sha256(self.name.encode() + b"\n" + raw).hexdigest()[:8]
        self.key = Ed25519PublicKey.from_public_bytes(raw[1:])

    def open(self, note):
        """(size, root) of a checkpoint that this key has signed; else ValueError."""
        text, separator, signatures = note.partition("\n\n")
        lines = (text + "\n").split("\n")
        if not separator or lines[0] != self.name:
            raise ValueError("not a checkpoint of " + self.name)
        for line in signatures.splitlines():
            dash, name, encoded = line.split(" ")
            raw = base64.b64decode(encoded, validate=True)
            if dash == "—" and name == self.name and raw[:4].hex() == self.id:
                try:
                    self.key.verify(raw[4:], (text + "\n").encode())
                except InvalidSignature:
                    raise ValueError("wrong signature") from None
                return int(lines[1]), base64.b64decode(lines[2], validate=True)
        raise ValueError("not signed by " + self.name)


def tile_path(level, index, width=256):
    number = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        number = f"x{index % 1000:03d}/{number}"
    return f"{level}/{number}" + (f".p/{width}" if width < 256 else "")


class Tiles:
    """get(path) → bytes of what is below the prefix of a log."""

    def __init__(self, get):
        self.get = get

    def hashes(self, level, count):
        data = b""
        for index in range(0, count, 256):
            width = min(256, count - index)
            tile = self.get("tile/" + tile_path(level, index // 256, width))
            assert len(tile) == 32 * width
            data += tile
        return [data[i:i + 32] for i in range(0, len(data), 32)]

    def leaves(self, size):
        """Leaf hashes; every stored hash of a higher level is checked."""
        leaves = self.hashes(0, size)
        below, level = leaves, 1
        while len(below) >= 256:
            here = self.hashes(level, len(below) // 256)
            assert here == [root(below[i * 256:i * 256 + 256]) for i in range(len(here))]
            below, level = here, level + 1
        return leaves


def leaf_bytes(record, spool_uid):
    """Canonical bytes of the leaf of a record of spool_reader."""
    tenant = record.texts["tenant"].encode()
    return b"vsocd/leaf/v1\n" + struct.pack(
        ">BB16sQQ16sqIIIQ32s32s32sH", record.kind, 0, uuid.UUID(str(spool_uid)).bytes, record.position, record.leaf_index,
        record.batch_uid.bytes, record.received_ns, record.accepted, record.duplicates, record.quarantined, len(record.body),
        record.body_commitment, record.meta_commitment, record.events_commitment, len(tenant)) + tenant


def leaf_hash(record, spool_uid):
    return hashlib.sha256(b"\0" + leaf_bytes(record, spool_uid)).digest()


def lost_leaf_hash(leaf_index, spool_uid):
    data = struct.pack(">BB16sQQ16sqIIIQ32s32s32sH", 255, 0, uuid.UUID(str(spool_uid)).bytes, 0, leaf_index, bytes(16), 0, 0, 0, 0, 0,
                       bytes(32), bytes(32), bytes(32), 0)
    return hashlib.sha256(b"\0vsocd/leaf/v1\n" + data).digest()
