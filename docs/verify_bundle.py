#!/usr/bin/env python3
"""verify_bundle.py BUNDLE POLICY: checks an evidence bundle of vsocd (evidence-bundle.md). Needs python3-cryptography."""
import base64, datetime, hashlib, hmac, io, re, struct, sys, tarfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
def need(fact, otherwise): fact or sys.exit(f"not proven: {otherwise}")
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def b64(text): return base64.b64decode(text, validate=True)
def entry(name, data):  # of the archive; there is one way to write it
    (info := tarfile.TarInfo(name)).size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)
def key(vkey):  # (name, algorithm, identifier, public key); algorithm 1: of a log, 4: of a witness
    return (name := vkey.split("+")[0]), (raw := b64(vkey.split("+", 2)[2]))[0], sha(name.encode(), b"\n", raw)[:4], raw[1:]
def signers(note, keys):  # those of the keys that have signed; a wrong signature of one of them ends it
    text, signed = (halves := note.rsplit(b"\n\n", 1))[0], [(line.split(" ")[1], b64(line.split(" ")[2])) for line in halves[1].decode().splitlines()]
    for k, raw in (pairs := [(k, raw) for name, raw in signed for k in keys if (k[0], k[2]) == (name, raw[:4])]):
        time = b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12], "big") if k[1] == 4 else b""
        Ed25519PublicKey.from_public_bytes(k[3]).verify(raw[12 if time else 4:], time + text + b"\n")
    return [k for k, raw in pairs]
def root(index, size, leaf, path):  # of the tree of this size with this leaf (RFC 6962 2.1.1)
    if size == 1: return None if path else leaf
    half, other = 1 << (size - 1).bit_length() - 1, path.pop()
    return sha(b"\1", root(index, half, leaf, path), other) if index < half else sha(b"\1", other, root(index - half, size - half, leaf, path))
def roots(old, size, known, path):  # of the trees of both sizes (RFC 6962 2.1.2)
    if old == size: return (*path, *known) * 2
    half, other = 1 << (size - 1).bit_length() - 1, path.pop()
    a, b = roots(old, half, known, path) if old <= half else roots(old - half, size - half, (), path)
    return (a, sha(b"\1", b, other)) if old <= half else (sha(b"\1", other, a), sha(b"\1", other, b))
def verify(archive, policy):
    files = {member.name: tar.extractfile(member).read() for tar in [tarfile.open(fileobj=io.BytesIO(archive))] for member in tar}
    sums = {name: f"{sha(data).hex()}  {name}\n".encode() for name, data in files.items() if name != "SHA256SUMS"}
    need(b"".join(map(entry, files, files.values())) + bytes(1024) == archive and b"".join(sums.values()) == files["SHA256SUMS"], "the archive is whole")
    rules, heads = [line.split() for line in policy.splitlines() if line.strip() and line.strip()[0] != "#"], {}
    logs, witnesses = [key(rule[1]) for rule in rules if rule[0] == "log"], {rule[1]: key(rule[2]) for rule in rules if rule[0] == "witness"}
    for name in (name for name in files if name.endswith(".checkpoint")):
        found, (origin, size, top) = signers(files[name], [*logs, *witnesses.values()]), files[name].decode().split("\n")[:3]
        need(any(k in logs and k[0] == origin for k in found) and name == f"heads/{size}.checkpoint", f"{name} is signed by a log of the policy")
        heads[int(size)] = b64(top), found, files[name]
    (size, (top, found, head)), reached = max(heads.items()), {"none": True, **{name: k in max(heads.items())[1][1] for name, k in witnesses.items()}}
    for _, name, many, *of in (rule for rule in rules if rule[0] == "group"): reached[name] = sum(reached[one] for one in of) >= int({"any": 1, "all": len(of)}.get(many, many))
    need(reached[[rule[1] for rule in rules if rule[0] == "quorum"][0]], f"enough witnesses have signed head {size}")
    for old, (known, *_) in heads.items(): need(roots(old, size, [known], list(map(b64, files.get(f"heads/{old}.consistency", b"").split()))) == (known, top), f"head {size} continues head {old}")
    for folder in dict.fromkeys(name.rsplit("/", 1)[0] + "/" for name in files if name[:8] in ("records/", "custody/")):
        leaf, (proof, note), erased = files[folder + "leaf.bin"], files[folder + "proof.tlog-proof"].split(b"\n\n", 1), folder + "erased" in files
        (magic, kind, position, index, received, *commitments), (first, second, *path) = struct.unpack(">14sBx16xQQ16xq20x32s32s32s", leaf[:188]), proof.split(b"\n")
        need(magic == b"vsocd/leaf/v1\n" and first == b"c2sp.org/tlog-proof@v1" and second == b"index %d" % index and index < size and note == head and
             root(index, size, sha(b"\0", leaf), list(map(b64, path))) == top and (folder, kind) in [(f"records/{position}/", kind), ("custody/", 2)], f"{folder} is in the log")
        parts, of = [(part, "seed", part, c) for part, c in zip(("body", "meta", "events"), commitments)], files.get(folder + "parts")
        if of is not None:  # a batch of several vehicles: the leaf commits to this table, and a row of it to each part
            need(not erased and folder + "events" not in files and sha(of) == commitments[2], f"{folder}parts is what was recorded")
            rows = enumerate(of[at + 8:at + 40] for at in range(0, 48 * int.from_bytes(of[:4], "little"), 48))
            parts = [("body", "part-1.seed", "body", commitments[0]), parts[1], *((f"part-{n}", f"part-{n}.seed", "events", row) for n, row in rows)]
        gone = {part for part, seed, *_ in parts if erased or part != "meta" and of is not None and folder + seed not in files}
        for part, seed, label, commitment in parts:
            salt = hmac.digest(files.get(folder + seed, b""), b"vsocd commitment " + label.encode(), "sha256")
            need(folder + part not in files if part in gone else hmac.digest(salt, files[folder + part], "sha256") == commitment, f"{folder}{part} is what was recorded")
        yield f"{folder} received {datetime.datetime.fromtimestamp(received / 1e9, datetime.timezone.utc)}{f', erased: {len(gone)} of {len(parts)} parts' if gone else ''}"
    listed = (line for name, line in sums.items() if not re.match(r"(custody|heads|time)/|.*\.tlog-proof$", name))
    need(sha(*listed).hex().encode() in files["custody/body"], "the export of these records is in the log")
    yield f"all of it is in the log {origin}, head {size}, witnesses: {', '.join(k[0] for k in found if k[1] == 4) or 'none'}"
if __name__ == "__main__": print(*verify(open(sys.argv[1], "rb").read(), open(sys.argv[2]).read()), sep="\n")
