"""rsyslog: TCP syslog in; nothing, Kafka and PostgreSQL out."""

from ..far_side import Table, Topic, last_json_lines
from ..peer import CORES, Peer

# Two workers on the queue of ompgsql make its transactions smaller: in a trial PostgreSQL used 32 µs an event instead of 17.
BATCH = 'queue.dequeueBatchSize="2000" queue.timeoutEnqueue="600000"'
MEMORY = f'queue.type="LinkedList" queue.size="2000000" queue.workerThreads="{CORES}" {BATCH}'
DISK = f'queue.type="Disk" queue.filename="events" queue.maxDiskSpace="64g" queue.maxFileSize="64m" queue.checkpointInterval="1000" {BATCH}'
SYNCED = DISK.replace('"1000"', '"0"') + ' queue.syncQueueFiles="on"'
NULL = 'action(name="end" type="omfile" file="/dev/null" template="line")'
JSON = 'action(name="json" type="mmjsonparse" cookie="")'
INPUT = "imptcp with a thread a core, octet counting, flow control; the JSON stays one text"


class Rsyslog(Peer):
    """A subclass gives it queue and actions."""

    program, package, version_words = "rsyslogd", "rsyslog", ("-v",)
    form, http, coded, waits = "syslog", False, False, True
    queue, modules, actions = MEMORY, "", NULL

    def command(self, port, folder, run):
        actions = self.actions_of(run)  # sets modules too
        values = {"queue": self.queue, "modules": self.modules, "actions": actions}
        config = self.write_config(folder, "rsyslog/rsyslog.conf", folder=folder, cores=CORES, port=port, **values)
        root = self.module_folder()
        return [self.path(), "-n", "-f", str(config), "-i", str(folder / "pid"), *(["-M", root] if root else [])]

    def module_folder(self):
        """Of an unpacked package; an installed one finds its own."""
        root = self.root()
        return str(next(root.glob("usr/lib/*-linux-gnu/rsyslog"))) if root else None

    def actions_of(self, run):
        return self.actions

    def count(self):
        """By impstats, which writes once a second: messages that the last action has processed."""
        text = (self.folder / "stats.json").read_text() if (self.folder / "stats.json").exists() else ""
        return last_json_lines(text).get("end", {}).get("processed", 0)


class Memory(Rsyslog):
    name = "rsyslog, memory"
    durability = "none: queue in memory, and syslog has no answers"
    settings = f"{INPUT}; written to /dev/null"
    scenarios = ("accept",)


class MemoryJson(Rsyslog):
    name = "rsyslog, memory, JSON parsed"
    durability = Memory.durability
    settings = f"{INPUT.replace('the JSON stays one text', 'mmjsonparse makes fields of the JSON')}; written to /dev/null"
    scenarios = ("accept",)
    modules, actions = 'module(load="mmjsonparse")', f"{JSON}\n{NULL}"


class Disk(Rsyslog):
    name = "rsyslog, disk queue"
    durability = "in the page cache: queue on disk without sync, and syslog has no answers"
    settings = f"{INPUT}; queue.type=Disk, checkpoint every 1000 messages; written to /dev/null"
    scenarios = ("accept",)
    queue = DISK


class DiskSynced(Rsyslog):
    name = "rsyslog, disk queue, synced"
    durability = "synced to disk message by message (queue.syncQueueFiles), but syslog has no answers"
    settings = f"{INPUT}; queue.type=Disk, syncQueueFiles; fewer events, because it is slow"
    scenarios = ("accept",)
    queue = SYNCED
    events_most = 2000


class Delivering(Rsyslog):
    """Each action has a queue of its own, so that a sink does not wait for the other."""

    queue = MEMORY
    sinks = ()
    DURABILITY = "none until the sinks have it: queues in memory; Kafka acks=all, PostgreSQL commits a batch of INSERTs; at least once"
    KAFKA = """
action(type="omkafka" broker=["@bootstrap@"] topic="@topic@" template="message" partitions.auto="on" resubmitOnFailure="on" keepFailedMessages="on"
       failedMsgFile="@folder@/failed" confParam=["acks=all", "compression.codec=lz4", "linger.ms=50", "queue.buffering.max.messages=500000"]
       action.resumeRetryCount="-1" action.resumeInterval="1" @queue@)"""
    POSTGRES = """
action(type="ompgsql" conninfo="@uri@" template="row" action.resumeRetryCount="-1" action.resumeInterval="1" @queue@)"""
    ROW = 'template(name="row" type="string" option.stdsql="on" string="INSERT INTO peer_events (event) VALUES (\'%msg:2:$%\')")'
    LOADS = {"kafka": 'module(load="omkafka")\n', "postgres": f'module(load="ompgsql")\n{ROW}\n'}

    def actions_of(self, run):
        self.modules = "".join(self.LOADS[sink] for sink in self.sinks)
        instance = run.services.fresh()
        topic, uri = f"peer-{instance}", ""
        text, self.far = "", []
        if "kafka" in self.sinks:
            self.far.append(Topic(run.services.bootstrap, topic))
            text += self.KAFKA
        if "postgres" in self.sinks:
            self.far.append(Table(run.services.dsn))
            uri = self.far[-1].uri()
            text += self.POSTGRES
        own = MEMORY.replace(f'workerThreads="{CORES}"', 'workerThreads="1"')
        for name, value in {"bootstrap": run.services.bootstrap, "topic": topic, "uri": uri, "folder": self.folder, "queue": own}.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    count = Peer.count  # not by its own counters


class Kafka(Delivering):
    name = "rsyslog, socket to Kafka"
    durability = Delivering.DURABILITY
    settings = f"{INPUT}; omkafka with lz4, linger 50 ms; the value is the event's JSON, no key, no headers"
    scenarios = ("kafka",)
    sinks = ("kafka",)


class Postgres(Delivering):
    name = "rsyslog, socket to PostgreSQL"
    durability = Delivering.DURABILITY
    settings = f"{INPUT}; ompgsql, 2000 INSERTs a transaction, one column of text, no index"
    scenarios = ("postgres",)
    sinks = ("postgres",)
    events_most = 200000


class Both(Delivering):
    name = "rsyslog, socket to both"
    durability = Delivering.DURABILITY
    settings = "as to Kafka and to PostgreSQL, a queue in memory for each"
    scenarios = ("end-to-end",)
    sinks = ("kafka", "postgres")
    events_most = 200000
