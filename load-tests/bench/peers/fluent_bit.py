"""Fluent Bit: HTTP in; nothing and Kafka out. Used where `fluent-bit` is on PATH: no registry has it for Debian 12."""

import json

from ..far_side import Topic
from ..peer import Peer

NULL = '    - name: "null"\n      match: "*"'
KAFKA = """    - name: kafka
      match: "*"
      brokers: "@bootstrap@"
      topics: "@topic@"
      format: json
      rdkafka.acks: all
      rdkafka.compression.codec: lz4"""
SYNCED = "  storage.path: @folder@/storage\n  storage.sync: full\n  storage.checksum: off\n  storage.max_chunks_up: 512"
INPUT = "http input, a JSON array in gzip, which it parses"


class FluentBit(Peer):
    program = package = "fluent-bit"
    form, target = "json", "/events"
    scenarios = ("accept",)
    storage, storage_type, output = "", "memory", NULL

    def command(self, port, folder, run):
        from harness import free_port  # tests/support, which rounds.py made known

        self.admin = free_port()
        values = {"storage": self.storage.replace("@folder@", str(folder)), "storage_type": self.storage_type, "output": self.output_of(run)}
        config = self.write_config(folder, "fluent-bit/fluent-bit.yaml", port=port, admin=self.admin, **values)
        return [self.path(), "-c", str(config)]

    def output_of(self, run):
        return self.output

    def count(self):
        return delivered(self.page(self.admin, "/api/v1/metrics"))


def delivered(page):
    """proc_records of all outputs."""
    return sum(output["proc_records"] for output in json.loads(page)["output"].values())


class Memory(FluentBit):
    name = "Fluent Bit, memory"
    durability = "none: answered when it is in memory"
    settings = f"{INPUT}; output null"


class Synced(FluentBit):
    name = "Fluent Bit, file system, synced"
    durability = "in mapped files with storage.sync full before its answer"
    settings = f"{INPUT}; storage.type filesystem, storage.sync full; output null"
    storage, storage_type = SYNCED, "filesystem"


class Kafka(FluentBit):
    name = "Fluent Bit, socket to Kafka"
    durability = "none until Kafka has it: in memory; acks=all, at least once"
    settings = f"{INPUT}; kafka output, JSON, lz4"
    scenarios = ("kafka",)
    waits, topic = True, None

    def output_of(self, run):
        self.topic = Topic(run.services.bootstrap, f"peer-{run.services.fresh()}")
        return KAFKA.replace("@bootstrap@", run.services.bootstrap).replace("@topic@", self.topic.name)

    def count(self):
        return self.topic.count()

    def stop(self):
        super().stop()
        if self.topic is not None:
            self.topic.close()
            self.topic = None
