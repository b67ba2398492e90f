"""A second decoder of AUTOSAR IDS protocol messages, written from docs/formats.md alone, to compare `vsocd parse` with."""

import base64
import struct


def decode_batch(data):
    """→ (messages, offset of the first byte that could not be read, or None). Messages as dicts of what is on the wire."""
    messages, at = [], 0
    while at < len(data):
        try:
            message, size = decode_message(data[at:])
        except (struct.error, ValueError):
            return messages, at
        message["raw_offset"], message["raw_size"] = at, size
        messages.append(message)
        at += size
    return messages, None


def decode_message(data):
    head, ids, sev_id, count, reserved = struct.unpack_from(">BHHHB", data)
    version = head >> 4
    if version not in (1, 2):
        raise ValueError("version")
    out = {"idsm_instance_id": ids >> 6, "sensor_instance_id": ids & 63, "sev_id": sev_id, "count": max(count, 1)}
    notes = set()
    if sev_id == 0xFFFF:
        notes.add("invalid_event_id")
    if count == 0:
        notes.add("count_zero")
    if count == 0xFFFF:
        out["count_saturated"] = True
    if reserved or head & 8:
        notes.add("reserved_bits")
    at = 8
    if head & 2:
        at += decode_timestamp(take(data, at, 8), out, notes)
    else:
        out["time_source"] = "none"
    if head & 1:
        at = decode_context(data, at, version, out, notes)
    if head & 4:
        (length,) = struct.unpack_from(">H", data, at)
        take(data, at + 2, length)
        at += 2 + length
    out["sig_state"] = "unverifiable" if head & 4 else "none"
    out["notes"] = notes
    return out, at


def take(data, at, size):
    if at + size > len(data):
        raise ValueError("short")
    return data[at:at + size]


def decode_timestamp(raw, out, notes):
    first, seconds = struct.unpack(">II", raw)
    out["time_event_raw"] = raw.hex()
    if first >> 31:
        out["time_source"] = "oem"
        return 8
    out["time_source"] = "autosar"
    if first >> 30:
        notes.add("reserved_bits")
    nanoseconds = first & 0x3FFFFFFF
    if nanoseconds < 1_000_000_000:
        out["time_event_ns"] = str(seconds * 1_000_000_000 + nanoseconds)
    else:
        out["time_quality"] = "invalid"
        notes.add("bad_time")
    return 8


def decode_context(data, at, version, out, notes):
    if version == 2:
        (word,) = struct.unpack_from(">H", data, at)
        out["context_modified"], out["context_version"] = bool(word >> 15), word & 0x7FFF
        at += 2
    first = take(data, at, 1)[0]
    if first < 128:
        length, at = first, at + 1
        if length == 0:
            notes.add("not_canonical")
    else:
        (length,) = struct.unpack_from(">I", data, at)
        length, at = length & 0x7FFFFFFF, at + 4
        if length < 128:
            notes.add("not_canonical")
    out["context_raw"] = base64.b64encode(take(data, at, length)).decode()
    return at + length
