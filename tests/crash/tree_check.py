"""Whether the transparency tree of a server that has settled is the tree of its spool: no record without a leaf, none with two, and every stored
head continued by every later one."""

import pathlib
import struct

import spool_reader
import tlog
from harness import HarnessError, wait_until


def stored_heads(folder):
    """Notes of data_dir/evidence/heads and its older parts, oldest first."""
    notes = []
    for path in [*sorted(folder.glob("heads-*")), folder / "heads"]:
        data = path.read_bytes() if path.exists() else b""
        while data:
            size, _ = struct.unpack_from("<II", data)
            notes.append(data[16:8 + size].decode())
            data = data[8 + size:]
    return notes


def roots(leaves, sizes):
    """{size: root}, all from one walk."""
    found, stack = {}, []
    wanted = set(sizes)
    for n, leaf in enumerate(leaves, 1):
        one, bits = leaf, n
        while bits % 2 == 0:
            one, bits = tlog.node(stack.pop(), one), bits // 2
        stack.append(one)
        if n in wanted:
            top = stack[-1]
            for left in reversed(stack[:-1]):
                top = tlog.node(left, top)
            found[n] = top
    return found


def records(directory):
    """What a spool has, whatever a test has damaged between."""
    for path in spool_reader.segment_paths(directory):
        try:
            segment = spool_reader.read_segment_header(path, path.read_bytes())
            found = list(spool_reader.read_segment(path))
        except FileNotFoundError:  # its retention has ended meanwhile
            continue
        for record in found:
            yield segment, record


def check(server, shown=()):
    """shown: heads that somebody has seen, [(size, root)]."""
    wait_until(lambda: server.metric("vsocd_evidence_unsigned_records") == 0, 60, "a head over all records")
    folder = pathlib.Path(server.settings["data_dir"]) / "evidence"
    verifier = tlog.Verifier((folder / "head.vkey").read_text())
    data = (folder / "tree" / "level0").read_bytes()
    leaves = [data[i:i + 32] for i in range(0, len(data) // 32 * 32, 32)]
    heads = [verifier.open(note) for note in stored_heads(folder)]
    if not heads or [size for size, _ in heads] != sorted({size for size, _ in heads}):
        raise HarnessError(f"sizes of heads do not grow: {heads}")
    known = roots(leaves, [size for size, _ in [*heads, *shown]])
    for size, root in [*heads, *shown]:
        if known.get(size) != root:
            raise HarnessError(f"the tree does not continue the head of {size} records")
    seen = set()
    for segment, record in records(server.spool_dir):
        if record.leaf_index is None:
            continue
        if record.leaf_index in seen:
            raise HarnessError(f"leaf {record.leaf_index} is two records'")
        seen.add(record.leaf_index)
        if record.leaf_index >= heads[-1][0]:
            raise HarnessError(f"no head covers leaf {record.leaf_index}")
        lost = tlog.lost_leaf_hash(record.leaf_index, segment.spool_uid)
        if leaves[record.leaf_index] not in (tlog.leaf_hash(record, segment.spool_uid), lost):
            raise HarnessError(f"leaf {record.leaf_index} is not that of the record at position {record.position}")
    return heads, leaves
