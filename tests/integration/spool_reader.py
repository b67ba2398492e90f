#!/usr/bin/python3
"""A second reader of the spool, written from docs/spool-format.md alone. Standard library only, but for the package cryptography:
without it, encrypted parts stay as they are and commitments are not compared.

spool_reader.py DIR [KEYS] prints a JSON line a record and ends with 1 when a frame, digest, position or the chain is wrong. KEYS is a
privacy.keys_file.
"""

import collections
import dataclasses
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import uuid

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    AESGCM = None


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class SpoolError(Exception):
    """What is wrong, with file and offset."""


@dataclasses.dataclass
class Segment:
    path: pathlib.Path
    flags: int
    spool_uid: uuid.UUID
    first_position: int
    events_before: int
    chain_before: bytes
    created_ns: int
    tag: int
    file_bytes: int
    version: int = 2
    leaves_before: int = 0


TEXTS = ("tenant", "sender", "transport_identity", "content_type", "content_encoding", "format", "parser_version",
         "idempotency_key", "traceparent", "request_id", "report_errors")


@dataclasses.dataclass
class Record:
    offset: int
    position: int
    events_before: int
    received_ns: int
    ingested_ns: int
    batch_uid: uuid.UUID
    key: bytes
    body_digest: bytes  # version 1: SHA-256
    body_commitment: bytes  # version 1: SHA-256 of meta texts and events
    inflated_bytes: int
    accepted: int
    duplicates: int
    quarantined: int
    flags: int
    chain_hash: bytes
    texts: dict
    events: bytes
    body: bytes
    chained: bytes  # header bytes 8 to the chain hash
    version: int = 1
    kind: int = 1
    leaf_index: int | None = None
    meta_commitment: bytes = b""
    events_commitment: bytes = b""
    header_bytes: int = 240
    key_area: bytes = b""
    meta: bytes = b""
    state: str = "absent"  # open, erased, no_key, absent: of its keys
    vehicle: bytes = b""
    data_key: bytes = b""
    seed: bytes = b""
    parts: list = dataclasses.field(default_factory=list)  # of a batch of several vehicles
    table: bytes = b""


@dataclasses.dataclass
class Part:
    """One key of a record and what it opens."""

    state: str  # open, erased, no_key
    vehicle: bytes = b""
    data_key: bytes = b""
    seed: bytes = b""
    commitment: bytes = b""
    items: int = 0
    events: bytes = b""
    records: list = dataclasses.field(default_factory=list)  # (offset in the inflated body, bytes)


SEGMENT_HEADER = struct.Struct("<8sII16sQQ32sqQQQ12xI")
RECORD_HEADER = struct.Struct("<IIIBBHQQQqq16s32s32s32sQIIIIIIII32s")
RECORD_REST = struct.Struct("<32sIIQ32s")  # of version 2: events commitment, key area, zero, leaf index, chain
ENTRY = struct.Struct("<32s12s80sI")
ERASED = b"\xee" * 128


def read_keys(path):
    """{id: key} of a privacy.keys_file."""
    lines = [line.split() for line in pathlib.Path(path).read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {int(words[0]): bytes.fromhex(words[1]) for words in lines}


def find_keys(directory):
    """Where the server's tests have the file; else the key of spool_make."""
    directory = pathlib.Path(directory)
    for path in (directory.parent.parent / "vin.keys", directory.parent / "keys" / "vin.keys"):
        if path.exists():
            return read_keys(path)
    return {1: b"\x2a" + bytes(31)}


def _mac(key, data):
    return hmac.digest(key, data, "sha256")


def commitment(seed, part, data):
    return _mac(_mac(seed, b"vsocd commitment " + part), data)


def _wrapping(key, batch_uid):
    return _mac(_mac(key, b"vsocd spool data keys\0"), batch_uid)


def part_nonce(number):
    return number.to_bytes(12, "little")


def _entries(record, keys):
    """The entries of the key area, unwrapped."""
    area = record.key_area
    magic, crc, version, count, state = struct.unpack_from("<IIHHI", area)
    if magic != 0x59454B56 or version != 1 or len(area) != 16 + 128 * count or (crc != crc32c(area[8:]) and state != 0x53415245):
        raise SpoolError(f"position {record.position}: the key area is damaged")
    parts = []
    for n in range(count if AESGCM else 0):
        entry = area[16 + 128 * n:144 + 128 * n]
        if entry == ERASED:
            parts.append(Part("erased"))
            continue
        vehicle, nonce, sealed, key_id = ENTRY.unpack(entry)
        try:
            clear = AESGCM(_wrapping(keys[key_id], record.batch_uid.bytes)).decrypt(nonce, sealed, vehicle)
            parts.append(Part("open", vehicle, clear[:32], clear[32:]))
        except (KeyError, InvalidTag):
            parts.append(Part("no_key", vehicle))
    return parts


def read_segment_header(path, data):
    for at in (0, 4096):
        copy = data[at:at + 128]
        if len(copy) < 128:
            continue
        magic, version, flags, uid, first, events, chain, created, tag, size, leaves, crc = SEGMENT_HEADER.unpack(copy)
        if magic != b"VSOCSEG1" or crc != crc32c(copy[:124]):
            continue
        if version > 2:
            raise SpoolError(f"{path}: format version {version}")
        return Segment(path, flags, uuid.UUID(bytes=uid), first, events, chain, created, tag, size, version, leaves)
    raise SpoolError(f"{path}: no whole header")


def leb128(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def read_texts(data):
    texts, at = {}, 0
    for name in TEXTS:
        size, at = leb128(data, at)
        texts[name] = data[at:at + size].decode()
        at += size
    return texts


def _check_old(where, record):
    """Version 1: plain digests."""
    if hashlib.sha256(record.body).digest() != record.body_digest:
        raise SpoolError(f"{where}: body differs from its digest")
    if hashlib.sha256(record.meta + record.events).digest() != record.body_commitment:
        raise SpoolError(f"{where}: content differs from its digest")


def _decipher(where, key, number, data):
    try:
        return AESGCM(key).decrypt(part_nonce(number), data, None)
    except InvalidTag:
        raise SpoolError(f"{where}: a part can't be deciphered") from None


def _committed(where, name, seed, part, data, expected):
    if commitment(seed, part, data) != expected:
        raise SpoolError(f"{where}: {name} differs from its commitment")


def _open(where, record, keys):
    """Deciphers the parts and compares them with their commitments."""
    parts = _entries(record, keys)
    if record.flags & 4:
        _open_parts(where, record, parts)
        return
    if not parts:
        return
    part, = parts
    record.state, record.vehicle, record.data_key, record.seed = part.state, part.vehicle, part.data_key, part.seed
    if record.state != "open":
        return
    if record.flags & 2:
        record.events = _decipher(where, record.data_key, 0, record.events)
        record.body = _decipher(where, record.data_key, 1, record.body)
    for name, data, expected in (("meta", record.meta, record.meta_commitment), ("events", record.events, record.events_commitment),
                                 ("body", record.body, record.body_commitment)):
        _committed(where, name, record.seed, name.encode(), data, expected)


def _open_parts(where, record, parts):
    """A batch of several vehicles. Leaves the events of all open parts in record.events, in the order of the batch."""
    stored = record.events
    count, runs = struct.unpack_from("<II", stored)
    record.table, at = stored[:8 + 48 * count + 8 * runs], 8 + 48 * count + 8 * runs
    if count < 2 or hashlib.sha256(record.table).digest() != record.events_commitment:
        raise SpoolError(f"{where}: the table of parts differs from its commitment")
    if not parts:
        return
    rows = [struct.unpack_from("<32sIII4x", stored, 8 + 48 * n) for n in range(count)]
    run = [struct.unpack_from("<II", stored, 8 + 48 * count + 8 * n) for n in range(runs)]
    pieces, by_part = [], [[] for _ in rows]
    for part, size in run:
        by_part[part].append(len(pieces))
        pieces.append(stored[at:at + size])
        at += size
    tags = len(stored) - 16 * count
    record.parts = parts
    for n, (part, (expected, events, records, part.items)) in enumerate(zip(parts, rows, strict=True)):
        part.commitment = expected
        sealed = b"".join(pieces[i] for i in by_part[n])
        if len(sealed) != events:
            raise SpoolError(f"{where}: runs of part {n} have another size")
        raw, at = stored[at:at + records], at + records
        clear = b"" if part.state != "open" else _decipher(where, part.data_key, 0, sealed + raw + stored[tags + 16 * n:tags + 16 * n + 16])
        if part.state == "open":
            _committed(where, f"part {n}", part.seed, b"events", clear, expected)
        part.events, raw, start = clear[:events], clear[events:], 0
        for i in by_part[n]:
            pieces[i], start = part.events[start:start + len(pieces[i])], start + len(pieces[i])
        place = 0
        while place < len(raw):
            offset, place = leb128(raw, place)
            size, place = leb128(raw, place)
            part.records.append((offset, raw[place:place + size]))
            place += size
    if at != tags:
        raise SpoolError(f"{where}: the events have another size than their parts")
    own, shared = parts[:2]
    states = {part.state for part in parts}
    record.state = "no_key" if "no_key" in states else "open" if "open" in states else "erased"
    record.seed, record.events = own.seed, b"".join(pieces)
    record.body = _decipher(where, shared.data_key, 1, record.body) if shared.state == "open" else b""
    if shared.state == "open":
        _committed(where, "body", shared.seed, b"body", record.body, record.body_commitment)
    if own.state == "open":
        _committed(where, "meta", own.seed, b"meta", record.meta, record.meta_commitment)


def read_record(segment, data, at, keys=None):
    """Record at the offset, None at the segment's end. Its parts are clear if keys has its key."""
    where = f"{segment.path}: offset {at}"
    header = data[at:at + 240]
    if not any(header):
        return None, at
    if len(header) < 240:
        raise SpoolError(f"{where}: header ends early")
    (magic, crc, size, kind, version, header_size, tag, position, events_before, received, ingested, uid, key, digest,
     committed, inflated, meta_bytes, event_bytes, body_bytes, payload_crc, accepted, duplicates, quarantined, flags,
     last) = RECORD_HEADER.unpack(header)
    header = data[at:at + header_size]
    if magic != 0x43455256 or tag != segment.tag or crc != crc32c(header[8:]):
        raise SpoolError(f"{where}: no record")
    if (version, header_size) not in ((1, 240), (2, 320)) or not 1 <= kind <= (1 if version == 1 else 5) or flags > (1 if version == 1 else 7):
        raise SpoolError(f"{where}: type {kind}, version {version}")
    if version != segment.version:
        raise SpoolError(f"{where}: record of version {version} in a segment of version {segment.version}")
    record = Record(at, position, events_before, received, ingested, uuid.UUID(bytes=uid), key, digest, committed, inflated, accepted,
                    duplicates, quarantined, flags, last, {}, b"", b"", header[8:208], version, kind, header_bytes=header_size)
    key_bytes = 0
    if version == 2:
        record.meta_commitment = last
        record.events_commitment, key_bytes, zero, record.leaf_index, record.chain_hash = RECORD_REST.unpack(header[240:])
        record.chained = header[8:288]
        if zero:
            raise SpoolError(f"{where}: reserved bytes are not zero")
    start = header_size + key_bytes
    if size != (start + meta_bytes + event_bytes + body_bytes + 7) // 8 * 8:
        raise SpoolError(f"{where}: sizes disagree")
    record.key_area = data[at + header_size:at + start]
    payload = data[at + start:at + size]
    if len(payload) != size - start or crc32c(payload) != payload_crc:
        raise SpoolError(f"{where}: payload is damaged")
    record.meta, record.events = payload[:meta_bytes], payload[meta_bytes:meta_bytes + event_bytes]
    record.body = payload[meta_bytes + event_bytes:meta_bytes + event_bytes + body_bytes]
    if any(payload[meta_bytes + event_bytes + body_bytes:]):
        raise SpoolError(f"{where}: padding is not zero")
    record.texts = read_texts(record.meta)
    if version == 1:
        _check_old(where, record)
    else:
        _open(where, record, keys or {})
    return record, at + size


def segment_paths(directory):
    """Paths of the segments, oldest first."""
    return sorted(p for p in pathlib.Path(directory).glob("*.seg") if p.stem.isdigit() and len(p.stem) == 20)


BATCHES = (1,)
ALL_KINDS = (1, 2, 3, 4, 5)


def read_segment(path, keys=None, kinds=BATCHES):
    """Yields the records of these kinds of one segment; the chain is not looked at."""
    data = path.read_bytes()
    segment = read_segment_header(path, data)
    keys = keys or find_keys(path.parent)
    at = 8192
    while True:
        record, at = read_record(segment, data, at, keys)
        if record is None:
            return
        if record.kind in kinds:
            yield record


def read_spool(directory, keys=None, kinds=BATCHES):
    """Yields (segment, record) of these kinds, oldest first; raises SpoolError at the first thing that is wrong with a record of any kind."""
    chain = uid = events = None
    last = leaves = 0
    keys = keys or find_keys(directory)
    for path in segment_paths(directory):
        data = path.read_bytes()
        segment = read_segment_header(path, data)
        if segment.first_position != int(path.stem) or uid not in (None, segment.spool_uid):
            raise SpoolError(f"{path}: is of another spool or place")
        if chain not in (None, segment.chain_before) or events not in (None, segment.events_before):
            raise SpoolError(f"{path}: does not continue the segment before")
        uid, chain, events = segment.spool_uid, segment.chain_before, segment.events_before
        at = 8192
        if segment.leaves_before < leaves:
            raise SpoolError(f"{path}: leaf indexes go back")
        leaves = max(leaves, segment.leaves_before)
        while True:
            record, at = read_record(segment, data, at, keys)
            if record is None:
                break
            if record.version == 2 and record.leaf_index < leaves:
                raise SpoolError(f"{path}: offset {record.offset}: leaf index {record.leaf_index} after {leaves}")
            leaves = leaves if record.leaf_index is None else record.leaf_index + 1
            if record.position <= last or record.position < segment.first_position:
                raise SpoolError(f"{path}: offset {record.offset}: position {record.position} after {last}")
            if record.events_before != events:
                raise SpoolError(f"{path}: offset {record.offset}: events_before is not {events}")
            if hashlib.sha256(chain + record.chained).digest() != record.chain_hash:
                raise SpoolError(f"{path}: offset {record.offset}: chain breaks at position {record.position}")
            chain, last = record.chain_hash, record.position
            events += record.accepted + record.quarantined
            if record.kind in kinds:
                yield segment, record


def read_cursors(directory):
    """Generation and {name: position} of the newest whole slot, or None."""
    try:
        data = (pathlib.Path(directory) / "cursors").read_bytes()
    except FileNotFoundError:
        return None
    best = None
    for at in (0, 8192):
        slot = data[at:at + 8192]
        if len(slot) < 8192 or slot[:8] != b"VSOCCUR1":
            continue
        if struct.unpack_from("<I", slot, 8188)[0] != crc32c(slot[:8188]):
            continue
        _, count, generation = struct.unpack_from("<IIQ", slot, 8)
        if best is None or generation > best[0]:
            entries = {}
            for n in range(count):
                name, position = struct.unpack_from("<56sQ", slot, 64 + 64 * n)
                entries[name.rstrip(b"\0").decode()] = position
            best = generation, entries
    return best


EVICTION = struct.Struct("<8s16sqQQQQqqQI32s32xI")
Eviction = collections.namedtuple("Eviction", "spool_uid evicted_ns first last batches events oldest_ns newest_ns file_bytes cause chain_hash")


def read_evictions(directory):
    """What went before its retention was over: [Eviction], oldest first. docs/spool-format.md, section 8."""
    path = pathlib.Path(directory) / "evictions"
    data = path.read_bytes() if path.exists() else b""
    found = []
    for at in range(0, len(data), EVICTION.size):
        magic, *fields, crc = EVICTION.unpack_from(data, at)
        if magic != b"VSOCEVI1" or crc != crc32c(data[at : at + EVICTION.size - 4]):
            raise SpoolError(f"{path}: entry at {at} is damaged")
        found.append(Eviction(*fields))
    return found


def main():
    try:
        for segment, record in read_spool(sys.argv[1], read_keys(sys.argv[2]) if len(sys.argv) > 2 else None):
            print(json.dumps({"file": segment.path.name, "offset": record.offset, "position": record.position,
                              "batch_uid": str(record.batch_uid), "events": record.accepted + record.quarantined,
                              "body_bytes": len(record.body), "chain_hash": record.chain_hash.hex()}))
    except SpoolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
