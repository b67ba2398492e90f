"""An attacker who owns data_dir: changes batches of a dead spool and makes every CRC, digest and chain hash right again."""

import hashlib
import struct

import spool_reader
from spool_reader import RECORD_HEADER, RECORD_REST, SEGMENT_HEADER, commitment, part_nonce

MAGIC = 0x43455256


def _leb128(value):
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data + bytes([value]))


def _meta(texts):
    return b"".join(_leb128(len(t.encode())) + t.encode() for t in (texts[name] for name in spool_reader.TEXTS))


def _sealed(record, tag, chain, kept):
    """Bytes of the record behind this chain hash, and its own. The owner has the keys too. kept: the commitments stay as they are."""
    assert record.version == 2 and record.state == "open"
    meta, events, body = _meta(record.texts), record.events, record.body
    if kept or record.key_area[16:144] == spool_reader.ERASED:
        commitments = [record.body_commitment, record.meta_commitment, record.events_commitment]
    else:
        commitments = [commitment(record.seed, part, data) for part, data in ((b"body", body), (b"meta", meta), (b"events", events))]
    if record.flags & 2:
        cipher = spool_reader.AESGCM(record.data_key)
        events, body = cipher.encrypt(part_nonce(0), events, None), cipher.encrypt(part_nonce(1), body, None)
    start = 320 + len(record.key_area)
    size = (start + len(meta) + len(events) + len(body) + 7) // 8 * 8
    payload = (meta + events + body).ljust(size - start, b"\0")
    fields = [MAGIC, 0, size, record.kind, 2, 320, tag, record.position, record.events_before, record.received_ns, record.ingested_ns,
              record.batch_uid.bytes, record.key, record.body_digest, commitments[0], record.inflated_bytes, len(meta), len(events),
              len(body), spool_reader.crc32c(payload), record.accepted, record.duplicates, record.quarantined, record.flags, commitments[1]]
    rest = [commitments[2], len(record.key_area), 0, record.leaf_index, bytes(32)]
    header = RECORD_HEADER.pack(*fields) + RECORD_REST.pack(*rest)
    rest[-1] = chain = hashlib.sha256(chain + header[8:288]).digest()
    header = RECORD_HEADER.pack(*fields) + RECORD_REST.pack(*rest)
    fields[1] = spool_reader.crc32c(header[8:])
    return RECORD_HEADER.pack(*fields) + RECORD_REST.pack(*rest) + record.key_area + payload, chain


def _head(segment, chain, size):
    copy = SEGMENT_HEADER.pack(b"VSOCSEG1", 2, segment.flags, segment.spool_uid.bytes, segment.first_position, segment.events_before,
                               chain, segment.created_ns, segment.tag, size, segment.leaves_before, 0)
    return (copy[:124] + struct.pack("<I", spool_reader.crc32c(copy[:124]))).ljust(4096, b"\0") * 2


def destroy_keys(record):
    """As an erasure does."""
    tail = struct.pack("<HHI", 1, 1, 0x53415245) + spool_reader.ERASED
    record.key_area = struct.pack("<II", 0x59454B56, spool_reader.crc32c(tail)) + tail


def store(directory, alter, kept=False):
    """alter(records), a list of spool_reader's dataclasses, returns those to be stored; everything else follows from it."""
    chain = None
    for path in spool_reader.segment_paths(directory):
        segment = spool_reader.read_segment_header(path, path.read_bytes())
        records = list(spool_reader.read_segment(path, kinds=spool_reader.ALL_KINDS))
        chain = chain or segment.chain_before
        before, data, events = chain, b"", segment.events_before
        for record in alter(records):
            record.events_before, events = events, events + record.accepted + record.quarantined
            sealed, chain = _sealed(record, segment.tag, chain, kept)
            data += sealed
        path.write_bytes(_head(segment, before, 8192 + len(data)) + data)
    for stale in (*directory.glob("*.idx*"), directory / "cursors"):
        stale.unlink(missing_ok=True)


def rewrite(directory, change, kept=False):
    """change(record) alters what it likes of each record."""
    def alter(records):
        for record in records:
            change(record)
        return records

    store(directory, alter, kept)
