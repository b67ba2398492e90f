"""OpenTelemetry Collector: OTLP in; nothing, a queue on disk, and Kafka out."""

import re

from rig import RigError, wait_until

from ..contender import wait_for_port
from ..far_side import Topic
from ..peer import Peer

STORAGE = """  file_storage:
    directory: @folder@/queue
    create_directory: true
    fsync: true"""
QUEUED = """  debug:
    verbosity: basic
    use_internal_logger: true
    sending_queue: { enabled: true, storage: file_storage, num_consumers: 2, queue_size: 100000, block_on_overflow: true }"""
KAFKA = """  kafka:
    brokers: ["@bootstrap@"]
    logs: { topic: "@topic@", encoding: otlp_proto }
    producer: { required_acks: -1, compression: lz4 }
    sending_queue: { enabled: true, num_consumers: 2, queue_size: 100000, block_on_overflow: true }"""
INPUT = "OTLP/HTTP, protobuf in gzip, no processor"


def total(page, metric):
    """Sum of a Prometheus metric's samples."""
    return int(sum(float(value) for value in re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", page, re.M)))


class Collector(Peer):
    program, package = "otelcol-peer", "collector"
    form, target = "otlp", "/v1/logs"
    scenarios = ("accept",)
    extensions, exporter = "  {}", "  nop:"

    def command(self, port, folder, run):
        extensions = self.extensions.replace("@folder@", str(folder))
        names = ", ".join(re.findall(r"^  (\w+):", extensions, re.M))
        exporter = self.exporter_of(run)
        values = {"extensions": extensions, "extension_names": names, "exporter": exporter, "exporter_name": re.match(r"  (\w+):", exporter)[1]}
        config = self.write_config(folder, "collector/collector.yaml", port=port, admin=self.new_admin(), folder=folder, **values)
        return [self.path(), f"--config=file:{config}"]

    def exporter_of(self, run):
        return self.exporter

    def start(self, port, folder, run):
        super().start(port, folder, run)
        wait_for_port(self.admin, self.process, folder / f"{self.name}.log")

    def count(self):
        """The receiver's counter; with a queue, the exporter's."""
        page = self.page(self.admin, "/metrics")
        if total(page, "otelcol_exporter_enqueue_failed_log_records\\w*"):
            raise RigError(f"{self.name}: its queue refused events")
        metric = "exporter_sent_log_records" if "sending_queue" in self.exporter else "receiver_accepted_log_records"
        return total(page, f"otelcol_{metric}\\w*")


class Nop(Collector):
    name = "OpenTelemetry Collector, memory"
    durability = "none: answered when it is parsed"
    settings = f"{INPUT}; exporter nop"


class Queue(Collector):
    name = "OpenTelemetry Collector, synced queue"
    durability = "each batch is in its queue and synced (file_storage with fsync) before its answer"
    settings = f"{INPUT}; sending_queue in file_storage, behind it the exporter debug, one line a batch"
    extensions, exporter = STORAGE, QUEUED
    waits = True
    events_most = 100000


class Kafka(Collector):
    name = "OpenTelemetry Collector, socket to Kafka"
    durability = "none until Kafka has it: queue in memory; acks=all, at least once"
    settings = f"{INPUT}; kafka exporter, otlp_proto (a record a batch), lz4"
    scenarios = ("kafka",)
    exporter = KAFKA
    waits = True

    def exporter_of(self, run):
        self.far = [Topic(run.services.bootstrap, f"peer-{run.services.fresh()}")]
        return KAFKA.replace("@bootstrap@", run.services.bootstrap).replace("@topic@", self.far[0].name)

    def check(self, run):
        """Its counter of sent records was looked at; Kafka has records, a batch each."""
        wait_until(lambda: self.far[0].count() * run.load["batch"] == run.load["events"], 30, f"{self.name}: a record in Kafka for each batch")
