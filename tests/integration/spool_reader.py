#!/usr/bin/python3
"""A second reader of the spool, written from docs/spool-format.md alone. Standard library only.

spool_reader.py DIR prints a JSON line a record and ends with 1 when a frame, digest, position or the chain is wrong.
"""

import collections
import dataclasses
import hashlib
import json
import pathlib
import struct
import sys
import uuid


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
    body_sha256: bytes
    content_sha256: bytes
    inflated_bytes: int
    accepted: int
    duplicates: int
    quarantined: int
    flags: int
    chain_hash: bytes
    texts: dict
    events: bytes
    body: bytes
    chained: bytes  # header bytes 8 to 207


SEGMENT_HEADER = struct.Struct("<8sII16sQQ32sqQQ20xI")
RECORD_HEADER = struct.Struct("<IIIBBHQQQqq16s32s32s32sQIIIIIIII32s")


def read_segment_header(path, data):
    for at in (0, 4096):
        copy = data[at:at + 128]
        if len(copy) < 128:
            continue
        magic, version, flags, uid, first, events, chain, created, tag, size, crc = SEGMENT_HEADER.unpack(copy)
        if magic != b"VSOCSEG1" or crc != crc32c(copy[:124]):
            continue
        if version > 1:
            raise SpoolError(f"{path}: format version {version}")
        return Segment(path, flags, uuid.UUID(bytes=uid), first, events, chain, created, tag, size)
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


def read_record(segment, data, at):
    """Record at the offset, None at the segment's end."""
    where = f"{segment.path}: offset {at}"
    header = data[at:at + 240]
    if not any(header):
        return None, at
    if len(header) < 240:
        raise SpoolError(f"{where}: header ends early")
    (magic, crc, size, kind, version, header_size, tag, position, events_before, received, ingested, uid, key, body_sha,
     content_sha, inflated, meta_bytes, event_bytes, body_bytes, payload_crc, accepted, duplicates, quarantined, flags,
     chain) = RECORD_HEADER.unpack(header)
    if magic != 0x43455256 or tag != segment.tag or crc != crc32c(header[8:]):
        raise SpoolError(f"{where}: no record")
    if (kind, version, header_size) != (1, 1, 240) or flags > 1:
        raise SpoolError(f"{where}: type {kind}, version {version}")
    if size != (240 + meta_bytes + event_bytes + body_bytes + 7) // 8 * 8:
        raise SpoolError(f"{where}: sizes disagree")
    payload = data[at + 240:at + size]
    if len(payload) != size - 240 or crc32c(payload) != payload_crc:
        raise SpoolError(f"{where}: payload is damaged")
    meta, events = payload[:meta_bytes], payload[meta_bytes:meta_bytes + event_bytes]
    body = payload[meta_bytes + event_bytes:meta_bytes + event_bytes + body_bytes]
    if any(payload[meta_bytes + event_bytes + body_bytes:]):
        raise SpoolError(f"{where}: padding is not zero")
    record = Record(at, position, events_before, received, ingested, uuid.UUID(bytes=uid), key, body_sha, content_sha,
                    inflated, accepted, duplicates, quarantined, flags, chain, read_texts(meta), events, body, header[8:208])
    if hashlib.sha256(body).digest() != body_sha:
        raise SpoolError(f"{where}: body differs from its digest")
    if hashlib.sha256(meta + events).digest() != content_sha:
        raise SpoolError(f"{where}: content differs from its digest")
    return record, at + size


def segment_paths(directory):
    """Paths of the segments, oldest first."""
    return sorted(p for p in pathlib.Path(directory).glob("*.seg") if p.stem.isdigit() and len(p.stem) == 20)


def read_segment(path):
    """Yields the records of one segment; the chain is not looked at."""
    data = path.read_bytes()
    segment = read_segment_header(path, data)
    at = 8192
    while True:
        record, at = read_record(segment, data, at)
        if record is None:
            return
        yield record


def read_spool(directory):
    """Yields (segment, record), oldest first; raises SpoolError at the first thing that is wrong."""
    chain = uid = events = None
    last = 0
    for path in segment_paths(directory):
        data = path.read_bytes()
        segment = read_segment_header(path, data)
        if segment.first_position != int(path.stem) or uid not in (None, segment.spool_uid):
            raise SpoolError(f"{path}: is of another spool or place")
        if chain not in (None, segment.chain_before) or events not in (None, segment.events_before):
            raise SpoolError(f"{path}: does not continue the segment before")
        uid, chain, events = segment.spool_uid, segment.chain_before, segment.events_before
        at = 8192
        while True:
            record, at = read_record(segment, data, at)
            if record is None:
                break
            if record.position <= last or record.position < segment.first_position:
                raise SpoolError(f"{path}: offset {record.offset}: position {record.position} after {last}")
            if record.events_before != events:
                raise SpoolError(f"{path}: offset {record.offset}: events_before is not {events}")
            if hashlib.sha256(chain + record.chained).digest() != record.chain_hash:
                raise SpoolError(f"{path}: offset {record.offset}: chain breaks at position {record.position}")
            chain, last = record.chain_hash, record.position
            events += record.accepted + record.quarantined
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
        for segment, record in read_spool(sys.argv[1]):
            print(json.dumps({"file": segment.path.name, "offset": record.offset, "position": record.position,
                              "batch_uid": str(record.batch_uid), "events": record.accepted + record.quarantined,
                              "body_bytes": len(record.body), "chain_hash": record.chain_hash.hex()}))
    except SpoolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
