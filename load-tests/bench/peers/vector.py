"""Vector: HTTP in; nothing out, behind a buffer in memory or on disk. Used where `vector` is on PATH: no registry has it."""

import re

from ..peer import Peer

INPUT = "http_server source, JSON lines in gzip, which it parses; acknowledgements"


class Vector(Peer):
    program = package = "vector"
    form, target = "ndjson", "/events"
    scenarios = ("accept",)
    buffer = ""

    def command(self, port, folder, run):
        (folder / "data").mkdir()
        config = self.write_config(folder, "vector/vector.yaml", port=port, admin=self.new_admin(), folder=folder, sink="blackhole", buffer=self.buffer)
        return [self.path(), "--quiet", "--config", str(config)]

    def count(self):
        return sent(self.page(self.admin, "/metrics"))


def sent(page):
    """Events that the sink `end` has sent, of its Prometheus page."""
    rows = re.findall(r"^vector_component_sent_events_total\{(.*)\} (\d+)", page, re.M)
    return sum(int(number) for labels, number in rows if 'component_id="end"' in labels)


class Memory(Vector):
    name = "Vector, memory"
    durability = "none: answered when the sink blackhole has it"
    settings = f"{INPUT}; buffer in memory"


class Disk(Vector):
    name = "Vector, disk buffer"
    durability = "in the disk buffer, which syncs every 500 ms"
    settings = f"{INPUT}; buffer of 8 GiB on disk"
    buffer = "    buffer: { type: disk, max_size: 8589934592, when_full: block }"
