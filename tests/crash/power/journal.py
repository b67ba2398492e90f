"""What recorder.c noted, in the order in which it happened."""

import collections
import json
import struct

HEADER = struct.Struct("<IIIIQQ")

# op: w write, t truncate, f allocate, s file synced, d directory synced, c create, r rename, l link, u unlink, m mkdir, a reply 200
Note = collections.namedtuple("Note", "op inode number name data")


def read_journal(path):
    data, at, notes = path.read_bytes(), 0, []
    while at < len(data):
        op, name_bytes, data_bytes, _, inode, number = HEADER.unpack_from(data, at)
        at += HEADER.size
        name = data[at:at + name_bytes].decode()
        at += name_bytes
        notes.append(Note(chr(op), inode, number, name, data[at:at + data_bytes]))
        at += data_bytes
    return notes


def batch_of_reply(note):
    """(batch id, position) of a reply that granted a batch, else None."""
    _, _, body = note.data.partition(b"\r\n\r\n")
    report = json.loads(body) if body.startswith(b"{") else {}
    return (report["batch_id"], report["position"]) if "batch_id" in report else None
