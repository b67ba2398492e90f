"""Makes evidence bundles (docs/evidence-bundle.md) of random logs, and forgeries of them, without any code of the server.

A bundle is a dict of file names and bytes until pack() makes an archive of it. Everything follows from the seed of the random generator.
"""

import base64
import functools
import hashlib
import hmac
import json
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BATCH, AUDIT = 1, 2
PARTS = ("body", "meta", "events")


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


# --- archive ---------------------------------------------------------------------------------------------------------


def header(name, size):
    blank = struct.pack(
        "100s8s8s8s12s12s8sc100s8s247x", name.encode(), b"0000644", b"0000000", b"0000000", b"%011o" % size, b"0" * 11, b" " * 8, b"0", b"",
        b"ustar\x0000",
    )
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def pack(files):
    return b"".join(header(name, len(data)) + data + bytes(-len(data) % 512) for name, data in files.items()) + bytes(1024)


def sums(files):
    return "".join(f"{sha(data).hex()}  {name}\n" for name, data in files.items() if name != "SHA256SUMS")


def summed(files):
    """The files with SHA256SUMS made right, as a forger would."""
    files = {name: data for name, data in files.items() if name != "SHA256SUMS"}
    return {**files, "SHA256SUMS": sums(files).encode()}


def contents_digest(files):
    """What the record of the export names: all that was there before it."""
    given = {n: d for n, d in files.items() if not n.startswith(("custody/", "heads/", "time/")) and not n.endswith(".tlog-proof")}
    return sha(sums(given).encode()).hex()


def export_body(files):
    """The audit record of the export of these files."""
    said = {"kind": "evidence_exported", "severity_id": 3, "target": "a \"b\".tar", "digest": contents_digest(files), "reason": "test"}
    return json.dumps(said, separators=(",", ":")).encode()


# --- tree (RFC 6962 2.1) -----------------------------------------------------------------------------------------------


def split(n):
    return 1 << (n - 1).bit_length() - 1


@functools.lru_cache(maxsize=1 << 14)
def root_of(hashes):
    k = split(len(hashes))
    return sha(b"\1", tree_root(hashes[:k]), tree_root(hashes[k:]))


def tree_root(hashes):
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha()
    return root_of(tuple(hashes))


def inclusion(index, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*inclusion(index, hashes[:k]), tree_root(hashes[k:])]
    return [*inclusion(index - k, hashes[k:]), tree_root(hashes[:k])]


def consistency(old, hashes, known=True):
    if old == len(hashes):
        return [] if known else [tree_root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return [*consistency(old, hashes[:k], known), tree_root(hashes[k:])]
    return [*consistency(old - k, hashes[k:], False), tree_root(hashes[:k])]


# --- keys and notes ----------------------------------------------------------------------------------------------------


class Key:
    """A signing key of a log (algorithm 1) or of a witness (4)."""

    def __init__(self, name, algorithm, seed):
        self.name, self.algorithm, self.private = name, algorithm, Ed25519PrivateKey.from_private_bytes(seed)
        self.raw = bytes([algorithm]) + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = sha(name.encode(), b"\n", self.raw)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(self.raw)}"

    def line(self, text, time=0):
        stamp = struct.pack(">Q", time) if self.algorithm == 4 else b""
        prefix = f"cosignature/v1\ntime {time}\n" if stamp else ""
        return f"— {self.name} {b64(self.id + stamp + self.private.sign((prefix + text).encode()))}\n"


def note(text, *lines):
    return (text + "\n" + "".join(lines)).encode()


def checkpoint_text(origin, hashes):
    return f"{origin}\n{len(hashes)}\n{b64(tree_root(hashes))}\n"


# --- records -----------------------------------------------------------------------------------------------------------


def commitment(seed, part, data):
    return hmac.digest(hmac.digest(seed, b"vsocd commitment " + part.encode(), "sha256"), data, "sha256")


@dataclass
class Record:
    kind: int
    position: int
    index: int
    body: bytes
    meta: bytes
    events: bytes
    seed: bytes
    tenant: str = ""
    counts: tuple = (0, 0, 0)
    received: int = 1_800_000_000_000_000_000
    spool: bytes = bytes(range(16))
    batch: bytes = bytes(16)
    erased: bool = False
    parts: tuple = ()  # of a batch of several vehicles: (what it holds, its seed, whether it is erased)

    def table(self):
        rows = (commitment(seed, "events", data) + struct.pack("<4I", len(data), 0, 1, 0) for data, seed, _ in self.parts)
        runs = (struct.pack("<II", n, len(data)) for n, (data, *_) in enumerate(self.parts))
        return struct.pack("<II", len(self.parts), len(self.parts)) + b"".join(rows) + b"".join(runs)

    def commitments(self):
        if not self.parts:
            return [commitment(self.seed, part, getattr(self, part)) for part in PARTS]
        return [commitment(self.parts[1][1], "body", self.body), commitment(self.seed, "meta", self.meta), sha(self.table())]

    def leaf(self):
        tenant = self.tenant.encode()
        fixed = struct.pack(
            ">14sBB16sQQ16sqIIIQ", b"vsocd/leaf/v1\n", self.kind, 0, self.spool, self.position, self.index, self.batch, self.received,
            *self.counts, len(self.body),
        )
        return fixed + b"".join(self.commitments()) + struct.pack(">H", len(tenant)) + tenant

    def leaf_hash(self):
        return sha(b"\0", self.leaf())

    def files(self, folder):
        opened = {"leaf.bin": self.leaf()}
        if self.erased:
            opened["erased"] = b"Body, metadata, events and seed of this record were erased.\n"
        elif self.parts:
            opened |= {} if self.parts[1][2] else {"body": self.body}
            opened |= {"meta": self.meta, "parts": self.table(), "seed": self.seed}
            for n, (data, seed, gone) in enumerate(self.parts):
                opened |= {} if gone else {f"part-{n}": data, f"part-{n}.seed": seed}
        else:
            opened |= {"body": self.body, "meta": self.meta, "events": self.events, "seed": self.seed}
        return {f"{folder}/{name}": data for name, data in opened.items()}


def random_parts(rng):
    """The first stays; the second is erased with any other."""
    gone = [False, False, *(rng.random() < 0.2 for _ in range(rng.randrange(1, 5)))]
    gone[1] = any(gone)
    return tuple((rng.randbytes(rng.randrange(0, 300)), rng.randbytes(32), one) for one in gone)


def random_record(rng, position, index):
    tenant = rng.choice(["", "oem", "fleet-ä"])
    return Record(
        BATCH, position, index, rng.randbytes(rng.choice([0, 1, 200, 511, 512, 513, 3000])), rng.randbytes(rng.randrange(1, 90)),
        rng.randbytes(rng.randrange(0, 700)), rng.randbytes(32), tenant, tuple(rng.randrange(0, 50) for _ in range(3)),
        1_790_000_000_000_000_000 + rng.randrange(10**16), batch=rng.randbytes(16), erased=rng.random() < 0.2,
        parts=random_parts(rng) if rng.random() < 0.3 else (),
    )


# --- bundles -----------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    files: dict
    policy: str
    log: Key
    witnesses: list
    needed: int  # witnesses that the policy wants at least
    hashes: list  # of all leaves
    records: list
    custody: Record
    old: list = field(default_factory=list)  # sizes of older heads in it

    def archive(self):
        return pack(self.files)


def policy_text(rng, log, witnesses):
    lines, needed = [f"log {log.vkey}"], 0
    lines += [f"witness w{i} {w.vkey}" for i, w in enumerate(witnesses)]
    names = [f"w{i}" for i in range(len(witnesses))]
    if not names or rng.random() < 0.1:
        return "\n".join(["# no witnesses wanted", *lines, "quorum none", ""]), 0
    if len(names) == 1:
        return "\n".join([*lines, "", "quorum w0", ""]), 1
    needed = rng.randrange(1, len(names) + 1)
    many = "all" if needed == len(names) else "any" if needed == 1 and rng.random() < 0.5 else str(needed)
    lines.append(f"group\t some {many} {' '.join(names)}")
    if rng.random() < 0.3:
        lines += ["group outer all some", "quorum outer"]
    else:
        lines.append("quorum some")
    return "\n".join([*lines, ""]), needed


def signed_head(case, hashes, witnesses, time=1_800_000_100):
    text = checkpoint_text(case.log.name, hashes)
    return note(text, case.log.line(text), *(w.line(text, time + i) for i, w in enumerate(witnesses)))


def proof(index, hashes, head):
    return "".join(["c2sp.org/tlog-proof@v1\n", f"index {index}\n", *(b64(h) + "\n" for h in inclusion(index, hashes)), "\n"]).encode() + head


def finished(case, hashes=None, witnesses=None):
    """Heads, proofs, custody and sums over case.files, which hold what comes before them."""
    hashes = case.hashes if hashes is None else hashes
    head = signed_head(case, hashes, case.witnesses if witnesses is None else witnesses)
    files = dict(case.files)
    for size in case.old:
        files[f"heads/{size}.checkpoint"] = signed_head(case, hashes[:size], case.witnesses[:1])
        files[f"heads/{size}.consistency"] = "".join([*(b64(h) + "\n" for h in consistency(size, hashes)), "\n"]).encode()
    files[f"heads/{len(hashes)}.checkpoint"] = head
    for size in case.old:
        files[f"time/{size}-0.tsr"] = b"token over head %d" % size
    for record in case.records:
        files[f"records/{record.position}/proof.tlog-proof"] = proof(record.index, hashes, head)
    files |= case.custody.files("custody")
    files["custody/proof.tlog-proof"] = proof(case.custody.index, hashes, head)
    return summed(files)


def random_case(rng, leaves=None, first=None):
    leaves = leaves or rng.choice([2, 3, 4, 5, 7, 8, 9, 64, 65, rng.randrange(2, 300)])
    log = Key(f"vsocd-{rng.randrange(9)}/{rng.randbytes(16).hex()}", 1, rng.randbytes(32))
    witnesses = [Key(f"witness-{i}.example", 4, rng.randbytes(32)) for i in range(rng.randrange(0, 5))]
    policy, needed = policy_text(rng, log, witnesses)
    custody_at, first = rng.randrange(1, leaves), first or rng.randrange(1, 1000)
    hashes = [rng.randbytes(32) for _ in range(leaves)]
    records = [random_record(rng, first + 2 * i, i) for i in sorted(rng.sample(range(custody_at), min(custody_at, rng.randrange(1, 5))))]
    for record in records:
        hashes[record.index] = record.leaf_hash()
    files = {"README.txt": b"What this proves.\n", "policy.txt": policy.encode(), "versions.json": b'{"program":"test"}\n'}
    for record in records:
        files |= record.files(f"records/{record.position}")
        if not record.erased and rng.random() < 0.5:
            files[f"records/{record.position}/record.json"] = b'{"for":"people"}\n'
            files[f"records/{record.position}/events.ndjson"] = rng.randbytes(20).hex().encode()
    files["manifest.json"] = json.dumps({"records": [r.position for r in records]}).encode()
    said = export_body(files)
    custody = Record(AUDIT, first + 2 * custody_at, custody_at, said, b"\0" * 11, b"", rng.randbytes(32))
    hashes[custody_at] = custody.leaf_hash()
    case = Case(files, policy, log, witnesses, needed, hashes, records, custody)
    case.old = sorted(rng.sample(range(1, leaves), min(leaves - 1, rng.choice([0, 0, 1, 2]))))
    signing = witnesses if needed == len(witnesses) or rng.random() < 0.5 else rng.sample(witnesses, rng.randrange(needed, len(witnesses) + 1))
    case.files = finished(case, witnesses=signing)
    return case
