"""verify_bundle.py BUNDLE POLICY: checks an evidence bundle of vsocd (evidence-bundle.md). Needs python3-cryptography."""
import base64, datetime, hashlib, hmac, io, re, struct, sys, tarfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
RULE = r"(log|witness [^\s#]+) [^\s+#]+\+[0-9a-fA-F]{8}\+[^\s#]+( [^\s#]+)?|group [^\s#]+ (any|all|[1-9][0-9]*)( [^\s#]+)+|quorum [^\s#]+"  # c2sp.org/tlog-policy
NOTE = "([^\0-\x1f]+)\n([1-9][0-9]{0,18})\n([^\0-\x1f]{44})\n(?:[^\0-\x1f]+\n)*\n((?:— [^\\s+]+ \\S+\n){1,100})"  # c2sp.org/tlog-checkpoint
MEMBER = rb'"(?!kind"|digest")[a-z_]+":(?:"(?:[^"\\\0-\x1f]|\\["\\/bfnrtu])*"|[0-9]+)'  # of an audit record
def need(fact, otherwise): return fact or sys.exit(f"not proven: {otherwise}")
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def b64(text, *sizes): return need(base64.b64encode(raw := base64.b64decode(text)) == text.encode() and len(raw) in (sizes or range(5, 4000)) and raw, f"base64: {text}")
def key(vkey, algorithm):  # (name, algorithm, public key, identifier); algorithm 1: of a log, 4: of a witness
    (name, number, text), raw = vkey.split("+", 2), b64(vkey.split("+", 2)[2], 33)
    return name, need(raw[0] == algorithm and sha(name.encode(), b"\n", raw)[:4].hex() == number.lower() and algorithm, f"{vkey} is the key"), raw[1:], bytes.fromhex(number)
def quorum(rules, found):  # whether those that have signed are enough: "" stands for the quorum
    reached = {}
    for word, name, *rest in (rule for rule in rules if rule[0] != "log"):
        many = word == "group" and range(len(rest))[{"any": 1, "all": len(rest) - 1}.get(rest[0]) or int(rest[0])]
        reached[name if rest else ""] = sum(reached[one] for one in rest[1:]) >= many if many else key(rest[0], 4) in found if rest else name == "none" or reached[name]
    return reached[""]
def opened(name, note, keys):  # a head: size, root, who has signed, origin, all of it; a wrong signature of a known key ends it
    (origin, size, top, lines), text = need(re.fullmatch(NOTE, note.decode()), f"{name} is a signed head").groups(), note[:note.rindex(b"\n\n") + 1]
    signed = [(k, raw) for _, name, text in (line.split(" ") for line in lines.split("\n")[:-1]) for raw in [b64(text)] for k in keys if (k[0], k[3]) == (name, raw[:4])]
    for k, raw in signed: Ed25519PublicKey.from_public_bytes(k[2]).verify(raw[4 if k[1] == 1 else 12:], (b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12], "big")) * (k[1] == 4) + text)
    need((origin, 1) in [k[:2] for k, _ in signed] and name == f"heads/{size}.checkpoint" and int(size) < 1 << 63, f"{name} is signed by a log of the policy")
    return int(size), b64(top, 32), [k for k, _ in signed], origin, note
def walk(at, size, base, older, path):  # RFC 6962: roots of the trees that end with leaf `at` and of all (2.1.2, older), or with leaf `base` there (2.1.1)
    if at + 1 == size if older else size == 1: return (*path, *base) * 2
    half, other = 1 << (size - 1).bit_length() - 1, path.pop()
    a, b = walk(at, half, base, older, path) if at < half else walk(at - half, size - half, () if older else base, older, path)
    return (a, sha(b"\1", b, other)) if at < half else (sha(b"\1", other, a), sha(b"\1", other, b))
def verify(archive, policy):
    files = {member.name: tar.extractfile(member).read() for tar in [tarfile.open(fileobj=io.BytesIO(archive))] for member in tar}
    sums = {name: f"{sha(data).hex()}  {name}\n".encode() for name, data in files.items() if name != "SHA256SUMS"}
    made = (setattr(info := tarfile.TarInfo(name), "size", len(data)) or info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512) for name, data in files.items())
    need(b"".join(made) + bytes(1024) == archive and b"".join(sums.values()) == files["SHA256SUMS"], "the archive is whole")
    rules = [words for line in policy.decode().split("\n") if (words := re.findall("[^ \t]+", line)) and words[0][0] != "#"]
    logs, witnesses = ([key(rule[at], algorithm) for rule in rules if rule[0] == word] for word, at, algorithm in (("log", 1, 1), ("witness", 2, 4)))
    once = [*(k[1:3] for k in logs + witnesses), "none", *({"quorum": ""}.get(r[0], r[1]) for r in rules if r[0] != "log"), *(("member", one) for r in rules if r[0] == "group" for one in r[3:])]
    need(all(re.fullmatch(RULE, " ".join(rule)) for rule in rules) and len({*once}) == len(once) and not re.search(b"[\0-\x08\x0b-\x1f\x7f]", policy), "the policy says each thing once")
    size, top, found, origin, head = max(heads := [opened(name, data, logs + witnesses) for name, data in files.items() if name.endswith(".checkpoint")])
    need(quorum(rules, found), f"enough witnesses have signed head {size}")
    for old, before, _, of, _ in heads:
        need(of == origin and walk(old - 1, size, [before], True, [b64(line, 32) for line in re.fullmatch("((?:.{44}\n)*)\n", files.get(f"heads/{old}.consistency", b"\n").decode())[1].split()]) == (before, top), f"head {size} continues head {old}")
    known = {*(f"time/{h[0]}-{n}.tsr" for h in heads for n in range(16)), *"README.txt policy.txt versions.json manifest.json SHA256SUMS".split(), *(f"heads/{h[0]}.checkpoint" for h in heads), *(f"heads/{h[0]}.consistency" for h in heads if h[0] < size)}
    for folder in dict.fromkeys(name.rsplit("/", 1)[0] + "/" for name in files if name[:8] in ("records/", "custody/")):
        leaf, (proof, note), table, erased = files[folder + "leaf.bin"], files[folder + "proof.tlog-proof"].split(b"\n\n", 1), files.get(folder + "parts"), folder + "erased" in files
        (magic, kind, position, index, received, *commitments, more), (first, second, *path) = struct.unpack(">14sH16xQQ16xq20x32s32s32sH", leaf[:190]), proof.decode().split("\n")
        need(magic == b"vsocd/leaf/v1\n" and len(leaf[190:].decode().encode()) == more and (folder, kind) in [(f"records/{position}/", kind & ~255), ("custody/", 2 << 8)], f"{folder} has its leaf")
        need((first, second, note) == ("c2sp.org/tlog-proof@v1", f"index {index}", head) and index < size and walk(index, size, [sha(b"\0", leaf)], False, [b64(line, 32) for line in path])[1] == top, f"{folder} is in the log")
        parts, rows = [(part, "seed", part, c) for part, c in zip(("body", "meta", "events"), commitments)], int.from_bytes((table or b"")[:4], "little")
        need(table is None or sha(table) == commitments[2] and 8 + 48 * rows <= len(table), f"{folder}parts is what was recorded")  # of several vehicles: a row commits to each part
        if table is not None: parts = [("body", "part-1.seed", "body", commitments[0]), parts[1], *((f"part-{n}", f"part-{n}.seed", "events", table[8 + 48 * n:40 + 48 * n]) for n in range(rows))]
        there = [part for part in parts if not erased and (table is None or part[0] == "meta" or folder + part[1] in files)]
        for part, seed, label, commitment in there:
            need(len(files[folder + seed]) == 32 and hmac.digest(hmac.digest(files[folder + seed], b"vsocd commitment " + label.encode(), "sha256"), files[folder + part], "sha256") == commitment, f"{folder}{part} is what was recorded")
        known |= {folder + one for one in ("leaf.bin", "proof.tlog-proof", *(name for part in there for name in part[:2]), *(() if folder == "custody/" else ("erased",) if erased else ("record.json", "events.ndjson", "parts")))}
        yield f"{folder} received {datetime.datetime.fromtimestamp(received / 1e9, datetime.timezone.utc)}{f', {len(parts) - len(there)} of {len(parts)} parts said to be erased' if parts != there else ''}"
    digest = sha(*(line for name, line in sums.items() if not re.match(r"(custody|heads|time)/|.*\.tlog-proof$", name))).hex().encode()
    need(re.fullmatch(rb'\{(%b,)*"kind":"evidence_exported",(%b,)*"digest":"%b"(,%b)*\}' % (MEMBER, MEMBER, digest, MEMBER), files["custody/body"]) and files.keys() <= known, "the export of these files, no others, is in the log")
    yield f"all of it is in the log {origin}, head {size}, witnesses: {', '.join(k[0] for k in found if k[1] == 4) or 'none'}"
if __name__ == "__main__": print(*verify(*(open(path, "rb").read() for path in sys.argv[1:3])), sep="\n")
