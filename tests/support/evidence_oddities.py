"""Bundles and policies that a lenient reader would take: names outside the format, records that are no export, other spellings of notes and policies.

Each is one that some verifier could read otherwise than another; all must refuse them. The rest of the forgeries: evidence_forgeries.py.
"""

import dataclasses
import json
import struct

import evidence_bundles as made
from evidence_bundles import Key, note, pack, summed
from evidence_forgeries import exported, of_vehicles, opened, rehead

FALSE = b"A false body.\n"


# --- names -------------------------------------------------------------------------------------------------------------


def added(names):
    """By anybody: no digest in the log covers the name."""

    def forge(rng, case):
        name = rng.choice(names(case))
        return pack(summed({**case.files, name: FALSE})) if name not in case.files else None

    return forge


def exported_beside(names):
    """By the operator: the digest in the log covers it."""

    def forge(rng, case):
        possible = names(case)
        return exported(case, {**case.files, rng.choice(possible): FALSE}) if possible else None

    return forge


def folder_of(case):
    return f"records/{case.records[0].position}"


def dotted_names(case):
    folder = folder_of(case)
    return [f"./{folder}/body", f"{folder}/./body", f"{folder}/../body", f"{folder}//body", f"/{folder}/body", "../x", "..", "a/..", f"{folder}/"]


def names_afterwards(case):
    folder, size = folder_of(case), len(case.hashes)
    return [
        "custody/record.json", "custody/events.ndjson", "custody/NOTE.txt", "custody/erased", "custody/parts", "custody/part-0", "heads/README.txt", "x.tlog-proof",
        f"{folder}/opinion.tlog-proof", f"time/../{folder}/body", f"./custody/{folder}.tlog-proof", f"time/{size + 1}-0.tsr", f"time/0{size}-0.tsr", f"time/{size}-16.tsr",
        f"time/{size}-00.tsr", f"time/{size}.tsr", f"heads/{size}.consistency", f"heads/{size + 1}.consistency", "heads/0.consistency", "time/", "heads/",
    ]


def names_in_vain(case):
    folder = folder_of(case)
    names = ["NOTE.txt", "readme.txt", "README.TXT", f"{folder}/NOTE.txt", f"{folder}/BODY", f"0{folder}/body", f"records/0{case.records[0].position}/leaf.bin", f"{folder}/x/body"]
    return names + [f"{folder}/part-{n}" for n in (99, "099", "")] + [f"{folder}/part-99.seed"]


def beside_erasure(case):
    return [f"records/{r.position}/{name}" for r in case.records if r.erased for name in ("seed", "record.json", "events.ndjson", "parts", "part-0", "part-1.seed")]


# --- the record of the export ------------------------------------------------------------------------------------------


def custody(*bodies):
    """An audit record in the log that has the digest, and is not the record of this export. bodies: texts, D stands for the digest."""

    def forge(rng, case):
        files = {n: d for n, d in case.files.items() if not n.startswith(("heads/", "time/", "custody/")) and not n.endswith(("-proof", "SUMS"))}
        return exported(case, files, body=rng.choice(bodies).replace("D", made.contents_digest(files)).encode())

    return forge


SAID = '"kind":"evidence_exported"'
ANOTHER_KIND = ['{"kind":"hold_added","digest":"D"}', '{"kind":"hold_added","reason":"D"}', '{"kind":"hold_added","reason":"\\"kind\\":\\"evidence_exported\\"","digest":"D"}']
ANOTHER_DIGEST = [f'{{{SAID},"reason":"D"}}', f'{{{SAID},"digest":"D0"}}', f'{{{SAID},"digest":"0D"}}', f'{{{SAID},"digest":"0"}}D', f'{{{SAID},"digests":"D"}}']
ANOTHER_SPELLING = [
    f'{{{SAID}, "digest":"D"}}', f'{{{SAID},"digest": "D"}}', f'{{{SAID},"digest":"D"}}\n', f' {{{SAID},"digest":"D"}}', f'{{{SAID},"digest":"D",}}', f'[{{{SAID},"digest":"D"}}]',
    f'{{{SAID},"x":{{"digest":"D"}}}}', f'{{{SAID},"x":[1],"digest":"D"}}', f'{{{SAID},"x":null,"digest":"D"}}', f'{{{SAID},"x":-1,"digest":"D"}}', f'{{{SAID},"x":"\\q","digest":"D"}}',
    f'{{"kind":"hold_added",{SAID},"digest":"D"}}', f'{{{SAID},"kind":"hold_added","digest":"D"}}', f'{{{SAID},"digest":"D","digest":"0"}}', f'{{"digest":"D",{SAID}}}',
    f'{{"Kind":"x",{SAID},"digest":"D"}}', f'{{{SAID},"x":"\t","digest":"D"}}', '{"digest":"D"}', f"{{{SAID}}}", "{}", "D", "",
]  # fmt: skip


# --- heads -------------------------------------------------------------------------------------------------------------


def with_head(size, root, consistency=b"\n"):
    def forge(rng, case):
        text = f"{case.log.name}\n{size(case)}\n{root}\n"
        return pack(summed({**case.files, f"heads/{size(case)}.checkpoint": note(text, case.log.line(text)), f"heads/{size(case)}.consistency": consistency}))

    return forge


def signed_fork(rng, case):
    """Another tree of a size that is there already, in another spelling."""
    if not case.old:
        return None
    text = f"{case.log.name}\n0{case.old[0]}\n{made.b64(rng.randbytes(32))}\n"
    files = {}
    for name, data in case.files.items():
        if name == f"heads/{case.old[0]}.checkpoint":
            files[f"heads/0{case.old[0]}.checkpoint"] = note(text, case.log.line(text))
        files[name] = data
    return pack(summed(files))


def spelled(change):
    """The lines of signatures of the newest head, in another way."""

    def forge(rng, case):
        text = made.checkpoint_text(case.log.name, case.hashes)
        lines = change([case.log.line(text), *(w.line(text, 5 + i) for i, w in enumerate(case.witnesses))])
        return rehead(case, (text + "\n" + "".join(lines)).encode())

    return forge


def other_base64(line):
    """The same bytes: the last digit has bits that stand for nothing."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(line.rstrip("=\n")) - 1
    spare = 1 if line[at + 1 : at + 2] == "=" else 0
    return line[:at] + digits[digits.index(line[at]) + spare] + line[at + 1 :]


def second_is_wrong(lines):
    raw = made.base64.b64decode(lines[0].split()[-1])
    return [*lines, lines[0].rsplit(" ", 1)[0] + f" {made.b64(raw[:-1] + bytes([raw[-1] ^ 1]))}\n"]


SPELLINGS = {
    "CRLF": lambda lines: [line.replace("\n", "\r\n") for line in lines],
    "words behind": lambda lines: [line[:-1] + " REVOKED\n" for line in lines],
    "no dash": lambda lines: ["x" + line[1:] for line in lines],
    "no line end": lambda lines: ["".join(lines)[:-1]],
    "two spaces": lambda lines: [line.replace(" ", "  ", 1) for line in lines],
    "many lines": lambda lines: [*lines, *(f"— u{i} {made.b64(bytes(68))}\n" for i in range(120))],
    "empty line": lambda lines: [*lines, "\n"],
    "other base64": lambda lines: [other_base64(lines[0]) if "=" in lines[0] else lines[0][:-2] + "\n", *lines[1:]],
    "second wrong": second_is_wrong,
}


def extended(*lines):
    """Text of the head behind its root: an empty line ends it too early, a note has no control character."""

    def forge(rng, case):
        text = made.checkpoint_text(case.log.name, case.hashes) + rng.choice(lines)
        return rehead(case, note(text, case.log.line(text), *(w.line(text, 5 + i) for i, w in enumerate(case.witnesses))))

    return forge


def other_hash(rng, case):
    """The same hash of a proof in another spelling."""
    for name in case.files:
        top, empty, end = case.files[name].partition(b"\n\n")
        lines = top.decode(errors="replace").split("\n")
        if name.endswith((".consistency", "-proof")) and len(lines[-1]) == 44:
            return pack(summed({**case.files, name: "\n".join([*lines[:-1], other_base64(lines[-1])]).encode() + empty + end}))
    return None


# --- records -----------------------------------------------------------------------------------------------------------


def relabelled(case, record, leaf, files):
    """The operator's tree has this leaf for the record."""
    hashes = list(case.hashes)
    hashes[record.index] = made.sha(b"\0", leaf)
    return exported(dataclasses.replace(case, hashes=hashes), {**case.files, f"records/{record.position}/leaf.bin": leaf, **files})


def counted(count):
    """A table of parts that says it has more than it holds."""

    def forge(rng, case):
        records = [r for r in opened(case) if r.parts]
        if not records:
            return None
        record, leaf = records[0], records[0].leaf()
        table = struct.pack("<I", count) + record.table()[4:]
        return relabelled(case, record, leaf[:156] + made.sha(table) + leaf[188:], {f"records/{record.position}/parts": table})

    return forge


def longer_seed(rng, case):
    """HMAC takes zeros behind a short key for the same key."""
    names = [f"records/{r.position}/seed" for r in opened(case)] + [place + ".seed" for place in of_vehicles(case, False)]
    name = rng.choice(names) if names else None
    return exported(case, {**case.files, name: case.files[name] + bytes(32)}) if name else None


def longer_leaf(rng, case):
    record = rng.choice(case.records)
    leaf = record.leaf()
    return relabelled(case, record, rng.choice([leaf + b"x", leaf[:15] + b"\1" + leaf[16:], leaf[:188] + b"\0\1\xff"]), {})


ODDITIES = {
    "dotted name": exported_beside(dotted_names),
    "dotted name added": added(dotted_names),
    "name outside the digest": added(names_afterwards),
    "name of no file": exported_beside(names_in_vain),
    "beside erasure": exported_beside(beside_erasure),
    "custody of another kind": custody(*ANOTHER_KIND),
    "custody of another digest": custody(*ANOTHER_DIGEST),
    "custody in another spelling": custody(*ANOTHER_SPELLING),
    "head of nothing": with_head(lambda case: 0, made.b64(bytes(32))),
    "empty head": with_head(lambda case: 0, made.b64(made.sha())),
    "junk for the newest": lambda rng, case: pack(summed({**case.files, f"heads/{len(case.hashes)}.consistency": b"junk"})),
    "signed fork": signed_fork,
    **{f"note: {name}": spelled(change) for name, change in SPELLINGS.items()},
    "note: text": extended("\n", "a\n\nb\n", "\tx\n", "x\r\n"),
    "other hash": other_hash,
    "a part more": counted(1000),
    "a million parts": counted((1 << 32) - 1),
    "longer seed": longer_seed,
    "longer leaf": longer_leaf,
}


def forgeries(rng, case):
    """(name, archive) of each that this bundle has a place for."""
    for name, forge in ODDITIES.items():
        archive = forge(rng, case)
        if archive is not None and archive != case.archive():
            yield name, archive


# --- policies ----------------------------------------------------------------------------------------------------------


def odd_policies(rng, case):
    """{what: text} for a case with two witnesses: each would be satisfied by a head that both have cosigned, if it were read with less care."""
    log, (a, b) = case.log, case.witnesses[:2]
    base = f"log {log.vkey}\nwitness a {a.vkey}\nwitness b {b.vkey}\n"
    good = base + "group g 2 a b\nquorum g\n"
    evil = Key(log.name, 1, rng.randbytes(32))
    return {
        "a member twice": base + "group g 2 a a\nquorum g\n",
        "a member of two groups": base + "group g 1 a\ngroup h 1 a\nquorum g\n",
        "a key under two names": base + f"witness c {a.vkey}\ngroup g 2 a c\nquorum g\n",
        "a log twice": good + f"log {log.vkey}\n",
        "a name twice": good + f"witness a {Key('w', 4, rng.randbytes(32)).vkey}\n",
        "a group of a witness's name": base + "group a 1 b\nquorum a\n",
        "a group none": base + "group none 1 b\nquorum none\n",
        "a member none": base + "group g 1 none\nquorum g\n",
        "of nobody": base + "group g 0 a b\nquorum g\n",
        "of more than all": base + "group g 3 a b\nquorum none\n",
        "01": base + "group g 01 a b\nquorum g\n",
        "+1": base + "group g +1 a b\nquorum g\n",
        "two quorums": base + "group g 2 a b\nquorum none\nquorum g\n",
        "no quorum": base + "group g 2 a b\n",
        "unknown word": base + "foo\nquorum a\n",
        "unknown word with a name": base + "trust me\nquorum a\n",
        "another case": base + "Quorum a\n",
        "wrong identifier": good.replace(log.id.hex(), "00000000"),
        "wrong identifier of a witness": good.replace(a.id.hex(), "00000000"),
        "key of a witness as log": good.replace(f"log {log.vkey}", f"log {a.vkey}"),
        "key of a log as witness": good.replace(a.vkey, evil.vkey),
        "CRLF": good.replace("\n", "\r\n"),
        "CR": good.replace("\n", "\r"),
        "quorum before its group": base + "quorum g\ngroup g any a b\n",
        "group before its member": base + "group o all g\ngroup g any a b\nquorum o\n",
        "witness behind its group": f"log {log.vkey}\nwitness a {a.vkey}\ngroup g any a b\nwitness b {b.vkey}\nquorum g\n",
        "comment in a line": base + "group g 2 a b # both\nquorum g\n",
        "space of Unicode": base + "group g\u00a02 a b\nquorum g\n",
        "form feed": base + "\x0cquorum a\n",
        "not UTF-8": good.encode() + b"# \xff\n",
        "byte order mark": "\ufeff" + good,
        "a word more": good.replace("quorum g", "quorum g a"),
        "a group of none": base + "group g all\nquorum none\n",
        "a log in a comment": f"# ours\u2028log {log.vkey}\n" + good.replace(log.vkey, evil.vkey),
        "a log behind VT": f"# ours\x0blog {log.vkey}\n" + good.replace(log.vkey, evil.vkey),
        "nothing": "",
    }


def good_policies(rng, case):
    """The same in other words that mean the same."""
    log, (a, b) = case.log, case.witnesses[:2]
    base = f"log {log.vkey}\nwitness a {a.vkey}\nwitness b {b.vkey}\n"
    other = Key("log.example/other", 1, rng.randbytes(32))
    return {
        "plain": base + "group g 2 a b\nquorum g\n",
        "no line end": base + "group g 2 a b\nquorum g",
        "tabs": base.replace(" ", "\t") + "\t group\tg  all\ta b \t\n\nquorum g\t\n",
        "a comment of another line": f"# ours\u2028log {other.vkey}\n" + base + " # more\n#\nquorum b\n",
        "addresses": base.replace(f"{log.vkey}\n", f"{log.vkey} https://log.example/\n").replace(f"{a.vkey}\n", f"{a.vkey} https://a.example/w\n") + "quorum a\n",
        "two logs": f"log {other.vkey}\n" + base + "quorum a\n",
        "big digits": base.replace(log.id.hex(), log.id.hex().upper()) + "quorum a\n",
        "not needed": base + "group g any a\ngroup h 1 g b\nquorum none\n",
    }
