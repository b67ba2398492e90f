"""A disk that keeps only what it must: POSIX without the promises of any one file system.

What was synced stays. Of what was not, a cut keeps any part: sectors of 512 bytes in any order; sizes without their data (zeros, or what
stood there before); names of a directory (create, rename, link, unlink, mkdir) independently of data and of each other, as long as
operations on the same name stay in order and a rename is whole. Syncing a file says nothing of its name.
"""

import os
import pathlib

SECTOR = 512
FOLDER = object()  # what the name of a directory stands for


class File:
    def __init__(self, content=b""):
        self.durable = bytes(content)
        self.pending = []  # ("w", offset, bytes), ("t", size) or ("f", size)

    def sync(self):
        if self.pending:
            self.durable = self.content(len(self.pending), lambda: True)
            self.pending = []

    def content(self, sizes, keep):
        """Its bytes when the first `sizes` changes of its size are kept, and each sector written for which keep() is true."""
        data = bytearray(self.durable)
        for kind, at, *rest in self.pending:
            end = at + len(rest[0]) if rest else at
            if (end > len(data) or kind == "t" and end < len(data)) and sizes > 0:
                data = data[:end].ljust(end, b"\0")
                sizes -= 1
            elif end > len(data) or kind == "t" and end < len(data):
                sizes = 0
            if kind == "w":
                self._write(data, at, rest[0], keep)
        return bytes(data)

    @staticmethod
    def _write(data, at, new, keep):
        end = min(at + len(new), len(data))
        first = at
        while at < end:
            after = min((at // SECTOR + 1) * SECTOR, end)
            if keep():
                data[at:after] = new[at - first:after - first]
            at = after


def parent(path):
    return os.path.dirname(path)


class Disk:
    """tree: {path below the root: bytes, or FOLDER}, all of it durable."""

    def __init__(self, tree=None):
        self.names = {path: FOLDER if content is FOLDER else File(content) for path, content in (tree or {}).items()}
        self.pending = []  # (folders, {path: File, FOLDER or None})
        self.now = dict(self.names)
        self.inodes = {}

    def apply(self, note):
        getattr(self, "_on_" + note.op)(note)

    def _on_a(self, note):
        pass

    def _on_w(self, note):
        self.inodes[note.inode].pending.append(("w", note.number, note.data))

    def _on_t(self, note):
        self.inodes[note.inode].pending.append(("t", note.number))

    def _on_f(self, note):
        self.inodes[note.inode].pending.append(("f", note.number))

    def _on_s(self, note):
        self.inodes[note.inode].sync()

    def _on_d(self, note):
        for folders, changes in self.pending:
            if note.name in folders:
                self.names.update(changes)
        self.pending = [one for one in self.pending if note.name not in one[0]]

    def _change(self, changes):
        self.pending.append(({parent(path) for path in changes}, changes))
        self.now.update(changes)

    def _on_c(self, note):
        self.inodes[note.inode] = File()
        self._change({note.name: self.inodes[note.inode]})

    def _on_m(self, note):
        self._change({note.name: FOLDER})

    def _on_u(self, note):
        self._change({note.name: None})

    def _on_r(self, note):
        self._change({note.name: None, note.data.decode(): self.now[note.name]})

    def _on_l(self, note):
        self._change({note.data.decode(): self.now[note.name]})

    def kept_names(self, keep):
        """{path: File or FOLDER} with those pending changes for which keep() is true."""
        names, lost = dict(self.names), set()
        for _, changes in self.pending:
            if lost.isdisjoint(changes) and keep():
                names.update(changes)
            else:
                lost.update(changes)
        names = {path: what for path, what in names.items() if what is not None}

        def is_reachable(path):
            above = parent(path)
            return not above or names.get(above) is FOLDER and is_reachable(above)

        return {path: what for path, what in names.items() if is_reachable(path)}


def write_tree(tree, root):
    for path in sorted(tree):
        if tree[path] is FOLDER:
            os.makedirs(root / path, exist_ok=True)
            continue
        with open(root / path, "wb") as file:
            file.write(tree[path].rstrip(b"\0"))
            file.truncate(len(tree[path]))
        os.chmod(root / path, 0o600)  # keys are among them


def read_tree(root):
    tree = {}
    for path in pathlib.Path(root).rglob("*"):
        tree[str(path.relative_to(root))] = FOLDER if path.is_dir() else path.read_bytes()
    return tree
