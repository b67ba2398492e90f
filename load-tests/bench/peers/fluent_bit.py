"""Fluent Bit: HTTP in; nothing, Kafka and PostgreSQL out. Used where `fluent-bit` is on PATH: no registry has it for Debian 12."""

import json

from ..far_side import Table, Topic
from ..peer import Peer

NULL = '    - name: "null"\n      match: "*"'
KAFKA = """    - name: kafka
      match: "*"
      brokers: "@bootstrap@"
      topics: "@topic@"
      format: json
      rdkafka.acks: all
      rdkafka.compression.codec: lz4"""
POSTGRES = """    - name: pgsql
      match: "*"
      host: "@host@"
      port: @port@
      user: "@user@"
      database: "@dbname@"
      table: peer_events"""
SYNCED = "  storage.path: @folder@/storage\n  storage.sync: full\n  storage.checksum: off\n  storage.max_chunks_up: 512"
INPUT = "http input, a JSON array in gzip, which it parses"


class FluentBit(Peer):
    program = package = "fluent-bit"
    form, target = "json", "/events"
    scenarios = ("accept",)
    storage, storage_type, output = "", "memory", NULL

    def command(self, port, folder, run):
        values = {"storage": self.storage.replace("@folder@", str(folder)), "storage_type": self.storage_type, "output": self.output_of(run)}
        config = self.write_config(folder, "fluent-bit/fluent-bit.yaml", port=port, admin=self.new_admin(), **values)
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


class Delivering(FluentBit):
    durability = "none until the sinks have it: in memory; Kafka acks=all, at least once"
    waits, sinks = True, ()

    def output_of(self, run):
        instance = run.services.fresh()
        values, texts, self.far = {}, [], []
        if "kafka" in self.sinks:
            self.far.append(Topic(run.services.bootstrap, f"peer-{instance}"))
            values |= {"bootstrap": run.services.bootstrap, "topic": self.far[-1].name}
            texts.append(KAFKA)
        if "postgres" in self.sinks:
            self.far.append(Table(run.services.dsn, "tag varchar, time timestamp, data jsonb"))  # as its output makes it
            values |= self.far[-1].words()
            texts.append(POSTGRES)
        text = "\n".join(texts)
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text

    count = Peer.count  # not by its own counters


class Kafka(Delivering):
    name = "Fluent Bit, socket to Kafka"
    settings = f"{INPUT}; kafka output, JSON, lz4"
    scenarios = ("kafka",)
    sinks = ("kafka",)


class Postgres(Delivering):
    name = "Fluent Bit, socket to PostgreSQL"
    settings = f"{INPUT}; pgsql output, one INSERT a chunk, a column of JSON, no index"
    scenarios = ("postgres",)
    sinks = ("postgres",)


class Both(Delivering):
    name = "Fluent Bit, socket to both"
    settings = "as to Kafka and to PostgreSQL"
    scenarios = ("end-to-end",)
    sinks = ("kafka", "postgres")
