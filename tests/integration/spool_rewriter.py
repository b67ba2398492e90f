"""An attacker who owns data_dir: changes batches of a dead spool and makes every CRC, digest and chain hash right again."""

import hashlib
import struct

import spool_reader
from spool_reader import RECORD_HEADER, SEGMENT_HEADER

MAGIC = 0x43455256


def _leb128(value):
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data + bytes([value]))


def _meta(texts):
    return b"".join(_leb128(len(t.encode())) + t.encode() for t in (texts[name] for name in spool_reader.TEXTS))


def _sealed(record, tag, chain):
    """Bytes of the record behind this chain hash, and its own."""
    meta = _meta(record.texts)
    size = (240 + len(meta) + len(record.events) + len(record.body) + 7) // 8 * 8
    payload = (meta + record.events + record.body).ljust(size - 240, b"\0")
    fields = [MAGIC, 0, size, 1, 1, 240, tag, record.position, record.events_before, record.received_ns, record.ingested_ns,
              record.batch_uid.bytes, record.key, hashlib.sha256(record.body).digest(), hashlib.sha256(meta + record.events).digest(),
              record.inflated_bytes, len(meta), len(record.events), len(record.body), spool_reader.crc32c(payload), record.accepted,
              record.duplicates, record.quarantined, record.flags, bytes(32)]
    header = RECORD_HEADER.pack(*fields)
    fields[-1] = chain = hashlib.sha256(chain + header[8:208]).digest()
    header = RECORD_HEADER.pack(*fields)
    fields[1] = spool_reader.crc32c(header[8:])
    return RECORD_HEADER.pack(*fields) + payload, chain


def _head(segment, chain, size):
    copy = SEGMENT_HEADER.pack(b"VSOCSEG1", 1, segment.flags, segment.spool_uid.bytes, segment.first_position, segment.events_before,
                               chain, segment.created_ns, segment.tag, size, 0)
    return (copy[:124] + struct.pack("<I", spool_reader.crc32c(copy[:124]))).ljust(4096, b"\0") * 2


def rewrite(directory, change):
    """change(record) alters what it likes of each record (a dataclass of spool_reader); everything else follows from it."""
    chain = None
    for path in spool_reader.segment_paths(directory):
        segment = spool_reader.read_segment_header(path, path.read_bytes())
        records = list(spool_reader.read_segment(path))
        chain = chain or segment.chain_before
        before, data = chain, b""
        for record in records:
            change(record)
            sealed, chain = _sealed(record, segment.tag, chain)
            data += sealed
        path.write_bytes(_head(segment, before, 8192 + len(data)) + data)
