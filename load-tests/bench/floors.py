"""Floors: programs of this tree that do only what nobody can leave out, measured in the same turns as the contenders.

`floors` does inflate, simdjson and both. Those of the sinks (floor_kafka, floor_copy, floor_sync) do one each and take their place here by
their file's name in the build folder.
"""

import json
import subprocess

from rig import RigError

from .contender import Program


class Inflate(Program):
    """inflate (isa-l where it was found), simdjson over every field, or both one after the other."""

    durability = "none: bytes in memory"

    def __init__(self, build, part):
        super().__init__(build / "floors")
        self.part, self.name = part, f"floor: {part.replace('+', ' + ')}"
        self.scenarios = ("accept",)
        self.settings = "one thread, batches of the same generator"

    def words(self, run, folder):
        return ["--json", "--batch", run.load["batch"], "--seconds", run.load.get("floor_seconds", 0.5)]

    def run_once(self, run, folder):
        done = subprocess.run([str(self.path), *map(str, self.words(run, folder))], capture_output=True, text=True)
        if done.returncode != 0:
            raise RigError(f"floors failed: {done.stderr}")
        rates = json.loads(done.stdout)
        inflate = rates.get("inflate_isal", rates["inflate_zlib"])
        each = {"inflate": 1 / inflate, "simdjson": 1 / rates["simdjson"]}
        seconds = sum(each[name] for name in self.part.split("+")) * rates["events"]
        return {"events": rates["events"], "seconds": seconds, "cpu_seconds": seconds}


class Kafka(Program):
    """A bare transactional producer of the records that vsocd has written before it in the round."""

    durability = "acks=all, transactional (exactly once)"
    settings = "librdkafka with the sink's properties, events a transaction as the sink's; records read before the clock starts"
    scenarios = ("kafka",)

    def __init__(self, build, headers):
        super().__init__(build / "floor_kafka")
        self.headers, self.name = headers, f"floor: producer, {'same' if headers == 'full' else 'no'} headers"

    def words(self, run, folder):
        return [
            *("--brokers", run.services.bootstrap, "--events", run.load["events"], "--headers", self.headers),
            *("--transaction", run.setting("sinks.kafka.transaction.events")),
        ]

    def run_once(self, run, folder):
        said = super().run_once(run, folder)
        return {**said, "rss_peak_bytes": said["max_rss_kib"] * 1024}


class Copy(Program):
    """Bare COPY BINARY of the same rows."""

    def __init__(self, build, connections, key):
        super().__init__(build / "floor_copy")
        self.connections, self.key = connections, key
        self.name = f"floor: COPY, {connections} connections, {'with' if key else 'without'} keys"
        self.durability = "commit with fsync, each transaction"
        self.settings = "rows made before the clock starts"
        self.scenarios = ("postgres",)

    def words(self, run, folder):
        words = ["--dsn", run.services.dsn, "--events", run.load["events"], "--connections", self.connections]
        words += ["--transaction", run.setting("sinks.postgres.batch.events")]
        return words + ([] if self.key else ["--no-keys"])


class Sync(Program):
    """write + fdatasync of blocks of a batch's size, one after the other: latency is one commit's."""

    name = "floor: fdatasync"
    durability = "each block synced"
    settings = "one thread, one file on the measured disk"
    scenarios = ("half-load",)

    def __init__(self, build):
        super().__init__(build / "floor_sync")

    def words(self, run, folder):
        return ["--folder", folder, "--blocks", run.load.get("sync_blocks", 2000), "--bytes", run.load.get("sync_bytes", 24000)]


def floors(build):
    return [
        Inflate(build, "inflate"),
        Inflate(build, "simdjson"),
        Inflate(build, "inflate+simdjson"),
        Sync(build),
        Kafka(build, "full"),
        Kafka(build, "none"),
        Copy(build, 2, True),
        Copy(build, 2, False),
    ]
