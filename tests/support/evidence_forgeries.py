"""Forgeries of the bundles of evidence_bundles.py: each is what somebody could do who has the archive, the log's key, or the server. None may pass.

A forger makes SHA256SUMS right where that is possible.
"""

import dataclasses
import json

import evidence_bundles as made
from evidence_bundles import AUDIT, Key, finished, note, pack, summed


def other_bytes(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


def opened(case):
    return [r for r in case.records if not r.erased]


def one_byte(rng, case):
    return other_bytes(rng, case.archive())


def cut(rng, case):
    archive = case.archive()
    return archive[: rng.randrange(len(archive))]


def longer(rng, case):
    return case.archive() + bytes(512 * rng.randrange(1, 4))


def changed_part(part):
    def forge(rng, case):
        names = [f"records/{r.position}/{part}" for r in opened(case) if case.files.get(f"records/{r.position}/{part}")]
        if not names:
            return None
        name = rng.choice(names)
        return pack(summed({**case.files, name: other_bytes(rng, case.files[name])}))

    return forge


def of_vehicles(case, gone):
    """Places of parts that are there, or of erased ones."""
    return [f"records/{r.position}/part-{n}" for r in opened(case) for n, part in enumerate(r.parts) if part[2] == gone]


def changed_vehicle(rng, case):
    """A byte of a part of a batch of several vehicles, or of its seed."""
    names = [n for place in of_vehicles(case, False) for n in (place, place + ".seed") if case.files[n]]
    name = rng.choice(names) if names else None
    return pack(summed({**case.files, name: other_bytes(rng, case.files[name])})) if name else None


def changed_table(rng, case):
    names = [f"records/{r.position}/parts" for r in opened(case) if r.parts]
    name = rng.choice(names) if names else None
    return pack(summed({**case.files, name: other_bytes(rng, case.files[name])})) if name else None


def vehicle_left_out(rng, case):
    """What was handed out, without one vehicle."""
    places = of_vehicles(case, False)
    place = rng.choice(places) if places else None
    return pack(summed({n: d for n, d in case.files.items() if n not in (place, place + ".seed")})) if place else None


def invented_vehicle(rng, case):
    """The operator gives an erased part what it never held."""
    places = of_vehicles(case, True)
    place = rng.choice(places) if places else None
    return exported(case, {**case.files, place: b"made up", place + ".seed": rng.randbytes(32)}) if place else None


def events_beside_parts(rng, case):
    """The operator gives a batch of several vehicles other events."""
    records = [r for r in opened(case) if r.parts]
    return exported(case, {**case.files, f"records/{rng.choice(records).position}/events": b"made up"}) if records else None


def body_beside_parts(rng, case):
    """The operator gives a batch a body whose key is gone."""
    records = [r for r in opened(case) if r.parts and r.parts[1][2]]
    return exported(case, {**case.files, f"records/{rng.choice(records).position}/body": b"made up"}) if records else None


def changed_file(*names):
    """A byte of a file, sums made right."""

    def forge(rng, case):
        name = rng.choice(names or [n for n in case.files if not n.startswith(("heads/", "time/", "SHA256SUMS")) and not n.endswith("-proof")])
        data = case.files[name]
        return pack(summed({**case.files, name: other_bytes(rng, data)})) if data else None

    return forge


def changed_hash(rng, case):
    """A bit of a hash of a proof. (Another spelling of the same hash in base64 says the same.)"""
    name = rng.choice([n for n in case.files if n.endswith((".consistency", "-proof"))])
    if case.files[name] == b"\n":
        return None
    top, empty, end = case.files[name].partition(b"\n\n")
    lines = top.split(b"\n")
    places = [i for i, line in enumerate(lines) if len(line) == 44]
    if not places:
        return None
    at = rng.choice(places)
    lines[at] = made.b64(other_bytes(rng, made.base64.b64decode(lines[at]))).encode()
    return pack(summed({**case.files, name: b"\n".join(lines) + empty + end}))


def foreign_leaf(rng, case):
    """A record that was never received, under the place of one that was; its parts fit its commitments."""
    record = rng.choice(case.records)
    foreign = dataclasses.replace(made.random_record(rng, record.position, record.index), erased=record.erased)
    return pack(summed({**case.files, **foreign.files(f"records/{record.position}")}))


def later_record(rng, case):
    """The same with the record of the export made to fit: it is not in the tree either."""
    record = rng.choice(case.records)
    files = {**case.files, **dataclasses.replace(record, tenant="other").files(f"records/{record.position}")}
    body = made.export_body(files)
    return pack(summed({**files, **dataclasses.replace(case.custody, body=body).files("custody")}))


def swapped(rng, case):
    """Two records in each other's folders."""
    if len(case.records) < 2:
        return None
    a, b = (f"records/{r.position}/" for r in rng.sample(case.records, 2))
    names = {n: n.replace(a, b) if n.startswith(a) else n.replace(b, a) if n.startswith(b) else n for n in case.files}
    return pack(summed({names[n]: d for n, d in case.files.items()}))


def left_out(rng, case):
    folder = f"records/{rng.choice(case.records).position}/"
    return pack(summed({n: d for n, d in case.files.items() if not n.startswith(folder)}))


def called_erased(rng, case):
    if not opened(case):
        return None
    record = rng.choice(opened(case))
    folder = f"records/{record.position}/"
    files = {n: d for n, d in case.files.items() if not n.startswith(folder) or n.endswith((".bin", "-proof"))}
    return pack(summed({**files, folder + "erased": b"Erased.\n"}))


def more(rng, case):
    return pack(summed({**case.files, "note.txt": b"What you should know.\n"}))


def forked(rng, case):
    """Another history, signed with the log's stolen key; no witness has seen it. All of it fits."""
    if not case.needed:
        return None
    hashes = [rng.randbytes(32) for _ in case.hashes]
    for record in [*case.records, case.custody]:
        hashes[record.index] = record.leaf_hash()
    files = {n: d for n, d in case.files.items() if not n.startswith(("heads/", "time/", "custody/")) and not n.endswith("-proof")}
    return pack(finished(dataclasses.replace(case, files=files, old=[]), hashes, []))


def forked_head(rng, case):
    """An older head of another history among the heads."""
    if not case.old:
        return None
    size = rng.choice(case.old)
    hashes = [rng.randbytes(32) for _ in range(size)]
    return pack(summed({**case.files, f"heads/{size}.checkpoint": made.signed_head(case, hashes, case.witnesses)}))


def truncated(rng, case):
    """The proofs of the whole tree under a head that is smaller."""
    size = rng.randrange(1, len(case.hashes))
    newest, head = f"heads/{len(case.hashes)}.checkpoint", made.signed_head(case, case.hashes[:size], case.witnesses)
    files = {}
    for name, data in case.files.items():
        if name.endswith("-proof"):
            data = data.partition(b"\n\n")[0] + b"\n\n" + head
        if name != newest and not name.startswith(("heads/", "time/")):
            files[name] = data
        elif name == newest:
            files[f"heads/{size}.checkpoint"] = head
    return pack(summed(files))


def rehead(case, head):
    old = case.files[f"heads/{len(case.hashes)}.checkpoint"]
    return pack(summed({n: d[: -len(old)] + head if d.endswith(old) else d for n, d in case.files.items()}))


def without_witness(rng, case):
    if not case.needed:
        return None
    return rehead(case, made.signed_head(case, case.hashes, rng.sample(case.witnesses, case.needed - 1)))


def other_witness(rng, case):
    """Right names, other keys."""
    if not case.needed:
        return None
    return rehead(case, made.signed_head(case, case.hashes, [Key(w.name, 4, rng.randbytes(32)) for w in case.witnesses]))


def other_log_key(rng, case):
    return rehead(dataclasses.replace(case), made.signed_head(dataclasses.replace(case, log=Key(case.log.name, 1, rng.randbytes(32))), case.hashes, case.witnesses))


def without_log(rng, case):
    text = made.checkpoint_text(case.log.name, case.hashes)
    return rehead(case, note(text, *(w.line(text, 5) for w in case.witnesses))) if case.witnesses else None


def wrong_time(rng, case):
    """A cosignature with another time than the one that was signed."""
    if not case.needed:
        return None
    text = made.checkpoint_text(case.log.name, case.hashes)
    lines = [case.log.line(text)]
    for w in case.witnesses:
        raw = made.base64.b64decode(w.line(text, 1000).split()[-1])
        lines.append(f"— {w.name} {made.b64(raw[:4] + (1001).to_bytes(8, 'big') + raw[12:])}\n")
    return rehead(case, note(text, *lines))


def other_index(rng, case):
    name = f"records/{rng.choice(case.records).position}/proof.tlog-proof"
    lines = case.files[name].split(b"\n")
    lines[1] = b"index %d" % (int(lines[1][6:]) + 1)
    return pack(summed({**case.files, name: b"\n".join(lines)}))


def shorter_proof(rng, case):
    name = f"records/{rng.choice(case.records).position}/proof.tlog-proof"
    top, end = case.files[name].split(b"\n\n", 1)
    lines = top.split(b"\n")
    del lines[rng.randrange(2, len(lines))]
    return pack(summed({**case.files, name: b"\n".join(lines) + b"\n\n" + end}))


def without_custody(rng, case):
    return pack(summed({n: d for n, d in case.files.items() if not n.startswith("custody/")}))


def unproven_custody(rng, case):
    """The record of another export, without its leaf: nothing says that it is in the log."""
    files = {n: d for n, d in case.files.items() if n not in ("custody/leaf.bin", "README.txt")}
    return pack(summed({**files, "custody/body": made.export_body(files)}))


def erased_custody(rng, case):
    files = {n: d for n, d in case.files.items() if n != "README.txt"}
    return pack(summed({**files, "custody/body": made.export_body(files), "custody/erased": b"Erased.\n"}))


def exported(case, files, **custody):
    """What an export of these files would be: its record is in the log."""
    files = {n: d for n, d in files.items() if not n.startswith(("heads/", "time/", "custody/")) and not n.endswith(("-proof", "SUMS"))}
    body = made.export_body(files)
    custody = dataclasses.replace(case.custody, **{"body": body, **custody})
    hashes = list(case.hashes)
    hashes[custody.index] = custody.leaf_hash()
    return pack(finished(dataclasses.replace(case, files=files, custody=custody), hashes))


def without_leaf(rng, case):
    """The operator exports what was never received."""
    folder = f"records/{case.custody.position + 2}"
    return exported(case, {**case.files, f"{folder}/body": b"made up", f"{folder}/seed": bytes(32)})


def beside_erased(rng, case):
    """The operator gives an erased record a body."""
    erased = [r for r in case.records if r.erased]
    return exported(case, {**case.files, f"records/{erased[0].position}/body": b"made up"}) if erased else None


def custody_of_a_batch(rng, case):
    """Somebody had the digest of a made-up bundle received as a batch."""
    return exported(case, case.files, kind=3 - AUDIT)


FORGERIES = {
    "one byte": one_byte,
    "cut": cut,
    "longer": longer,
    **{f"changed {part}": changed_part(part) for part in (*made.PARTS, "seed")},
    "changed file": changed_file(),
    "changed vehicle": changed_vehicle,
    "changed table": changed_table,
    "vehicle left out": vehicle_left_out,
    "invented vehicle": invented_vehicle,
    "events beside parts": events_beside_parts,
    "body beside parts": body_beside_parts,
    "changed page": changed_file("README.txt", "manifest.json", "policy.txt", "versions.json"),
    "changed custody": changed_file("custody/body", "custody/leaf.bin", "custody/meta", "custody/seed"),
    "changed hash": changed_hash,
    "foreign leaf": foreign_leaf,
    "later record": later_record,
    "swapped": swapped,
    "left out": left_out,
    "called erased": called_erased,
    "more": more,
    "forked": forked,
    "forked head": forked_head,
    "truncated": truncated,
    "without witness": without_witness,
    "other witness": other_witness,
    "other log key": other_log_key,
    "without log": without_log,
    "wrong time": wrong_time,
    "other index": other_index,
    "shorter proof": shorter_proof,
    "without custody": without_custody,
    "without leaf": without_leaf,
    "beside erased": beside_erased,
    "unproven custody": unproven_custody,
    "erased custody": erased_custody,
    "custody of a batch": custody_of_a_batch,
}


def forgeries(rng, case):
    """(name, archive) of each that this bundle has a place for."""
    for name, forge in FORGERIES.items():
        archive = forge(rng, case)
        if archive is not None and archive != case.archive():
            yield name, archive
